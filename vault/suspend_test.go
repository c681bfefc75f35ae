package vault_test

import (
	"strings"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

const suspendedAt = 1790000000

// suspended is a vault whose bots a restore has suspended: mm-1 of uid 1001, with a
// grant on main and one on second, and mm-2 of uid 1002, with one on main.
func suspended(t *testing.T) *rig {
	t.Helper()
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", testSecret), r.grant("mm-1", "second", policy.Read|policy.Trade),
		r.addBot("mm-2", 1002), r.grant("mm-2", "main", policy.Read|policy.Trade))
	r.reopen(func(path string) { suspendBots(t, path, [32]byte(r.kek), "mm-1", "mm-2") })
	r.must(r.unlock())
	return r
}

// suspendBots rewrites the records of bots in a closed vault file, as a restore does.
func suspendBots(t *testing.T, path string, kek [32]byte, names ...string) {
	t.Helper()
	entries := dump(t, path)
	id := envelope.VaultID(entries[store.Meta]["vault"][:16])
	slot, err := envelope.ParseSlot(entries[store.Slots]["1"])
	if err != nil {
		t.Fatal(err)
	}
	var dataKey [32]byte
	if err := slot.Unwrap(id, &kek, &dataKey); err != nil {
		t.Fatal(err)
	}
	at := envelope.Place{Vault: id, Bucket: store.Manifest, Key: []byte("manifest")}
	_, revision, err := envelope.Open(nil, &dataKey, at, entries[store.Manifest]["manifest"])
	if err != nil {
		t.Fatal(err)
	}
	var ops []store.Op
	for _, name := range names {
		at := envelope.Place{Vault: id, Bucket: store.Bots, Key: []byte(name)}
		plain, _, err := envelope.Open(nil, &dataKey, at, entries[store.Bots][name])
		if err != nil {
			t.Fatal(err)
		}
		bot, err := record.Parse[record.Bot](plain)
		if err != nil {
			t.Fatal(err)
		}
		bot.Suspended = suspendedAt
		if plain, err = record.Append(nil, bot); err != nil {
			t.Fatal(err)
		}
		sealed, err := envelope.Seal(nil, &dataKey, at, revision+1, plain)
		if err != nil {
			t.Fatal(err)
		}
		entries[store.Bots][name] = sealed
		ops = append(ops, put(store.Bots, name, sealed))
	}
	sum := setOf(t, entries, &dataKey)
	plain, _ := (&envelope.Manifest{Revision: revision + 1, Count: sum.Count, Sum: sum.Sum}).AppendBinary(nil)
	sealed, err := envelope.Seal(nil, &dataKey, at, revision+1, plain)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, append(ops, put(store.Manifest, "manifest", sealed))...)
}

// setOf is what the manifest says of a file's entries.
func setOf(t *testing.T, entries map[string]map[string][]byte, dataKey *[32]byte) (set envelope.SetHash) {
	t.Helper()
	state := make([]byte, mac.StateSize)
	if err := envelope.SetHashState(state, dataKey); err != nil {
		t.Fatal(err)
	}
	for bucket, records := range entries {
		for key, value := range records {
			if bucket != store.Meta && bucket != store.Manifest {
				set.Add(state, bucket, []byte(key), value)
			}
		}
	}
	return set
}

func (r *rig) enable(name string) error {
	r.t.Helper()
	request := vault.EnableBot{Name: name}
	_, err := r.v.EnableBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

// wantSuspended signs with each grant of the rig.
func (r *rig) wantSuspended(mm1, mm2 bool) {
	r.t.Helper()
	for _, tc := range []struct {
		uid       uint32
		label     string
		suspended bool
	}{{1001, "main", mm1}, {1001, "second", mm1}, {1002, "main", mm2}} {
		s, err := r.sign(uid(tc.uid), tc.label)
		if !tc.suspended {
			r.must(err)
			verify(r.t, s, testSecret)
			continue
		}
		wantDenied(r.t, err, vault.KindDenied, "suspended path")
		if s != (vault.Signature{}) {
			r.t.Errorf("uid %d got a signature", tc.uid)
		}
		for _, way := range []string{"vaultctl policy apply", "vaultctl bot enable NAME"} {
			if !strings.Contains(err.Error(), way) {
				r.t.Errorf("%q does not name %s", err, way)
			}
		}
	}
}

// A43: what a restore suspended stays so, over restarts and whatever else changes.
func TestNothingIsSignedForASuspendedBot(t *testing.T) {
	r := suspended(t)
	r.wantSuspended(true, true)
	for _, path := range []string{"v2/auth/r/wallets", "v2/auth/w/order/cancel", "v2/auth/w/token"} { // whatever it asks for
		_, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: path, Body: []byte(`{"id":1}`)})
		wantDenied(t, err, vault.KindDenied, "suspended path")
	}
	_, err := r.sign(uid(4242), "main") // a stranger learns nothing of it
	wantKind(t, err, vault.KindNoGrant)

	r.must(r.grant("mm-1", "main", policy.Read|policy.Trade|policy.Cancel)) // a new grant is its bot's
	_, err = r.v.RevokeGrant(ctx, r.by, "mm-2", "main")
	r.must(err, r.grant("mm-2", "main", policy.Read|policy.Trade))
	r.wantSuspended(true, true)
	r.reopen(nil)
	r.must(r.unlock())
	r.wantSuspended(true, true)
}

