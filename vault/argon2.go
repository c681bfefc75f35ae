package vault

import "bfxvault/vault/internal/envelope"

// Argon2Params are Argon2id's cost parameters (RFC 9106): passes, KiB of memory
// and lanes.
type Argon2Params struct {
	Time, MemoryKiB uint32
	Threads         uint8
}

// MinArgon2 is the floor: RFC 9106's second recommended choice.
func MinArgon2() Argon2Params {
	return Argon2Params{Time: envelope.MinTime, MemoryKiB: envelope.MinMemoryKiB, Threads: envelope.MinThreads}
}

// MaxArgon2 is the ceiling: what an edited slot can make a try cost at most.
func MaxArgon2() Argon2Params {
	return Argon2Params{Time: envelope.MaxTime, MemoryKiB: envelope.MaxMemoryKiB, Threads: envelope.MaxThreads}
}

// Check refuses parameters below the floor or above the ceiling (A46).
func (p Argon2Params) Check() error { return envelope.Params(p).Check() }
