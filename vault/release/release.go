// Package release says which release of bfxvault this is, to all of its programs.
package release

import "time"

// Version is the version of this program.
const Version = "0.1.0"

// Month is the month of this version: no clock that shows an earlier one can be right.
func Month() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }
