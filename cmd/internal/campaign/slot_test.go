package campaign_test

import (
	"bytes"
	"slices"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// addKeyfile adds a keyfile slot.
func (a *admin) addKeyfile(kek *operator.KEK) (uint32, error) {
	r := vault.AddSlot{Slot: vault.KeySlot{Kind: "keyfile"}, By: *a.slot}
	box, err := a.seal(r.Purpose(), slices.Concat(a.kek[:], kek[:]))
	if err != nil {
		return 0, err
	}
	added, err := a.AddSlot(a.ctx, &pb.AddSlotRequest{Kind: r.Slot.Kind, By: r.By, Keks: wire(box)})
	return added.GetSlot(), err
}

// replace puts a slot in the place of the one whose KEK we have.
func (a *admin) replace(kek *operator.KEK) (uint32, error) {
	r := vault.ReplaceSlot{ID: *a.slot, By: *a.slot, Params: vault.MinArgon2(), Salt: operator.NewSalt()}
	box, err := a.seal(r.Purpose(), slices.Concat(a.kek[:], kek[:]))
	if err != nil {
		return 0, err
	}
	replaced, err := a.ReplaceSlot(a.ctx, &pb.ReplaceSlotRequest{
		Slot: r.ID, By: r.By, Salt: r.Salt[:], Keks: wire(box),
		Params: &pb.Argon2Params{Time: r.Params.Time, MemoryKib: r.Params.MemoryKiB, Threads: uint32(r.Params.Threads)},
	})
	return replaced.GetSlot(), err
}

// slots are the ids of the key slots.
func (a *admin) slots() (ids []uint32, err error) {
	list, err := a.ListSlots(a.ctx, &pb.ListSlotsRequest{})
	for _, s := range list.GetSlots() {
		ids = append(ids, s.GetId())
	}
	return ids, err
}

// addingSlot adds a keyfile slot: it is there and opens, or is not.
func addingSlot() doing {
	keyfile := randomKEK()
	return doing{"slot add", nil, afterUnlock(func(r *rig) error {
		_, err := r.admin().addKeyfile(&keyfile)
		return err
	}), func(r *rig) bool {
		a := r.admin()
		ids, err := a.slots()
		must(r.t, err)
		if !slices.Contains(ids, 2) {
			must(r.t, a.unlock())
			return false
		}
		by := vault.Unlock{Slot: 2}
		box, err := a.seal(by.Purpose(), keyfile[:])
		must(r.t, err)
		_, err = a.Unlock(a.ctx, unlockRequest(by.Slot, box))
		must(r.t, err)
		return true
	}}
}

// changingPassphrase puts another passphrase in the place of the old one. Afterwards
// exactly one of them opens.
func changingPassphrase() doing {
	fresh := randomKEK()
	return doing{"passphrase change", nil, afterUnlock(func(r *rig) error {
		_, err := r.admin().replace(&fresh)
		return err
	}), func(r *rig) bool {
		a := r.admin()
		ids, err := a.slots()
		must(r.t, err)
		made := slices.Equal(ids, []uint32{2})
		if !made && !slices.Equal(ids, []uint32{1}) {
			r.t.Fatalf("the slots are %v", ids)
		}
		wrong, right := fresh, r.kek
		if made {
			wrong, right = r.kek, fresh
		}
		r.kek, r.slot = wrong, ids[0]
		want(r.t, "the other passphrase", a.unlock(), "WRONG_PASSPHRASE")
		r.kek = right
		must(r.t, a.unlock())
		return made
	}}
}

// rotatingDataKey seals everything anew. Every slot opens it, before and afterwards, and
// what was there is there.
func rotatingDataKey() doing {
	keyfile := randomKEK()
	var before []byte
	return doing{"datakey rotate", func(r *rig) {
		r.start()
		r.fill("main")
		_, err := r.admin().addKeyfile(&keyfile)
		must(r.t, err)
		r.stop(r.t)
		before = recompute(r.t, r.paths.VaultFile(), r.slot, &r.kek)[dataKey]
	}, afterUnlock(func(r *rig) error { return r.admin().rotateDataKey() }), func(r *rig) bool {
		a := r.admin()
		by := vault.Unlock{Slot: 2}
		box, err := a.seal(by.Purpose(), keyfile[:])
		must(r.t, err)
		_, err = a.Unlock(a.ctx, unlockRequest(by.Slot, box))
		must(r.t, err, a.lock(), a.unlock())
		return !bytes.Equal(before, recompute(r.t, r.paths.VaultFile(), r.slot, &r.kek)[dataKey])
	}}
}

func (a *admin) rotateDataKey() error {
	proof, err := a.prove(vault.RotateDataKey{}.Operation())
	if err != nil {
		return err
	}
	_, err = a.RotateDataKey(a.ctx, &pb.RotateDataKeyRequest{Proof: proof})
	return err
}
