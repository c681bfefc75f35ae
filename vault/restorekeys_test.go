package vault_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// comesBack lets a vault come back as it is now, in each way there is, after something was
// done to it, and runs f with what came back.
func comesBack(t *testing.T, made func(t *testing.T) *rig, since, f func(r *rig)) {
	t.Run("an older file is accepted", func(t *testing.T) {
		r := made(t)
		var copied []byte
		r.reopen(func(path string) { copied = readFile(t, path) })
		r.must(r.unlock())
		since(r)
		r.reopen(func(path string) { r.must(os.WriteFile(path, copied, 0o600)) })
		r.must(r.acceptRollback())
		f(r)
	})
	t.Run("a backup is restored", func(t *testing.T) {
		old := made(t)
		text := old.backup()
		since(old)
		old.must(old.v.Close())
		r := elsewhere(t, old)
		r.must(r.restore(text))
		f(r)
	})
	t.Run("a backup of a restored vault is restored", func(t *testing.T) {
		old := made(t)
		text := old.backup()
		since(old)
		old.must(old.v.Close())
		r := elsewhere(t, old)
		r.must(r.restore(text))
		text = r.backup()
		r = elsewhere(t, r)
		r.must(r.restore(text))
		f(r)
	})
}

// rotated is a vault whose API key main has a version in each state: 1 was revoked, 2 is
// retiring, 3 is active and 4 staged.
func rotated(t *testing.T) *rig {
	t.Helper()
	r := newRig(t).ready()
	for _, id := range []string{"KEY-2", "KEY-3", "KEY-4"} {
		version, err := r.rotateKey("main", id, secretOf(uint32(id[4]-'0')))
		r.must(err)
		if version < 4 {
			r.must2(r.promote("main", 0, 3600))
		}
	}
	r.revokeKey("main", 1)
	r.wantVersion(3, secretOf(3))
	return r
}

// wantStates compares the states of all versions of the API key main, in words.
func (r *rig) wantStates(want string) {
	r.t.Helper()
	key, err := r.v.Key("main")
	r.must(err)
	var states []string
	for _, v := range key.Versions {
		states = append(states, v.State)
	}
	if got := strings.Join(states, " "); got != want {
		r.t.Errorf("the versions are %s, want %s", got, want)
	}
}

// wantInactive signs with the label main, which a bot that may do so is denied.
func (r *rig) wantInactive() {
	r.t.Helper()
	s, err := r.sign(uid(1001), "main")
	wantDenied(r.t, err, vault.KindDenied, "staged path")
	if s != (vault.Signature{}) || !strings.Contains(err.Error(), "vaultctl key promote LABEL") {
		r.t.Errorf("%+v: %v", s, err)
	}
}

// P3, A43, A67: no version signs more than a probe before it is promoted, also over a
// restart, and one promote brings the label back as it was.
func TestARestoreBringsVersionsBackStaged(t *testing.T) {
	comesBack(t, rotated, func(r *rig) { r.must2(r.promote("main", 4, 0)) }, func(r *rig) {
		r.must(r.enable("mm-1"))
		for range 2 {
			r.wantInactive()
			r.wantStates("revoked retiring staged staged")
			for version, works := range map[uint32]bool{0: true, 1: false, 2: false, 3: true, 4: true} {
				probe, err := r.v.SignProbe(r.by, "main", version)
				if !works {
					wantKind(r.t, err, vault.KindNotFound)
					continue
				}
				r.must(err)
				if version == 0 {
					version = 3
				}
				verifyProbe(r.t, probe, secretOf(version))
			}
			r.reopen(nil)
			r.must(r.unlock())
		}
		done, err := r.promote("main", 0, 0)
		if err != nil || done.Version != 3 || done.Before != 0 {
			r.t.Fatalf("%+v: %v", done, err)
		}
		for range 2 {
			r.wantVersion(3, secretOf(3))
			r.wantStates("revoked retiring active staged")
			r.reopen(nil)
			r.must(r.unlock())
		}
		r.must2(r.promote("main", 0, 0)) // and on from there
		r.wantVersion(4, secretOf(4))
		r.must2(r.promote("main", 2, 0))
		r.wantVersion(2, secretOf(2))
	})
}

