//go:build bfxvault_testhooks

package operator

import "bfxvault/vault"

// Calibrate is the floor, whatever this machine could bear: a script that opens a
// vault twenty times must not wait a second each time.
func Calibrate() vault.Argon2Params { return vault.MinArgon2() }
