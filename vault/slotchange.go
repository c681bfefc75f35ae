package vault

import (
	"context"
	"crypto/subtle"
	"errors"

	"bfxvault/vault/internal/crash"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

// maxSlots is how many key slots a vault has at most, as in LUKS.
const maxSlots = 32

// AddSlot adds a key slot and returns its id. The KEK of the slot that vouches for it is
// what a proof would be, and more: a wrong one is KindWrongPassphrase at the same price.
// Parameters out of bounds, a kind that does not exist, a keyfile that vouches, and one
// slot too many are KindInvalid.
func (v *Vault) AddSlot(ctx context.Context, by Operator, r AddSlot) (id uint32, revision uint64, err error) {
	const op = "slot add"
	slot, err := r.Slot.make(op)
	if err != nil {
		return 0, 0, err
	}
	w := vouching{op: op, by: by, slot: r.By, purpose: r.Purpose(), keks: r.KEKs}
	revision, err = v.vouched(ctx, w, func(u *unlocked) (envelope.Slot, []change, error) {
		if len(u.slotsMu()) >= maxSlots {
			return slot, nil, fail(op, KindInvalid, "a vault has %d key slots at most", maxSlots).hint("vaultctl slot remove ID")
		}
		slot.ID, err = u.nextSlotMu()
		id = slot.ID
		return slot, nil, err
	})
	return id, revision, err
}

// ReplaceSlot puts a new slot of the same kind in the place of one that a human opens,
// in one transaction, and returns its id: another passphrase, or other parameters. Before
// the old one goes the new one is opened from the bytes that the file will have. It fails
// as AddSlot does.
func (v *Vault) ReplaceSlot(ctx context.Context, by Operator, r ReplaceSlot) (id uint32, revision uint64, err error) {
	const op = "slot replace"
	w := vouching{op: op, by: by, slot: r.By, purpose: r.Purpose(), keks: r.KEKs}
	revision, err = v.vouched(ctx, w, func(u *unlocked) (envelope.Slot, []change, error) {
		old, err := u.slotMu(op, r.ID)
		if err != nil {
			return old, nil, err
		}
		if !old.Kind.Human() {
			return old, nil, fail(op, KindInvalid, "slot %d is a keyfile's", r.ID).hint("add another keyfile and remove this one")
		}
		slot, err := KeySlot{Kind: old.Kind.String(), Params: r.Params, Salt: r.Salt}.make(op)
		if err != nil {
			return slot, nil, err
		}
		slot.ID, err = u.nextSlotMu()
		id = slot.ID
		return slot, u.removal(r.ID), err
	})
	return id, revision, err
}

// RemoveSlot removes a key slot. It widens: who has only another way in could shut the
// owner out. The last slot that a human opens is KindInvalid (A68).
func (v *Vault) RemoveSlot(ctx context.Context, by Operator, r RemoveSlot, p Proof) (revision uint64, err error) {
	const op = "slot remove"
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, _ *snapshot) ([]change, error) {
		slot, err := u.slotMu(op, r.ID)
		if err != nil {
			return nil, err
		}
		others := 0
		for _, s := range u.slotsMu() {
			if s.Kind.Human() && s.ID != slot.ID {
				others++
			}
		}
		if slot.Kind.Human() && others == 0 {
			return nil, fail(op, KindInvalid, "slot %d is the last that a human opens", r.ID).
				hint("add another first: vaultctl slot add passphrase, or: vaultctl slot add recovery")
		}
		return u.removal(r.ID), nil
	})
}

// make checks what a slot is made of, but for its id.
func (s KeySlot) make(op string) (envelope.Slot, error) {
	slot := envelope.Slot{Params: envelope.Params(s.Params), Salt: s.Salt, Created: unixNow()}
	for _, kind := range []envelope.SlotKind{envelope.Passphrase, envelope.Recovery, envelope.Keyfile} {
		if s.Kind == kind.String() {
			slot.Kind = kind
		}
	}
	if err := slot.Check(); err != nil {
		return slot, fail(op, KindInvalid, "not a key slot: %w", err)
	}
	return slot, nil
}