// The version that was active may be dead at Bitfinex by now: the newer one is promoted by
// its number, and nothing brings the older one back unasked.
func TestPromotingPastAStagedVersionRetiresIt(t *testing.T) {
	comesBack(t, rotated, func(*rig) {}, func(r *rig) {
		r.must(r.enable("mm-1"))
		r.must2(r.promote("main", 4, 0))
		for range 2 {
			r.wantVersion(4, secretOf(4))
			r.wantStates("revoked retiring retiring active")
			_, err := r.v.SignProbe(r.by, "main", 3)
			wantKind(r.t, err, vault.KindNotFound)
			_, err = r.promote("main", 0, 0)
			wantKind(r.t, err, vault.KindNotFound)
			r.reopen(nil)
			r.must(r.unlock())
		}
		_, err := r.rotateKey("main", "KEY-5", secretOf(5))
		r.must(err)
		r.must2(r.promote("main", 3, 0)) // but by its number
		r.wantVersion(3, secretOf(3))
		r.wantStates("revoked retiring active retiring staged")
	})
}

// P3, P6, A67: what was revoked since the copy was made is back, and signs nothing before
// the operator promotes it; then above all that it ever signed. A key that was revoked
// before stays so.
func TestAKeyRevokedSinceSignsNothingAfterARestore(t *testing.T) {
	var burnt vault.Revoked
	made := func(t *testing.T) *rig {
		r := newRig(t).ready()
		r.must(r.addKey("before", "KEY-2", testSecret), r.grant("mm-1", "before", policy.Read|policy.Trade))
		r.revokeKey("before", 0)
		r.wantVersion(1, testSecret)
		return r
	}
	comesBack(t, made, func(r *rig) {
		r.wantVersion(1, testSecret)
		burnt = r.revokeKey("main", 0)
	}, func(r *rig) {
		r.must(r.enable("mm-1"))
		for range 2 {
			r.wantInactive()
			_, err := r.sign(uid(1001), "before")
			wantDenied(r.t, err, vault.KindDenied, "revoked path")
			r.reopen(nil)
			r.must(r.unlock())
		}
		probe, err := r.v.SignProbe(r.by, "main", 0)
		r.must(err)
		verifyProbe(r.t, probe, testSecret)
		_, err = r.v.PromoteKey(ctx, r.by, vault.PromoteKey{Label: "main"}, vault.Proof{})
		if err == nil {
			r.t.Error("promoted without a proof")
		}
		r.wantInactive()
		r.must2(r.promote("main", 0, 0))
		s := r.wantVersion(1, testSecret)
		for _, before := range []uint64{burnt.Burns[0].Signature.RequestNonce, probe.Signature.RequestNonce} {
			if s.RequestNonce <= before {
				r.t.Errorf("request nonce %d after %d", s.RequestNonce, before)
			}
		}
	})
}

// A43: a grant that is new to the file begins spent on the day of the restore: it may have
// been given, and spent, after the copy was made.
func TestAGrantNewToARestoreBeginsSpent(t *testing.T) {
	began := dayOf(time.Now()) // which may end meanwhile
	r, _ := restored(t)
	r.must(r.resume("mm-1"))
	for range 2 { // over a restart too
		n := uint64(1000)
		r.must(r.addKey("late", "KEY-LATE", testSecret), r.grantSpec("mm-1", policy.GrantSpec{Key: "late", Allow: []string{"trade"}, DailyRequests: &n}))
		_, err := r.sign(uid(1001), "late")
		if dayOf(time.Now()) == began {
			wantDenied(t, err, vault.KindLimited, "daily_requests")
		}
		r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "late", Allow: []string{"trade"}}))
		_, err = r.sign(uid(1001), "late")
		r.must(err)
		_, err = r.v.RevokeGrant(ctx, r.by, "mm-1", "late")
		r.must(err)
		r.revokeKey("late", 0)
		_, err = r.purge("late", 0)
		r.must(err)
		r.reopen(nil)
		r.must(r.unlock())
	}
}
