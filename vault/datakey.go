package vault

import (
	"context"
	"crypto/subtle"
	"errors"
	"maps"
	"slices"

	"bfxvault/vault/internal/crash"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

// RotateDataKey draws a new data key, seals every record under it and wraps it for every
// slot, in one transaction. It widens. Who has the old data key, or an old file with what
// opened it, opens nothing that is written from then on. Signing goes on meanwhile; other
// changes wait.
func (v *Vault) RotateDataKey(ctx context.Context, by Operator, r RotateDataKey, p Proof) (revision uint64, err error) {
	const op = "datakey rotate"
	return v.proven(ctx, op, by, r.Operation(), p, func(u *unlocked) (func() error, error) {
		return func() error { return v.rotateMu(op, u) }, nil
	})
}

// rotation is a change of the data key under way.
type rotation struct {
	op   string
	old  *unlocked
	next sealer // with the new data key
	view fileView
	raw  map[place][]byte // the file, sealed anew
	ops  []store.Op
	room *guard.Buffer // for what is secret: opened, and opened again
}

// rotateRoom is room for two of the longest secrets.
const rotateRoom = 2 * maxSecret

func (v *Vault) rotateMu(op string, u *unlocked) error {
	r := &rotation{
		op: op, old: u, next: sealer{slab: u.slab, id: u.id},
		view: fileView{revision: max(u.revision.Load(), u.newest) + 1},
		raw:  make(map[place][]byte, len(u.raw)),
	}
	if err := r.next.alloc(); err != nil {
		return memoryError(op, err)
	}
	if err := r.seal(); err != nil {
		r.next.free()
		return err
	}
	crash.Point("before the commit")
	if err := v.store.ApplyAs(u.revision.Load(), r.view.revision, r.ops); err != nil {
		r.next.free()
		return storeError(op, err)
	}
	crash.Point("after the commit")
	u.revision.Store(r.view.revision)
	u.set, u.raw = r.view.set, r.raw
	before := u.sealer
	u.dataKey, u.setKey = r.next.dataKey, r.next.setKey // the slab is read without Vault.mu
	before.free()
	crash.Point("data key changed")
	return nil
}

// sealedAtATime is how many records are sealed anew at a time: a lock waits for as many,
// and so does the garbage collector, for which bots would wait (guard.Quiet).
const sealedAtATime = 32

// seal draws the new data key and prepares everything that is to be written.
func (r *rotation) seal() (err error) {
	if r.room, err = guard.NewBuffer(rotateRoom); err != nil {
		return memoryError(r.op, err)
	}
	r.old.lent.add(r.room)
	defer r.old.lent.take(r.room)
	if err := r.step(r.next.drawDataKey); err != nil {
		return err
	}
	crash.Point("data key drawn")
	for places := range slices.Chunk(slices.Collect(maps.Keys(r.old.raw)), sealedAtATime) {
		err := r.step(func() error {
			for _, p := range places {
				if err := r.sealAnew(p, r.old.raw[p]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return r.step(func() error {
		manifest, err := r.next.sealManifest(&r.view)
		r.ops = append(r.ops, manifest)
		return err
	})
}

// step runs what has both data keys in hand.
func (r *rotation) step(f func() error) error {
	if err := r.old.enter(r.op); err != nil {
		return err
	}
	defer r.old.slab.Leave()
	err := quietly(f)
	var ours *Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	return memoryError(r.op, err)
}

// sealAnew makes one entry of the new file.
func (r *rotation) sealAnew(p place, old []byte) (err error) {
	value := old
	switch {
	case p.bucket == store.Slots:
		value, err = r.wrap(p, old)
	case !p.byKEK():
		value, err = r.reseal(p, old)
	}
	if err != nil {
		return err
	}
	r.raw[p] = value
	r.view.set.Add(r.next.state(), p.bucket, []byte(p.key), value)
	if !p.byKEK() || p.bucket == store.Slots {
		r.ops = append(r.ops, store.Op{Bucket: p.bucket, Key: []byte(p.key), Value: value})
	}
	return nil
}

// reseal opens a record and seals it under the new data key, under which it must open
// again as it was.
func (r *rotation) reseal(p place, old []byte) ([]byte, error) {
	var first, second []byte // allocated, where it is no secret
	if p.secret() {
		room := r.room.Bytes()
		defer guard.Wipe(room)
		first, second = room[:0:maxSecret], room[maxSecret:maxSecret]
	}
	plain, _, err := envelope.Open(first, r.old.key(), r.old.placeOf(p), old)
	if err != nil {
		return nil, tampered(r.op, p)
	}
	value, err := envelope.Seal(nil, r.next.key(), r.next.placeOf(p), r.view.revision, plain)
	if err != nil {
		return nil, err
	}
	again, _, err := envelope.Open(second, r.next.key(), r.next.placeOf(p), value)
	if err != nil || subtle.ConstantTimeCompare(plain, again) != 1 {
		return nil, fail(r.op, KindInternal, "%v does not open as it was sealed", p)
	}
	return value, nil
}

// wrap wraps the new data key for a slot, with what its KEK left for that.
func (r *rotation) wrap(p place, old []byte) ([]byte, error) {
	slot, err := envelope.ParseSlot(old)
	if err != nil {
		return nil, tampered(r.op, p)
	}
	at := place{store.Wraps, p.key}
	room := r.room.Bytes()
	defer guard.Wipe(room)
	plain, _, err := envelope.Open(room[:0], r.old.key(), r.old.placeOf(at), r.old.raw[at])
	if err != nil || len(plain) != envelope.WrapKeysSize {
		return nil, tampered(r.op, at)
	}
	if err := envelope.WrapWith(&slot, r.next.id, (*envelope.WrapKeys)(plain), r.next.key()); err != nil {
		return nil, err
	}
	return slot.AppendBinary(nil)
}
