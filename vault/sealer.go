package vault

import (
	"crypto/rand"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

// sealer seals and opens the records of one vault under its data key. The key is another
// one after a rotation: whoever has no snapshot of a sealer holds Vault.mu.
type sealer struct {
	// slab holds the data key, the manifest's mid-states, and the mid-states of
	// every API key. It is destroyed on lock, and every use of it is between its
	// Enter and Leave (P5).
	slab    *guard.Slab
	dataKey int // slots of the slab
	setKey  int

	id envelope.VaultID
}

// alloc takes slots for the keys.
func (s *sealer) alloc() (err error) {
	if s.dataKey, err = s.slab.Alloc(); err != nil {
		return err
	}
	if s.setKey, err = s.slab.Alloc(); err != nil {
		s.slab.Free(s.dataKey)
	}
	return err
}

// free wipes the keys, and gives their slots back.
func (s *sealer) free() {
	s.slab.Free(s.dataKey)
	s.slab.Free(s.setKey)
}

// enter registers a use of the key material. The caller calls slab.Leave.
func (s *sealer) enter(op string) error {
	if !s.slab.Enter() {
		return lockedError(op)
	}
	return nil
}

// key is the data key, in guarded memory. The caller has entered.
func (s *sealer) key() *[32]byte { return (*[32]byte)(s.slab.Slot(s.dataKey)) }

// state is the mid-states of the manifest's set hash. The caller has entered.
func (s *sealer) state() []byte { return s.slab.Slot(s.setKey)[:envelope.SetHashStateSize] }

// drawDataKey makes a new data key in place.
func (s *sealer) drawDataKey() error {
	rand.Read(s.key()[:]) // never fails: crypto/rand
	return envelope.SetHashState(s.state(), s.key())
}

func (s *sealer) valueOf(c change, revision uint64) ([]byte, error) {
	if c.remove {
		return nil, nil
	}
	if c.asIs {
		return c.plain, nil
	}
	return envelope.Seal(nil, s.key(), s.placeOf(c.place), revision, c.plain)
}

func (s *sealer) sealManifest(next *fileView) (store.Op, error) {
	m := envelope.Manifest{Revision: next.revision, Count: next.set.Count, Sum: next.set.Sum}
	plain, err := m.AppendBinary(nil)
	if err != nil {
		return store.Op{}, err
	}
	sealed, err := envelope.Seal(nil, s.key(), s.placeOf(manifestPlace), next.revision, plain)
	if err != nil {
		return store.Op{}, err
	}
	return store.Op{Bucket: manifestPlace.bucket, Key: []byte(manifestPlace.key), Value: sealed}, nil
}

func (s *sealer) placeOf(p place) envelope.Place {
	return envelope.Place{Vault: s.id, Bucket: p.bucket, Key: []byte(p.key)}
}
