package vault

import (
	"context"
	"crypto/rand"
	"errors"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/store"
)

const (
	kekSize      = 32
	proofKeySize = 32
)

// Opened is what Init and Unlock report.
type Opened struct {
	VaultID  [16]byte
	Revision uint64
	// Already is set where the vault was unlocked before.
	Already bool
	// Held are the labels whose request nonces wait for AcceptNonce.
	Held []string
}

// Init makes the vault: a new data key, wrapped in one passphrase slot. It ends
// unlocked. A vault that exists is KindInitialised; parameters out of bounds are
// KindInvalid; too little lockable memory is KindMemoryLimit, and nothing was
// written.
func (v *Vault) Init(by Operator, r Init) (Opened, error) {
	const op = "init"
	if err := r.Params.Check(); err != nil {
		return Opened{}, fail(op, KindInvalid, "%w", err)
	}
	kek, err := v.openKEK(op, by, r.KEK, r.Purpose())
	if err != nil {
		return Opened{}, err
	}
	defer kek.Destroy()

	v.mu.Lock()
	defer v.mu.Unlock()
	switch state, problem := v.state(); {
	case problem != nil:
		return Opened{}, problem.during(op)
	case v.closed:
		return Opened{}, lockedError(op)
	case state != Uninitialised:
		return Opened{}, fail(op, KindInitialised, "there is a vault in this folder already").hint("vaultctl unlock")
	}
	u, err := v.create(op, kek, envelope.Slot{
		ID: 1, Kind: envelope.Passphrase, Params: envelope.Params(r.Params), Salt: r.Salt, Created: unixNow(),
	})
	if err != nil {
		return Opened{}, err
	}
	u.snapshot.Store(newSnapshot())
	v.initialised.Store(true)
	v.current.Store(u)
	v.log.Info("made a vault", "memory", u.slab.Backend())
	return Opened{VaultID: u.id, Revision: u.revision.Load()}, nil
}

// create writes the first revision of a vault file.
func (v *Vault) create(op string, kek *guard.Buffer, slot envelope.Slot) (*unlocked, error) {
	var id envelope.VaultID
	rand.Read(id[:]) // never fails: crypto/rand
	u, err := v.newUnlocked(op, id, 0)
	if err != nil {
		return nil, err
	}
	if err := v.createIn(op, u, kekOf(kek), slot); err != nil {
		u.destroy()
		return nil, err
	}
	return u, nil
}

func (v *Vault) createIn(op string, u *unlocked, kek *[kekSize]byte, slot envelope.Slot) error {
	proofKey, err := guard.NewBuffer(proofKeySize)
	if err != nil {
		return memoryError(op, err)
	}
	defer proofKey.Destroy()
	if err := u.enter(op); err != nil {
		return err
	}
	defer u.slab.Leave()
	err = quietly(func() error {
		return errors.Join(
			u.drawDataKey(),
			envelope.Wrap(&slot, u.id, kek, u.key()),
			mac.HKDF256(proofKey.Bytes(), kek[:], ProofInfo),
		)
	})
	if err != nil {
		return fail(op, KindInternal, "%w", err)
	}
	text, err := slot.AppendBinary(nil)
	if err != nil {
		return fail(op, KindInternal, "%w", err)
	}
	return v.commitFirstMu(op, u,
		change{place: place{store.Slots, slotKey(slot.ID)}, plain: text, asIs: true},
		sealedChange(store.Proofs, slotKey(slot.ID), proofKey.Bytes()),
	)
}

// Unlock opens the vault with the KEK of one slot. Where it is unlocked already,
// nothing is checked and nothing changes. A KEK that does not open the slot is
// KindWrongPassphrase and costs its process a second; a file that is not what was
// written is KindTampered, one older than r.SeenRevision KindRollback.
func (v *Vault) Unlock(ctx context.Context, by Operator, r Unlock) (opened Opened, err error) {
	const op = "unlock"
	if u := v.current.Load(); u != nil {
		return v.opened(u, true), nil
	}
	err = v.try(ctx, op, by, "wrong passphrase", func() error {
		// The KEK is opened only now, so that none waits for its turn in the clear.
		kek, err := v.openKEK(op, by, r.KEK, r.Purpose())
		if err != nil {
			return err
		}
		defer kek.Destroy()
		opened, err = v.unlockWith(op, kekOf(kek), r)
		return err
	})
	return opened, err
}

