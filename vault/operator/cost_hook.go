//go:build bfxvault_testhooks

package operator

import (
	"golang.org/x/crypto/argon2"

	"bfxvault/vault"
)

// Calibrate is the floor, whatever this machine could bear.
func Calibrate() vault.Argon2Params { return vault.MinArgon2() }

// WeakBelow is just above the floor: a slot at the floor is weak.
func WeakBelow() uint64 {
	return uint64(vault.MinArgon2().Time)*uint64(vault.MinArgon2().MemoryKiB) + 1
}

// stretch is Argon2id at next to no cost, whatever the slot says: scripts try a
// passphrase more than a hundred times. What such a build makes, no ordinary one
// opens.
func stretch(passphrase []byte, p vault.Argon2Params, salt [16]byte) []byte {
	return argon2.IDKey(passphrase, salt[:], 1, 1<<10, p.Threads, KEKSize)
}
