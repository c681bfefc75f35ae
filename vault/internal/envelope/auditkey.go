package envelope

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"

	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
)

// The audit key proves the log. Each slot's KEK wraps it, and the data key never does:
// who takes a running daemon has the data key, and must not be able to rewrite what
// the log said before (P2). It is in memory only while a vault is unlocked with a KEK.
const (
	infoAuditWrap    = "bfxvault/v1/audit/wrap"
	infoAuditBegin   = "bfxvault/v1/audit/begin"
	infoAuditSegment = "bfxvault/v1/audit/segment"

	// BucketAudit is where wrapped audit keys stand, and the place that they are bound to.
	BucketAudit = "audit" // as store.Audit
)

// AuditKeySize is the length of an audit key, and of the first key of a ratchet.
const AuditKeySize = keySize

// NewAuditKey draws an audit key into guarded memory.
func NewAuditKey(key *[AuditKeySize]byte) { rand.Read(key[:]) } // never fails: crypto/rand

// WrapAuditKey seals the audit key under the KEK of a slot.
func WrapAuditKey(vault VaultID, slot string, kek, key *[AuditKeySize]byte) (wrapped []byte, err error) {
	err = withKey(kek, infoAuditWrap, func(k *[keySize]byte) error {
		wrapped, err = Seal(nil, k, Place{vault, BucketAudit, []byte(slot)}, 0, key[:])
		return err
	})
	return wrapped, err
}

// UnwrapAuditKey writes the audit key to guarded memory. It returns a *[TamperedError] where
// the KEK is not that of the slot, or the bytes are not what was wrapped.
func UnwrapAuditKey(key *[AuditKeySize]byte, vault VaultID, slot string, kek *[keySize]byte, wrapped []byte) error {
	return withKey(kek, infoAuditWrap, func(k *[keySize]byte) error {
		plain, _, err := Open(key[:0], k, Place{vault, BucketAudit, []byte(slot)}, wrapped)
		if err == nil && len(plain) != AuditKeySize {
			err = &TamperedError{Bucket: BucketAudit}
		}
		return err
	})
}

// AuditPlace is where a ratchet begins: the sequence of the record that says so, the
// hash of the one before, and whether missing records were accepted with it.
type AuditPlace struct {
	Vault    VaultID
	Seq      uint64
	Before   [32]byte
	Accepted bool
}

func (p *AuditPlace) place() Place {
	key := binary.BigEndian.AppendUint64(nil, p.Seq)
	key = append(key, p.Before[:]...)
	if p.Accepted {
		key = append(key, 1)
	}
	return Place{p.Vault, "audit/begin", key}
}

// BeginRatchet draws the first key of a ratchet into guarded memory and returns it
// sealed under the audit key, bound to its place.
func BeginRatchet(first, key *[AuditKeySize]byte, p AuditPlace) (text string, err error) {
	rand.Read(first[:])
	err = withKey(key, infoAuditBegin, func(k *[keySize]byte) error {
		sealed, err := Seal(nil, k, p.place(), 0, first[:])
		text = base64.RawStdEncoding.EncodeToString(sealed)
		return err
	})
	return text, err
}

// OpenRatchet writes the first key of a ratchet to first. It returns a *[TamperedError] for
// a text that was not sealed under this audit key for this place.
func OpenRatchet(first, key *[AuditKeySize]byte, p AuditPlace, text string) error {
	sealed, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return &TamperedError{Bucket: BucketAudit}
	}
	return withKey(key, infoAuditBegin, func(k *[keySize]byte) error {
		plain, _, err := Open(first[:0], k, p.place(), sealed)
		if err == nil && len(plain) != AuditKeySize {
			err = &TamperedError{Bucket: BucketAudit}
		}
		return err
	})
}

// AuditPublic is the public half to which the first keys of later segments are sealed,
// where no KEK is at hand.
func AuditPublic(key *[AuditKeySize]byte) (public [keySize]byte, err error) {
	err = withKey(key, infoAuditSegment, func(k *[keySize]byte) error {
		b, err := guard.NewBuffer(keySize) // KeyGen keeps the scalar in it while it runs
		if err != nil {
			return err
		}
		defer b.Destroy()
		publicOf((*[keySize]byte)(b.Bytes()), k)
		copy(public[:], b.Bytes())
		return nil
	})
	return public, err
}

// SealSegmentKey draws the first key of a segment's ratchet into guarded memory and
// returns it sealed to the public half, in nacl/box's anonymous format.
func SealSegmentKey(first *[AuditKeySize]byte, public *[keySize]byte) (text string, err error) {
	b, err := guard.NewBuffer(2 * keySize)
	if err != nil {
		return "", err
	}
	defer b.Destroy()
	guard.Quiet(func() {
		rand.Read(first[:])
		ephemeral, secret := (*[keySize]byte)(b.Bytes()), (*[keySize]byte)(b.Bytes()[keySize:])
		newX25519(ephemeral, secret)
		nonce := boxNonce(ephemeral, public)
		sealed := append([]byte(nil), ephemeral[:]...)
		if !boxKey(secret, public) {
			err = ErrBox
			return
		}
		text = base64.RawStdEncoding.EncodeToString(aeadSeal(sealed, first[:], &nonce, secret))
	})
	return text, err
}

// OpenSegmentKey writes the first key of a segment's ratchet to first. It returns
// [ErrBox] for a text that was not sealed to the public half of this audit key.
func OpenSegmentKey(first, key *[AuditKeySize]byte, text string) error {
	box, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(box) != BoxOverhead+AuditKeySize {
		return ErrBox
	}
	public, err := AuditPublic(key)
	if err != nil {
		return err
	}
	return withKey(key, infoAuditSegment, func(k *[keySize]byte) error {
		sender := [keySize]byte(box)
		nonce := boxNonce(&sender, &public)
		if !boxKey(k, &sender) {
			return ErrBox
		}
		if _, ok := aeadOpen(first[:0], box[keySize:], &nonce, k); !ok {
			return ErrBox
		}
		return nil
	})
}

// withKey calls f with a key derived from another, in guarded memory that is gone when
// it returns.
func withKey(from *[keySize]byte, info string, f func(k *[keySize]byte) error) error {
	b, err := guard.NewBuffer(keySize)
	if err != nil {
		return err
	}
	defer b.Destroy()
	if err := mac.HKDF256(b.Bytes(), from[:], info); err != nil {
		return err
	}
	guard.Quiet(func() { err = f((*[keySize]byte)(b.Bytes())) })
	return err
}