func (v *Vault) unlockWith(op string, kek *[kekSize]byte, r Unlock) (Opened, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if u := v.current.Load(); u != nil {
		return v.opened(u, true), nil
	}
	if v.fault != nil {
		return Opened{}, v.fault.during(op)
	}
	if v.closed {
		return Opened{}, lockedError(op)
	}
	f, err := v.readFile(op)
	if err != nil {
		return Opened{}, err
	}
	if f.revision == 0 {
		return Opened{}, fail(op, KindUninitialised, "there is no vault yet").hint("vaultctl init")
	}
	u, err := v.openFile(op, kek, f, r)
	if err != nil {
		return Opened{}, err
	}
	v.current.Store(u)
	v.log.Info("unlocked", "slot", r.Slot, "memory", u.slab.Backend(), "keys", len(u.snapshot.Load().keys))
	return v.opened(u, false), nil
}

// openFile makes the unlocked state of a file, or nothing at all.
func (v *Vault) openFile(op string, kek *[kekSize]byte, f *file, r Unlock) (*unlocked, error) {
	slot, ok := f.slots[r.Slot]
	if !ok {
		return nil, fail(op, KindNotFound, "there is no key slot %d", r.Slot)
	}
	u, err := v.newUnlocked(op, f.id, countBucket(f.raw, store.Secrets))
	if err != nil {
		return nil, err
	}
	if err := v.openIn(op, u, kek, f, &slot); err != nil {
		u.destroy()
		return nil, err
	}
	if u.revision.Load() < r.SeenRevision {
		u.destroy()
		return nil, fail(op, KindRollback,
			"the vault file is of revision %d, and revision %d has been seen: an older copy was put in its place",
			u.revision.Load(), r.SeenRevision).hint("put the newest vault.db back")
	}
	return u, nil
}

func (v *Vault) openIn(op string, u *unlocked, kek *[kekSize]byte, f *file, slot *envelope.Slot) error {
	if err := u.enter(op); err != nil {
		return err
	}
	defer u.slab.Leave()
	var c *contents
	err := quietly(func() (err error) { // once for all: a pair of system calls for each record would cost more than opening it
		if err := slot.Unwrap(u.id, kek, u.key()); err != nil {
			return fail(op, KindWrongPassphrase, "wrong passphrase or keyfile for slot %d", slot.ID)
		}
		if err := envelope.SetHashState(u.state(), u.key()); err != nil {
			return fail(op, KindInternal, "%w", err)
		}
		c, err = u.open(op, f)
		return err
	})
	if err != nil {
		return err
	}
	s, err := v.buildSnapshot(op, u, c)
	if err != nil {
		return err
	}
	u.snapshot.Store(s)
	return nil
}

// Lock wipes all key material and says whether the vault was locked before. It
// waits for the uses of the moment, and a quarter of a second at most for the disk:
// after it returns nothing is signed (P5).
func (v *Vault) Lock() (already bool) {
	u := v.current.Swap(nil)
	if u == nil {
		return true
	}
	u.drain()
	u.destroy()
	v.log.Info("locked")
	return false
}

func (v *Vault) openKEK(op string, by Operator, box Sealed, purpose Operation) (*guard.Buffer, error) {
	buffer, err := v.openSealed(op, by, box, purpose)
	if err != nil {
		return nil, err
	}
	if len(buffer.Bytes()) != sealedPrefixSize+kekSize {
		buffer.Destroy()
		return nil, fail(op, KindInvalid, "a KEK is %d bytes", kekSize)
	}
	return buffer, nil
}

func kekOf(b *guard.Buffer) *[kekSize]byte { return (*[kekSize]byte)(b.Bytes()[sealedPrefixSize:]) }

func (v *Vault) opened(u *unlocked, already bool) Opened {
	return Opened{VaultID: u.id, Revision: u.revision.Load(), Already: already, Held: u.snapshot.Load().held()}
}
