package vault

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strconv"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/store"
)

// Slot is a key slot, as far as anybody may see it: what it takes to try a
// passphrase.
type Slot struct {
	ID      uint32
	Kind    string // "passphrase", "recovery" or "keyfile"
	Params  Argon2Params
	Salt    [16]byte
	Created int64 // unix seconds
}

// file is what a vault file holds, as it stands there.
type file struct {
	revision uint64
	id       envelope.VaultID
	slots    map[uint32]envelope.Slot
	manifest []byte
	// raw has every entry that the manifest covers: slots and sealed records.
	raw map[place][]byte
}

// readFile reads the whole file without opening anything.
func readFile(op string, s *store.Store) (*file, error) {
	f := newFile()
	var id []byte
	revision, err := s.Load(func(bucket string, key, value []byte) error {
		p := place{bucket, string(key)}
		value = append([]byte(nil), value...) // the store's memory ends with the call
		if p == vaultPlace {
			id = value
			return nil
		}
		return f.add(op, p, value)
	})
	var ours *Error
	if errors.As(err, &ours) {
		return nil, ours
	}
	if err != nil {
		return nil, storeError(op, err)
	}
	f.revision = revision
	if revision == 0 {
		return f, nil
	}
	var ok bool
	if f.id, ok = parseVaultID(id); !ok {
		return nil, tampered(op, vaultPlace)
	}
	return f, f.readSlots(op)
}

func newFile() *file {
	return &file{slots: make(map[uint32]envelope.Slot), raw: make(map[place][]byte)}
}

// add files one entry.
func (f *file) add(op string, p place, value []byte) error {
	switch {
	case p == manifestPlace:
		f.manifest = value
	case p.bucket == store.Meta, p.bucket == store.Manifest:
		return tampered(op, p) // the manifest covers neither of these buckets
	default:
		f.raw[p] = value
	}
	return nil
}

func (f *file) readSlots(op string) error {
	for p, value := range f.raw {
		if p.bucket != store.Slots {
			continue
		}
		slot, err := envelope.ParseSlot(value)
		var bounds *envelope.ParamsError
		switch {
		case errors.As(err, &bounds):
			return fail(op, KindTampered, "%v: %w", p, err).hint(restoreHint) // A46
		case err != nil, slotKey(slot.ID) != p.key:
			return tampered(op, p)
		}
		f.slots[slot.ID] = slot
	}
	return nil
}

// slotKey is the key of a slot in its bucket, and of its proof key.
func slotKey(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// appendVaultID writes a vault id with the first 8 bytes of its SHA-256, so that
// a damaged id is told apart from a wrong passphrase.
func appendVaultID(dst []byte, id envelope.VaultID) []byte {
	sum := sha256.Sum256(id[:])
	return append(append(dst, id[:]...), sum[:8]...)
}

func parseVaultID(b []byte) (id envelope.VaultID, ok bool) {
	if len(b) != len(id)+8 {
		return id, false
	}
	copy(id[:], b)
	sum := sha256.Sum256(id[:])
	return id, subtle.ConstantTimeCompare(b[len(id):], sum[:8]) == 1
}

func tampered(op string, p place) *Error {
	return fail(op, KindTampered, "%v is damaged or was tampered with", p).
		hint(restoreHint)
}

// Slots lists the key slots, lowest id first, and the vault's id. It answers
// while locked.
func (v *Vault) Slots() (id [16]byte, slots []Slot, err error) {
	const op = "slot list"
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != nil {
		return id, nil, v.fault.during(op)
	}
	f, err := readFile(op, v.store)
	if err != nil {
		return id, nil, err
	}
	if f.revision == 0 {
		return id, nil, fail(op, KindUninitialised, "there is no vault yet").hint("vaultctl init")
	}
	for _, key := range sortedKeys(f.slots) {
		s := f.slots[key]
		slots = append(slots, slotView(&s))
	}
	return f.id, slots, nil
}

func slotView(s *envelope.Slot) Slot {
	return Slot{ID: s.ID, Kind: s.Kind.String(), Salt: s.Salt, Created: s.Created, Params: Argon2Params(s.Params)}
}
