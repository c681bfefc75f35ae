package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (r *rig) apply(bots map[string]policy.BotSpec, merge bool) error {
	r.t.Helper()
	request := vault.ApplyPolicy{Bots: bots, Merge: merge}
	_, err := r.v.ApplyPolicy(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

// wantPolicy compares what is in force, and what is after a restart.
func (r *rig) wantPolicy(want map[string]policy.BotSpec) {
	r.t.Helper()
	for range 2 {
		have, err := r.v.Policy()
		r.must(err)
		if diff := cmp.Diff(string(vault.PolicyText(want)), string(vault.PolicyText(have))); diff != "" {
			r.t.Fatal(diff)
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
}

func botOf(id uint32, grants ...policy.GrantSpec) policy.BotSpec {
	return policy.BotSpec{Match: []policy.Match{{UID: &id}}, Grants: grants}
}

func grantOn(label string, allow ...string) policy.GrantSpec {
	return policy.GrantSpec{Key: label, Allow: allow}
}

func TestApplyReplacesAllBotsAndGrants(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("other", "KEY-2", testSecret), r.addBot("old", 1002), r.grant("old", "main", policy.Read), r.grant("mm-1", "other", policy.Read))
	want := map[string]policy.BotSpec{
		"mm-1": botOf(1001, grantOn("main", "cancel")),
		"new":  botOf(1003, grantOn("main", "read"), grantOn("other", "read", "trade")),
	}
	r.must(r.apply(want, false))
	r.wantPolicy(want)
	for who, kind := range map[uint32]vault.Kind{1001: vault.KindDenied, 1002: vault.KindNoGrant, 1003: vault.KindDenied} {
		_, err := r.sign(uid(who), "main")
		wantKind(t, err, kind)
	}
	_, err := r.sign(uid(1003), "other")
	r.must(err)
	before := r.v.Status().Revision
	r.must(r.apply(want, false))
	if now := r.v.Status().Revision; now != before {
		t.Errorf("the same policy once more went from revision %d to %d", before, now)
	}
}

func TestApplyWithMergeKeepsWhatItDoesNotName(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("other", "KEY-2", testSecret), r.addBot("old", 1002), r.grant("old", "main", policy.Read))
	r.must(r.apply(map[string]policy.BotSpec{"mm-1": botOf(1009, grantOn("other", "read"))}, true))
	r.wantPolicy(map[string]policy.BotSpec{
		"mm-1": botOf(1009, grantOn("main", "read", "trade"), grantOn("other", "read")),
		"old":  botOf(1002, grantOn("main", "read")),
	})
}

// P7: all of a policy, or nothing.
func TestApplyChangesNothingWhereAPartIsWrong(t *testing.T) {
	r := newRig(t).ready()
	before, err := r.v.Policy()
	r.must(err)
	for name, bad := range map[string]struct {
		bots map[string]policy.BotSpec
		kind vault.Kind
	}{
		"a grant on nothing":    {map[string]policy.BotSpec{"a": botOf(1, grantOn("unknown", "read"))}, vault.KindNotFound},
		"a rule for later":      {map[string]policy.BotSpec{"a": botOf(1, policy.GrantSpec{Key: "main", Allow: []string{"read"}, WebSocket: true})}, vault.KindInvalid},
		"an empty match":        {map[string]policy.BotSpec{"a": {Match: []policy.Match{{}}}}, vault.KindInvalid},
		"a name in upper case":  {map[string]policy.BotSpec{"A": botOf(1)}, vault.KindInvalid},
		"a role for later":      {map[string]policy.BotSpec{"a": {Role: "proxy"}}, vault.KindInvalid},
		"two grants on one key": {map[string]policy.BotSpec{"a": botOf(1, grantOn("main", "read"), grantOn("main", "trade"))}, vault.KindInvalid},
		"the last of many":      {map[string]policy.BotSpec{"a": botOf(1, grantOn("main", "read")), "b": botOf(2, grantOn("main", "fly"))}, vault.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, r.apply(bad.bots, false), bad.kind)
			wantKind(t, r.apply(bad.bots, true), bad.kind)
			after, err := r.v.Policy()
			r.must(err)
			if diff := cmp.Diff(string(vault.PolicyText(before)), string(vault.PolicyText(after))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := r.sign(uid(1001), "main"); err != nil {
		t.Error(err)
	}
}

// A policy applied anew does not give back what was spent.
func TestApplyKeepsWhatWasSpent(t *testing.T) { // A40
	r := newRig(t).ready()
	daily := uint64(1)
	spec := policy.GrantSpec{Key: "main", Allow: []string{"trade"}, DailyRequests: &daily}
	bots := map[string]policy.BotSpec{"mm-1": botOf(1001, spec)}
	r.must(r.apply(bots, false))
	_, err := r.sign(uid(1001), "main")
	r.must(err)
	more := spec
	more.Allow = []string{"read", "trade"}
	r.must(r.apply(map[string]policy.BotSpec{}, false), r.apply(bots, false), r.apply(map[string]policy.BotSpec{"mm-1": botOf(1001, more)}, false))
	_, err = r.sign(uid(1001), "main")
	wantDenied(t, err, vault.KindLimited, "daily_requests")
}

// What a rehearsal says is what the vault does.
func TestARehearsalSaysWhatTheVaultWillDo(t *testing.T) {
	r := newRig(t).ready()
	spec := maker(t)
	daily := uint64(2)
	spec.DailyRequests = &daily
	bots := map[string]policy.BotSpec{"mm-1": botOf(1001, spec)}
	r.must(r.apply(bots, false))
	rehearsal, err := vault.NewRehearsal(bots)
	r.must(err)
	now := time.Now()
	for i, body := range []string{testOrder, `{"type":"EXCHANGE LIMIT","symbol":"tXRPUSD","amount":"1","price":"1"}`, `{}`, testOrder, testOrder} {
		request := vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(body)}
		_, err := r.v.Sign(uid(1001), request)
		verdict := rehearsal.Judge("mm-1", request, now)
		var e vault.Error
		if err != nil {
			var is *vault.Error
			errors.As(err, &is)
			e = *is
		}
		if verdict.Allowed != (err == nil) || verdict.Rule != e.Rule || verdict.Field != e.Field || verdict.Explanation == "" {
			t.Errorf("request %d: %+v, and the vault: %v", i, verdict, err)
		}
	}
	for _, who := range [][2]string{{"nobody", "main"}, {"mm-1", "unknown"}} {
		if v := rehearsal.Judge(who[0], vault.SignRequest{Label: who[1], Path: "v2/auth/r/wallets"}, now); v.Allowed {
			t.Errorf("%v is allowed", who)
		}
	}
	if _, err := vault.NewRehearsal(map[string]policy.BotSpec{"a": botOf(1, grantOn("main", "fly"))}); err == nil {
		t.Error("a policy that cannot be applied can be rehearsed")
	}
}
