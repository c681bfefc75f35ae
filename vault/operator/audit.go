package operator

import (
	"errors"
	"fmt"

	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/mac"
)

// AuditKeys proves an audit log with a passphrase. It is an audit.Keys.
type AuditKeys struct {
	vault envelope.VaultID
	key   [envelope.AuditKeySize]byte
}

// OpenAudit opens the audit key of a vault with the KEK of one of its slots, and the
// newest record that the vault file knows; a zero position where it knows none.
func OpenAudit(kek *KEK, slot uint32, l vault.AuditLog) (*AuditKeys, audit.Position, error) {
	for _, k := range l.Keys {
		if k.Slot != slot {
			continue
		}
		head, err := openHead(kek, k, l)
		if err != nil {
			return nil, audit.Position{}, err
		}
		keys := &AuditKeys{vault: l.VaultID}
		err = envelope.UnwrapAuditKey(&keys.key, l.VaultID, fmt.Sprint(slot), (*[KEKSize]byte)(kek), k.Wrapped)
		if err != nil {
			return nil, audit.Position{}, fmt.Errorf("the audit key of slot %d: %w", slot, err)
		}
		return keys, head, nil
	}
	return nil, audit.Position{}, fmt.Errorf("there is no key slot %d", slot)
}

// Opens says whether a KEK opens a slot. It is vaultctl's to try: at vaultd a wrong one
// costs a second.
func Opens(kek *KEK, slot uint32, l vault.AuditLog) bool {
	keys, _, err := OpenAudit(kek, slot, l)
	if err != nil {
		return false
	}
	keys.Wipe()
	return true
}

// openHead opens what the vault file knows of the log, by way of the data key.
func openHead(kek *KEK, k vault.AuditKey, l vault.AuditLog) (audit.Position, error) {
	slot, err := envelope.ParseSlot(k.SlotBytes)
	if err != nil {
		return audit.Position{}, err
	}
	var dataKey [32]byte
	defer clear(dataKey[:])
	if err := slot.Unwrap(l.VaultID, (*[KEKSize]byte)(kek), &dataKey); errors.Is(err, envelope.ErrWrongKey) {
		return audit.Position{}, ErrWrongPassphrase
	} else if err != nil {
		return audit.Position{}, err
	}
	if len(l.Head) == 0 {
		return audit.Position{}, nil
	}
	plain, _, err := envelope.Open(nil, &dataKey, l.HeadPlace(), l.Head)
	if err != nil {
		return audit.Position{}, err
	}
	return vault.ParseAuditHead(plain)
}

// Wipe overwrites the audit key.
func (k *AuditKeys) Wipe() { clear(k.key[:]) }

// String keeps the key out of logs and errors.
func (*AuditKeys) String() string { return "AuditKeys(redacted)" }

// Format keeps it out of every verb of fmt.
func (k *AuditKeys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// Begun opens the first key of a ratchet that began with an unlock.
func (k *AuditKeys) Begun(text string, seq uint64, before audit.Hash, accepted bool) (*audit.Ratchet, error) {
	return ratchet(func(first *[envelope.AuditKeySize]byte) error {
		at := envelope.AuditPlace{Vault: k.vault, Seq: seq, Before: before, Accepted: accepted}
		return envelope.OpenRatchet(first, &k.key, at, text)
	})
}

// Sealed opens the first key of a segment's ratchet.
func (k *AuditKeys) Sealed(text string) (*audit.Ratchet, error) {
	return ratchet(func(first *[envelope.AuditKeySize]byte) error {
		return envelope.OpenSegmentKey(first, &k.key, text)
	})
}

func ratchet(open func(first *[envelope.AuditKeySize]byte) error) (*audit.Ratchet, error) {
	mem := make([]byte, mac.RatchetSize)
	if err := open((*[envelope.AuditKeySize]byte)(mem)); err != nil {
		return nil, err
	}
	r, err := mac.NewRatchet(mem)
	if err != nil {
		return nil, err
	}
	return &audit.Ratchet{
		Tag:    func(tag *[audit.TagSize]byte, hash *audit.Hash) { r.Tag(tag[:], hash[:]) },
		Settle: r.Settle,
		Free:   func() { clear(mem) },
	}, nil
}

// SlotOf is the key slot that an audit key is wrapped for: what it takes to try a
// passphrase.
func SlotOf(k vault.AuditKey) (vault.Slot, error) {
	s, err := envelope.ParseSlot(k.SlotBytes)
	if err != nil {
		return vault.Slot{}, err
	}
	return vault.Slot{ID: s.ID, Kind: s.Kind.String(), Params: vault.Argon2Params(s.Params), Salt: s.Salt, Created: s.Created}, nil
}
