package vault

import "time"

// Version is the version of this program.
const Version = "0.1.0"

// released is the month of this version: no clock that shows an earlier one can be
// right.
var released = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
