package vault_test

import (
	"slices"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

func kekOf(text string) *operator.KEK {
	var kek operator.KEK
	copy(kek[:], text)
	return &kek
}

// humanSlot is what a slot is made of that a human opens.
func humanSlot(kind string) vault.KeySlot {
	return vault.KeySlot{Kind: kind, Params: vault.MinArgon2(), Salt: operator.NewSalt()}
}

// addSlot adds a slot, for which slot 1 vouches.
func (r *rig) addSlot(s vault.KeySlot, kek *operator.KEK) (uint32, error) {
	r.t.Helper()
	request := vault.AddSlot{Slot: s, By: 1}
	request.KEKs = r.seal(r.by, request.Purpose(), slices.Concat(r.kek[:], kek[:]))
	id, _, err := r.v.AddSlot(ctx, r.by, request)
	return id, err
}

// replaceSlot puts a slot in the place of another, for which by vouches.
func (r *rig) replaceSlot(id, by uint32, old, fresh *operator.KEK) (uint32, error) {
	r.t.Helper()
	request := vault.ReplaceSlot{ID: id, By: by, Params: vault.MinArgon2(), Salt: operator.NewSalt()}
	request.KEKs = r.seal(r.by, request.Purpose(), slices.Concat(old[:], fresh[:]))
	id, _, err := r.v.ReplaceSlot(ctx, r.by, request)
	return id, err
}

func (r *rig) removeSlot(id, by uint32, kek *operator.KEK) error {
	r.t.Helper()
	request := vault.RemoveSlot{ID: id}
	_, err := r.v.RemoveSlot(ctx, r.by, request, r.proveBy(by, kek, request.Operation()))
	return err
}

func (r *rig) proveBy(slot uint32, kek *operator.KEK, o vault.Operation) vault.Proof {
	r.t.Helper()
	id, challenge, err := r.v.BeginProof(r.by)
	r.must(err)
	proof, err := operator.Prove(kek, slot, id, challenge, o)
	r.must(err)
	return proof
}

// unlockBy locks, and unlocks by one slot from the file as it is.
func (r *rig) unlockBy(slot uint32, kek *operator.KEK) error {
	r.t.Helper()
	r.reopen(nil)
	request := vault.Unlock{Slot: slot}
	request.KEK = r.seal(r.by, request.Purpose(), kek[:])
	_, err := r.v.Unlock(ctx, r.by, request)
	return err
}

func (r *rig) slotIDs() (ids []uint32) {
	r.t.Helper()
	_, slots, err := r.v.Slots()
	r.must(err)
	for _, s := range slots {
		ids = append(ids, s.ID)
	}
	return ids
}

// addBotBy registers a bot with a proof of a slot.
func (r *rig) addBotBy(slot uint32, kek *operator.KEK, name string) error {
	r.t.Helper()
	gid := uint32(5)
	add := vault.AddBot{Name: name, Match: []policy.Match{{GID: &gid}}}
	_, err := r.v.AddBot(ctx, r.by, add, r.proveBy(slot, kek, add.Operation()))
	return err
}

// Each kind of slot opens the vault by itself, and those that a human opens prove and
// vouch; a keyfile does neither (A68).
func TestEachKindOfSlotOpensTheVault(t *testing.T) {
	for kind, human := range map[string]bool{"passphrase": true, "recovery": true, "keyfile": false} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t).ready()
			slot, kek := vault.KeySlot{Kind: kind}, kekOf("another KEK")
			if human {
				slot = humanSlot(kind)
			}
			id, err := r.addSlot(slot, kek)
			r.must(err)
			if id != 2 || !slices.Equal(r.slotIDs(), []uint32{1, 2}) {
				t.Fatalf("the slots are %v, the new one %d", r.slotIDs(), id)
			}
			r.must(r.unlockBy(2, kek))
			s, err := r.sign(uid(1001), "main")
			r.must(err)
			verify(t, s, testSecret)
			added := r.addBotBy(2, kek, "mm-2")
			vouch := vault.AddSlot{Slot: vault.KeySlot{Kind: "keyfile"}, By: 2}
			vouch.KEKs = r.seal(r.by, vouch.Purpose(), slices.Concat(kek[:], kekOf("a third")[:]))
			_, _, vouched := r.v.AddSlot(ctx, r.by, vouch)
			if human {
				r.must(added, vouched, r.unlockBy(3, kekOf("a third")))
			} else {
				wantKind(t, added, vault.KindWrongPassphrase)
				wantKind(t, vouched, vault.KindInvalid)
			}
			r.must(r.unlockBy(1, &r.kek))
		})
	}
}

// A65, A68: without the KEK of a slot that a human opens there is no new one, and a wrong
// one is a wrong passphrase, alert and all.
func TestAWrongKEKAddsAndReplacesNoSlot(t *testing.T) {
	r := newRig(t).ready()
	right := r.kek
	r.kek = *kekOf("wrong")
	_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("mine"))
	wantKind(t, err, vault.KindWrongPassphrase)
	_, err = r.replaceSlot(1, 1, kekOf("wrong"), kekOf("mine"))
	wantKind(t, err, vault.KindWrongPassphrase)
	if alerts := r.v.Status().Recent; len(alerts) != 2 || alerts[0].Name != vault.AlertProof {
		t.Errorf("the owner hears %+v", alerts)
	}
	r.kek = right
	if !slices.Equal(r.slotIDs(), []uint32{1}) {
		t.Errorf("the slots are %v", r.slotIDs())
	}
	r.must(r.unlockBy(1, &r.kek))
}

