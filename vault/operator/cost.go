//go:build !bfxvault_testhooks

package operator

import (
	"golang.org/x/crypto/argon2"

	"bfxvault/vault"
)

// Calibrate chooses Argon2id's cost for this machine: towards one second, with
// memory raised first, to at most a quarter of what is free (cgroup counted) and
// 1 GiB, and never below the floor of RFC 9106's second choice.
func Calibrate() vault.Argon2Params {
	return choose(vault.MinArgon2(), freeKiB()/4, measure)
}

// WeakBelow is the product of passes and memory in KiB below which one try of a passphrase
// takes less than a quarter of a second on this machine.
func WeakBelow() uint64 { return weakBelow(measure(vault.MinArgon2())) }

// stretch is Argon2id of a passphrase, KEKSize bytes.
func stretch(passphrase []byte, p vault.Argon2Params, salt [16]byte) []byte {
	return argon2.IDKey(passphrase, salt[:], p.Time, p.MemoryKiB, p.Threads, KEKSize)
}