// P6
func TestWhatIsDeniedASuspendedBotCostsNothing(t *testing.T) {
	r := suspended(t)
	before, err := r.v.ShowNonce("main")
	r.must(err)
	r.wantSuspended(true, true)
	if after, err := r.v.ShowNonce("main"); err != nil || after != before {
		t.Errorf("request nonces moved from %+v to %+v: %v", before, after, err)
	}
}

func TestEnablingABotLiftsItsSuspensionAndNoOther(t *testing.T) {
	r := suspended(t)
	r.must(r.enable("mm-1"))
	r.wantSuspended(false, true)
	r.must(r.enable("mm-1")) // again: nothing to do
	wantKind(t, r.enable("nobody"), vault.KindNotFound)
	r.reopen(nil)
	r.must(r.unlock())
	r.wantSuspended(false, true)
}

// A68: lifting a suspension gives authority.
func TestEnablingABotNeedsAProofOfItsOwn(t *testing.T) {
	r := suspended(t)
	request := vault.EnableBot{Name: "mm-1"}
	for name, proof := range map[string]vault.Proof{
		"none":           {},
		"of another bot": r.prove(r.by, vault.EnableBot{Name: "mm-2"}.Operation()),
	} {
		if _, err := r.v.EnableBot(ctx, r.by, request, proof); err == nil {
			t.Errorf("%s: enabled", name)
		}
	}
	r.wantSuspended(true, true)
}

func TestAPolicyLiftsTheSuspensionOfTheBotsThatItNames(t *testing.T) {
	for name, tc := range map[string]struct{ merge bool }{"merged": {true}, "whole": {false}} {
		t.Run(name, func(t *testing.T) {
			r := suspended(t)
			bots, err := r.v.Policy()
			r.must(err)
			delete(bots, "mm-2")
			r.must(r.apply(bots, tc.merge)) // as it was: only the suspension changes
			r.reopen(nil)
			r.must(r.unlock())
			if tc.merge {
				r.wantSuspended(false, true)
				return
			}
			_, err = r.sign(uid(1001), "second")
			r.must(err)
			_, err = r.sign(uid(1002), "main")
			wantKind(t, err, vault.KindNoGrant) // removed, as ever
		})
	}
	t.Run("merged, a grant that the file does not name too", func(t *testing.T) {
		r := suspended(t)
		bots, err := r.v.Policy()
		r.must(err)
		one := bots["mm-1"]
		one.Grants = nil
		r.must(r.apply(map[string]policy.BotSpec{"mm-1": one}, true))
		r.wantSuspended(false, true)
	})
}

func TestABotThatIsSuspendedSaysSo(t *testing.T) {
	r := suspended(t)
	r.must(r.enable("mm-2"))
	bots, err := r.v.Bots(false)
	r.must(err)
	names, err := r.v.Suspended()
	r.must(err)
	one, err := r.v.Bot("mm-1")
	r.must(err)
	self, err := r.v.WhoAmI(uid(1001))
	r.must(err)
	if bots[0].Suspended != suspendedAt || bots[1].Suspended != 0 || len(names) != 1 || names[0] != "mm-1" ||
		one.Suspended != suspendedAt || self.Bots[0].Suspended != suspendedAt {
		t.Errorf("bots %+v, suspended %q, one %+v, self %+v", bots, names, one, self)
	}
}

// A new bot under the name of a removed one starts empty, and not suspended.
func TestARemovedBotTakesItsSuspensionAlong(t *testing.T) {
	r := suspended(t)
	_, err := r.v.RemoveBot(ctx, r.by, "mm-1")
	r.must(err, r.addBot("mm-1", 1001), r.grant("mm-1", "main", policy.Read|policy.Trade), r.grant("mm-1", "second", policy.Read|policy.Trade))
	r.wantSuspended(false, true)
}

// Whoever may connect to admin.sock may take away, and the operator gets it back as it was,
// also after a restart: with the match, the grants that went with it, their rules and what
// they have spent, and nothing that had been taken away before.
func TestWhatWasRemovedComesBackWithAProof(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("other", "KEY-2", testSecret), r.grant("mm-1", "other", policy.Read))
	before, err := r.v.Policy()
	r.must(err)
	_, err = r.v.RevokeGrant(ctx, r.by, "mm-1", "other")
	r.must(err)
	if bot, err := r.v.Bot("mm-1"); err != nil || len(bot.Former) != 1 || bot.Former[0].Revoked == 0 {
		t.Fatalf("%+v: %v", bot, err)
	}
	r.must(r.grant("mm-1", "other", policy.Read))
	_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
	r.must(err)
	r.reopen(nil)
	r.must(r.unlock())
	wantKind(t, func() error { _, err := r.sign(uid(1001), "main"); return err }(), vault.KindNoGrant)
	if gone, err := r.v.Bots(true); err != nil || len(gone) != 1 || gone[0].Removed == 0 || len(gone[0].Former) != 2 {
		t.Fatalf("removed: %+v: %v", gone, err)
	}
	request := vault.EnableBot{Name: "mm-1"}
	_, err = r.v.EnableBot(ctx, r.by, request, vault.Proof{})
	wantKind(t, err, vault.KindStaleOneShot)
	_, err = r.v.EnableBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
	r.must(err)
	r.wantPolicy(before)
	_, err = r.sign(uid(1001), "main")
	r.must(err)
	if gone, err := r.v.Bots(true); err != nil || len(gone) != 0 {
		t.Fatalf("removed still: %+v: %v", gone, err)
	}
}