// vouching is a change that the KEK of a slot vouches for.
type vouching struct {
	op      string
	by      Operator
	slot    uint32 // whose KEK it is
	purpose Operation
	keks    Sealed // that one, and the new slot's
}

// vouched adds a slot that plan describes, with its changes beside. The KEK of the slot
// that vouches opens the data key, which is compared with the one that is in use, and the
// audit key, which no data key opens (P2).
func (v *Vault) vouched(ctx context.Context, w vouching, plan func(u *unlocked) (envelope.Slot, []change, error)) (revision uint64, err error) {
	began := false
	defer func() {
		if err != nil && !began {
			v.attempted(w.op, w.by, err)
		}
	}()
	u, err := v.unlocked(w.op)
	if err != nil {
		return 0, err
	}
	err = v.try(ctx, w.op, w.by, "wrong passphrase", func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.current.Load() != u {
			return lockedError(w.op)
		}
		room, err := guard.NewBuffer(slotRoomSize)
		if err != nil {
			return memoryError(w.op, err)
		}
		u.lent.add(room)
		defer u.lent.take(room)
		changes, err := v.planMu(w, u, room, plan)
		if err != nil {
			return err
		}
		began = true
		revision, err = v.changeMu(w.op, w.by, w.purpose, u, func() error {
			if err := v.commitMu(w.op, u, changes...); err != nil {
				return err
			}
			defer crash.Point("slot read again")
			return v.rereadMu(w.op, u, changes)
		})
		return err
	})
	return revision, err
}

// planMu makes the changes of what a KEK vouches for. When it returns, both KEKs and the
// audit key are gone.
func (v *Vault) planMu(w vouching, u *unlocked, room *guard.Buffer, plan func(u *unlocked) (envelope.Slot, []change, error)) (changes []change, err error) {
	if err := u.enter(w.op); err != nil {
		return nil, err
	}
	defer u.slab.Leave()
	keks, err := v.openKEKs(w.op, w.by, w.keks, w.purpose, 2)
	if err != nil {
		return nil, err
	}
	defer keks.Destroy() // before the slab is left: a lock waits for it (P5)
	auditKey, err := guard.NewBuffer(envelope.AuditKeySize)
	if err != nil {
		return nil, memoryError(w.op, err)
	}
	defer auditKey.Destroy()
	err = quietly(func() error {
		made := (*slotRoom)(room.Bytes())
		if err := u.vouchMu(w, kekOf(keks, 0), auditKeyOf(auditKey), made.again()); err != nil {
			return err
		}
		slot, beside, err := plan(u)
		if err != nil {
			return err
		}
		changes, err = u.slotChanges(slot, kekOf(keks, 1), auditKeyOf(auditKey), made)
		if err != nil {
			return err
		}
		changes[0].sealed = func() { u.lent.take(room) } // before the disk is waited for
		changes = append(append(changes, beside...), sealedChange(store.Wraps, lastSlot, u32(slot.ID)))
		return nil
	})
	var ours *Error
	switch {
	case errors.As(err, &ours):
		return nil, ours
	case err != nil:
		return nil, memoryError(w.op, err)
	}
	crash.Point("slot opened again")
	return changes, nil
}

// vouchMu opens data key and audit key with the KEK of the slot that vouches. The caller
// has entered.
func (u *unlocked) vouchMu(w vouching, kek, auditKey, again *[32]byte) error {
	slot, err := u.slotMu(w.op, w.slot)
	if err != nil {
		return err
	}
	if !slot.Kind.Human() {
		return fail(w.op, KindInvalid, "a keyfile vouches for nothing").hint("use the passphrase")
	}
	if err := slot.Unwrap(u.id, kek, again); err != nil {
		return unwrapError(w.op, slot.ID, err)
	}
	if subtle.ConstantTimeCompare(again[:], u.key()[:]) != 1 {
		return fail(w.op, KindTampered, "slot %d holds another data key", slot.ID).hint(restoreHint)
	}
	at := place{store.Audit, slotKey(slot.ID)}
	if err := envelope.UnwrapAuditKey(auditKey, u.id, at.key, kek, u.raw[at]); err != nil {
		return tampered(w.op, at)
	}
	return nil
}