func TestWhatIsNoSlotIsRefused(t *testing.T) {
	low := humanSlot("passphrase")
	low.Params.MemoryKiB--
	r := newRig(t).ready()
	for name, slot := range map[string]vault.KeySlot{
		"parameters below the floor": low,                // A46
		"no parameters":              {Kind: "recovery"}, // A46
		"a keyfile with some":        {Kind: "keyfile", Params: vault.MinArgon2()},
		"another kind":               {Kind: "fingerprint"},
		"no kind":                    {},
	} {
		_, err := r.addSlot(slot, kekOf("mine"))
		if err == nil || vault.KindOf(err) != vault.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 31 {
		_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("mine"))
		r.must(err)
	}
	_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("mine"))
	wantKind(t, err, vault.KindInvalid)
}

// A passphrase change: the new one opens, proves and vouches, and the old one does not.
func TestAReplacedSlotIsGoneAndTheNewOneInItsPlace(t *testing.T) {
	r := newRig(t).ready()
	fresh := kekOf("a new KEK")
	id, err := r.replaceSlot(1, 1, &r.kek, fresh)
	r.must(err)
	if id != 2 || !slices.Equal(r.slotIDs(), []uint32{2}) {
		t.Fatalf("the slots are %v, the new one %d", r.slotIDs(), id)
	}
	wantKind(t, r.addBotBy(1, &r.kek, "mm-2"), vault.KindWrongPassphrase)
	r.must(r.addBotBy(2, fresh, "mm-2"))
	wantKind(t, r.unlockBy(1, &r.kek), vault.KindNotFound)
	wantKind(t, r.unlockBy(2, &r.kek), vault.KindWrongPassphrase)
	r.must(r.unlockBy(2, fresh))
	third, err := r.replaceSlot(2, 2, fresh, &r.kek)
	r.must(err, r.unlockBy(third, &r.kek))
}

// A lost passphrase: the recovery code vouches for a new one.
func TestARecoverySlotVouchesForANewPassphrase(t *testing.T) {
	r := newRig(t).ready()
	code, fresh := kekOf("the code"), kekOf("a new passphrase")
	id, err := r.addSlot(humanSlot("recovery"), code)
	r.must(err, r.unlockBy(id, code))
	id, err = r.replaceSlot(1, 2, code, fresh)
	r.must(err, r.unlockBy(id, fresh))
	if !slices.Equal(r.slotIDs(), []uint32{2, 3}) {
		t.Errorf("the slots are %v", r.slotIDs())
	}
	r.must(r.unlockBy(2, code))
}

// A68: the last slot that a human opens stays, whatever keyfiles there are; the slot that
// proves may go if another stays.
func TestTheLastSlotThatAHumanOpensStays(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("a keyfile"))
	r.must(err)
	wantKind(t, r.removeSlot(1, 1, &r.kek), vault.KindInvalid)
	wantKind(t, r.removeSlot(9, 1, &r.kek), vault.KindNotFound)
	code := kekOf("the code")
	recovery, err := r.addSlot(humanSlot("recovery"), code)
	r.must(err, r.removeSlot(2, 1, &r.kek), r.removeSlot(1, 1, &r.kek))
	wantKind(t, r.removeSlot(recovery, recovery, code), vault.KindInvalid)
	r.must(r.unlockBy(recovery, code))
	wantKind(t, r.unlockBy(1, &r.kek), vault.KindNotFound)
}

// A43: no slot ever has the id of one that was removed, not even of the newest; and what
// was removed, put back, opens nothing.
func TestARemovedSlotsIDIsNeverUsedAgain(t *testing.T) {
	r := newRig(t).ready()
	first, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("first"))
	r.must(err)
	var old map[string]map[string][]byte
	r.reopen(func(path string) { old = dump(t, path) })
	r.must(r.unlock(), r.removeSlot(first, 1, &r.kek), r.unlockBy(1, &r.kek))
	second, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf("second"))
	r.must(err)
	if second != first+1 {
		t.Errorf("after %d comes %d", first, second)
	}
	r.reopen(func(path string) {
		edit(t, path, put(store.Slots, "2", old[store.Slots]["2"]), put(store.Audit, "2", old[store.Audit]["2"]), put(store.Wraps, "2", old[store.Wraps]["2"]))
	})
	request := vault.Unlock{Slot: first}
	request.KEK = r.seal(r.by, request.Purpose(), kekOf("first")[:])
	_, err = r.v.Unlock(ctx, r.by, request)
	wantKind(t, err, vault.KindTampered)
	wantKind(t, r.unlock(), vault.KindTampered)
}

// What wraps stands sealed, and nobody without the data key can put their own there.
func TestWhatWrapsCannotBeSwapped(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.addSlot(humanSlot("passphrase"), kekOf("another"))
	r.must(err)
	r.reopen(func(path string) {
		now := dump(t, path)
		edit(t, path, put(store.Wraps, "1", now[store.Wraps]["2"]))
	})
	wantKind(t, r.unlock(), vault.KindTampered)
}
