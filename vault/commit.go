package vault

import (
	"errors"
	"fmt"

	"bfxvault/vault/internal/crash"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/store"
)

// The entries that are not sealed records: the manifest, which seals what all
// others add up to, and the vault's id. Slots wrap the data key instead.
var (
	manifestPlace = place{store.Manifest, "manifest"}
	vaultPlace    = place{store.Meta, "vault"}
)

// change is one entry to write. Its plaintext is sealed on the way, unless it is
// to stand as it is, or the entry is to go.
type change struct {
	place
	plain  []byte
	asIs   bool
	remove bool
	// sealed, where there is one, is called once plain has served and before the
	// disk is waited for.
	sealed func()
	// made, where there is one, is called once the change is on disk and published, under
	// Vault.mu.
	made func()
}

// commitMu writes changes in one transaction and returns once they are durable
// (P7). The key material is used, and left, before the disk is: a hung disk keeps
// nothing from locking.
func (v *Vault) commitMu(op string, u *unlocked, changes ...change) error {
	return v.commitOnMu(op, u, u.revision.Load(), nil, changes)
}

// commitFirstMu is commitMu for a file with nothing in it: it writes what tells the file
// apart from others as well, and the entries that a backup brought.
func (v *Vault) commitFirstMu(op string, u *unlocked, changes ...change) error {
	before := []store.Op{{Bucket: store.Meta, Key: []byte(vaultPlace.key), Value: appendVaultID(nil, u.id)}}
	for p, value := range u.raw {
		before = append(before, store.Op{Bucket: p.bucket, Key: []byte(p.key), Value: value})
	}
	return v.commitOnMu(op, u, 0, before, changes)
}

// commitOnMu writes changes on top of what goes before them, in a file of some revision.
func (v *Vault) commitOnMu(op string, u *unlocked, on uint64, before []store.Op, changes []change) error {
	at := v.audit.synced()
	if at.Seq > u.logged.Seq {
		changes = append(changes, sealedChange(store.Audit, auditHead, appendPosition(nil, at)))
	}
	next := fileView{u.revision.Load(), u.set}
	ops, values, err := u.sealMu(op, &next, changes)
	if err != nil {
		return err
	}
	crash.Point("before the commit")
	if err := v.store.ApplyAs(on, next.revision, append(before, ops...)); err != nil {
		return storeError(op, err)
	}
	crash.Point("after the commit")
	u.revision.Store(next.revision)
	u.set = next.set
	if at.Seq > u.logged.Seq {
		u.logged = at
	}
	for i, c := range changes {
		if c.remove {
			delete(u.raw, c.place)
			continue
		}
		u.raw[c.place] = values[i]
	}
	return nil
}

// fileView is the part of unlocked that a commit moves on.
type fileView struct {
	revision uint64
	set      envelope.SetHash
}

// sealMu seals the changes and the manifest that they lead to, and returns what to
// write and the sealed value of each change.
func (u *unlocked) sealMu(op string, next *fileView, changes []change) (ops []store.Op, values [][]byte, err error) {
	if err := u.enter(op); err != nil {
		return nil, nil, err
	}
	defer u.slab.Leave()
	ops = make([]store.Op, 0, len(changes)+1)
	values = make([][]byte, len(changes))
	err = quietly(func() error {
		if *u.key() == [32]byte{} {
			return errors.New("the data key is gone") // unreachable: sealing under no key would lose the vault
		}
		ops, err = u.sealEachMu(next, changes, ops, values)
		return err
	})
	if err != nil {
		return nil, nil, fail(op, KindInternal, "%w", err)
	}
	for _, c := range changes {
		if c.sealed != nil {
			c.sealed()
		}
	}
	return ops, values, nil
}

// sealEachMu seals one change after the other, and the manifest last.
func (u *unlocked) sealEachMu(next *fileView, changes []change, ops []store.Op, values [][]byte) ([]store.Op, error) {
	next.revision = max(next.revision, u.newest) + 1
	for i, c := range changes {
		value, err := u.valueOf(c, next.revision)
		if err != nil {
			return nil, err
		}
		if old, ok := u.raw[c.place]; ok {
			next.set.Remove(u.state(), c.bucket, []byte(c.key), old)
		}
		if !c.remove {
			next.set.Add(u.state(), c.bucket, []byte(c.key), value)
		}
		values[i] = value
		ops = append(ops, store.Op{Bucket: c.bucket, Key: []byte(c.key), Value: value})
	}
	manifest, err := u.sealManifest(next)
	return append(ops, manifest), err
}

// sealedChange makes the change that writes a record.
func sealedChange(bucket, key string, plain []byte) change {
	return change{place: place{bucket, key}, plain: plain}
}

// byKEK says whether an entry is sealed by the KEK of a slot, and not by the data key: a
// slot itself, and the audit key as one wraps it.
func (p place) byKEK() bool {
	return p.bucket == store.Slots || p.bucket == store.Audit && p.key[0] <= '9'
}

// secret says whether what a record says may be in guarded memory only.
func (p place) secret() bool {
	return p.bucket == store.Secrets || p.bucket == store.Proofs || p.bucket == store.Wraps
}

func (p place) String() string { return fmt.Sprintf("record %q in bucket %q", p.key, p.bucket) }
