package envelope

import (
	"fmt"
	"time"
)

// FormatVersion is the version of the sealed formats that this package writes,
// and the only one that it reads.
const FormatVersion = 1

// Domains and HKDF infos. A key or a box made for one purpose is of no use for
// another.
const (
	domainRecord = "bfxvault/v1/record"
	domainSlot   = "bfxvault/v1/slot"
	infoManifest = "bfxvault/v1/manifest"

	// What is derived of a KEK to wrap with, and of what both sides of a wrap know.
	infoWrapSecret = "bfxvault/v1/slot/secret"
	infoWrapShared = "bfxvault/v1/slot/shared"
	infoWrapKey    = "bfxvault/v1/slot/key"
)

// VaultID is drawn at random when a vault is made. It is bound into every slot
// and record, so that none opens in another vault.
type VaultID [16]byte

// SlotKind says how a slot's KEK comes about.
type SlotKind uint8

// The kinds of slot.
const (
	Passphrase SlotKind = 1 // Argon2id of what the operator types
	Recovery   SlotKind = 2 // Argon2id of a printed code
	Keyfile    SlotKind = 3 // 32 random bytes, used as they are
)

// String returns the name that users see.
func (k SlotKind) String() string {
	switch k {
	case Passphrase:
		return "passphrase"
	case Recovery:
		return "recovery"
	case Keyfile:
		return "keyfile"
	default:
		return fmt.Sprintf("slot kind %d", uint8(k))
	}
}

// Human reports whether a human opens the slot. The last such slot cannot be
// removed, and only such slots prove anything (A68).
func (k SlotKind) Human() bool { return k == Passphrase || k == Recovery }

const (
	saltSize    = 16
	wrappedSize = keySize + tagSize
)

// Slot is one wrapped copy of the data key, and how to unwrap it. All of it may
// be shown to anybody who may try a passphrase.
type Slot struct {
	ID      uint32         // unique in the vault, never used again
	Kind    SlotKind       // who opens it
	Params  Params         // zero for a keyfile
	Salt    [saltSize]byte // zero for a keyfile
	Created int64          // Unix seconds

	nonce     [nonceSize]byte
	ephemeral [keySize]byte
	wrapped   [wrappedSize]byte
}

// CreatedAt returns the time at which the slot was made.
func (s *Slot) CreatedAt() time.Time { return time.Unix(s.Created, 0).UTC() }

// Check refuses what no slot of ours looks like: a *[ParamsError] for parameters out of
// bounds, [ErrSlotDamaged] for a kind that does not exist or a keyfile with parameters.
func (s *Slot) Check() error {
	switch {
	case s.Kind.Human():
		return s.Params.Check()
	case s.Kind == Keyfile && s.Params == Params{} && s.Salt == [saltSize]byte{}:
		return nil
	default:
		return ErrSlotDamaged
	}
}
