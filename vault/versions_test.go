package vault_test

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func secretOf(version uint32) string { return fmt.Sprintf("%s-%d", testSecret, version) }

func (r *rig) rotateKey(label, id, secret string) (uint32, error) {
	r.t.Helper()
	request := vault.RotateKey{Label: label, APIKey: id}
	request.Secret = r.seal(r.by, request.Purpose(), []byte(secret))
	version, _, err := r.v.RotateKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return version, err
}

func (r *rig) promote(label string, version, grace uint32) (vault.Promoted, error) {
	r.t.Helper()
	request := vault.PromoteKey{Label: label, Version: version, Grace: grace}
	return r.v.PromoteKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
}

// wantVersion signs with the label main, and looks which version did.
func (r *rig) wantVersion(version uint32, secret string) vault.Signature {
	r.t.Helper()
	s, err := r.sign(uid(1001), "main")
	r.must(err)
	verify(r.t, s, secret)
	if s.KeyVersion != version {
		r.t.Fatalf("version %d signed, want %d", s.KeyVersion, version)
	}
	return s
}

func TestAVersionIsStagedThenPromotedAndSignsFromThenOn(t *testing.T) {
	r := newRig(t).ready()
	version, err := r.rotateKey("main", "KEY-2", secretOf(2))
	if err != nil || version != 2 {
		t.Fatalf("version %d: %v", version, err)
	}
	r.wantVersion(1, testSecret)
	_, err = r.rotateKey("main", "KEY-3", secretOf(3)) // one at a time
	wantKind(t, err, vault.KindInvalid)
	probe, err := r.v.SignProbe(r.by, "main", 0)
	r.must(err)
	verifyProbe(t, probe, secretOf(2))
	if probe.Path != "v2/auth/r/permissions" || probe.Body != "{}" || probe.Version != 2 || probe.Signature.APIKey != "KEY-2" {
		t.Errorf("%+v", probe)
	}
	r.reopen(nil)
	r.must(r.unlock())
	r.wantVersion(1, testSecret)
	done, err := r.promote("main", 0, 60)
	if err != nil || done.Version != 2 || done.Before != 1 || done.Verified {
		t.Fatalf("%+v: %v", done, err)
	}
	for range 2 { // and over a restart
		r.wantVersion(2, secretOf(2))
		key, err := r.v.Key("main")
		if err != nil || key.Versions[0].State != "retiring" || key.Versions[0].Retires == 0 || key.Versions[1].State != "active" {
			t.Errorf("%+v: %v", key, err)
		}
		probe, err := r.v.SignProbe(r.by, "main", 1) // its grace lasts
		r.must(err)
		verifyProbe(t, probe, testSecret)
		r.reopen(nil)
		r.must(r.unlock())
	}
	done, err = r.promote("main", 1, 0) // back, and the other has no grace
	if err != nil || done.Before != 2 {
		t.Fatalf("%+v: %v", done, err)
	}
	r.wantVersion(1, testSecret)
	_, err = r.v.SignProbe(r.by, "main", 2)
	wantKind(t, err, vault.KindNotFound)
	r.must2(r.promote("main", 2, 0)) // out of the file
	r.wantVersion(2, secretOf(2))
}

func (r *rig) must2(_ vault.Promoted, err error) {
	r.t.Helper()
	r.must(err)
}

// P6: an API key stands in the vault once, over all labels and versions.
func TestAnAPIKeyIdStandsInTheVaultOnce(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", testSecret))
	for _, id := range []string{"KEY-1", "KEY-2"} {
		_, err := r.rotateKey("main", id, testSecret)
		wantKind(t, err, vault.KindExists)
	}
	_, err := r.rotateKey("main", "KEY-3", testSecret)
	r.must(err)
	wantKind(t, r.addKey("third", "KEY-3", testSecret), vault.KindExists)
	r.reopen(nil)
	r.must(r.unlock())
	wantKind(t, r.addKey("third", "KEY-3", testSecret), vault.KindExists)
}

// A35: the orders are the account's: an update of one that another version placed is judged
// by what it was.
func TestVersionsShareTheirOrders(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.unlimited(), r.order(7))
	_, err := r.rotateKey("main", "KEY-2", secretOf(2))
	r.must(err)
	r.must2(r.promote("main", 0, 60))
	r.must(r.raise(7))
	r.reopen(nil)
	r.must(r.unlock(), r.raise(7))
}

// P3, P6: versions come and go while sixteen sign all the time: none of them notices, and
// each signature is that of the version that it names.
func TestNoSignatureFailsWhileVersionsArePromoted(t *testing.T) {
	r := newRig(t).ready()
	secrets := []string{"", testSecret}
	const rounds = 50
	for i := uint32(2); i <= rounds+1; i++ {
		secrets = append(secrets, secretOf(i))
	}
	var stop atomic.Bool
	var signers sync.WaitGroup
	signed := make([][]vault.Signature, 16)
	for i := range signed {
		signers.Go(func() {
			for !stop.Load() {
				s, err := r.sign(uid(1001), "main")
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(signed[i]); n > 0 && signed[i][n-1].APIKey == s.APIKey && signed[i][n-1].RequestNonce >= s.RequestNonce {
					t.Errorf("request nonce %d after %d", s.RequestNonce, signed[i][n-1].RequestNonce)
				}
				signed[i] = append(signed[i], s)
			}
		})
	}
	for i := uint32(2); i <= rounds+1; i++ {
		r.must(r.turn(i))
	}
	stop.Store(true)
	signers.Wait()
	seen := make(map[string]bool)
	for _, list := range signed {
		for _, s := range list {
			verify(t, s, secrets[s.KeyVersion])
			at := fmt.Sprintf("%s %d", s.APIKey, s.RequestNonce)
			if seen[at] {
				t.Errorf("%s was given twice", at)
			}
			seen[at] = true
		}
	}
}

// turn promotes a new version, and once there are enough an old one, whose grace may last.
func (r *rig) turn(round uint32) error {
	const versions = 10
	if round > versions {
		_, err := r.promote("main", round%versions+1, 60)
		return err
	}
	if _, err := r.rotateKey("main", fmt.Sprintf("KEY-%d", round), secretOf(round)); err != nil {
		return err
	}
	_, err := r.promote("main", 0, 60)
	return err
}

func (r *rig) revokeKey(label string, version uint32) vault.Revoked {
	r.t.Helper()
	done, err := r.v.RevokeKey(ctx, r.by, vault.RevokeKey{Label: label, Version: version})
	r.must(err)
	return done
}

func (r *rig) purge(label string, version uint32) (vault.Purged, error) {
	r.t.Helper()
	request := vault.PurgeKey{Label: label, Version: version}
	return r.v.PurgeKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
}

// P3: a revoke holds over restarts and until a promote; its burn is above whatever was given.
func TestARevokedKeySignsNothingUntilItIsPromoted(t *testing.T) {
	r := newRig(t).ready()
	last := r.wantVersion(1, testSecret)
	done := r.revokeKey("main", 0)
	if len(done.Burns) != 1 || len(done.Unburnt) != 0 || done.Burns[0].Signature.RequestNonce <= last.RequestNonce {
		t.Fatalf("%+v", done)
	}
	verifyProbe(t, done.Burns[0], testSecret)
	for range 2 {
		s, err := r.sign(uid(1001), "main")
		wantDenied(t, err, vault.KindDenied, "revoked path")
		if s != (vault.Signature{}) {
			t.Error("a signature")
		}
		_, err = r.v.SignProbe(r.by, "main", 1)
		wantKind(t, err, vault.KindNotFound)
		// The first read may have been lost: another is above it.
		if again := r.revokeKey("main", 0); len(again.Burns) != 1 || len(again.Unburnt) != 0 ||
			again.Burns[0].Signature.RequestNonce <= done.Burns[0].Signature.RequestNonce {
			t.Errorf("again: %+v", again)
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
	r.must2(r.promote("main", 1, 0)) // undone with a proof
	if s := r.wantVersion(1, testSecret); s.RequestNonce <= done.Burns[0].Signature.RequestNonce {
		t.Errorf("request nonce %d after %d", s.RequestNonce, done.Burns[0].Signature.RequestNonce)
	}
}

// P3: sixteen sign all the time, and none has a signature that it did not have when the
// revoke returned; the burn is above all that were given.
func TestNothingIsSignedAfterARevokeHasReturned(t *testing.T) {
	r := newRig(t).ready()
	var highest atomic.Uint64
	var revoked atomic.Bool
	var signers sync.WaitGroup
	for range 16 {
		signers.Go(func() {
			for {
				before := revoked.Load()
				s, err := r.sign(uid(1001), "main")
				if err != nil {
					wantDenied(t, err, vault.KindDenied, "revoked path")
					return
				}
				if before {
					t.Error("a signature after the revoke")
				}
				for n := highest.Load(); n < s.RequestNonce && !highest.CompareAndSwap(n, s.RequestNonce); n = highest.Load() {
				}
			}
		})
	}
	for highest.Load() == 0 {
	}
	done := r.revokeKey("main", 0)
	revoked.Store(true)
	signers.Wait()
	if len(done.Burns) != 1 || done.Burns[0].Signature.RequestNonce <= highest.Load() {
		t.Errorf("%+v is not above %d", done, highest.Load())
	}
}

func TestARetiredKeyEndsAndIsPurged(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.purge("main", 1)
	wantKind(t, err, vault.KindInvalid)
	version, _, err := r.v.RetireKey(ctx, r.by, vault.RetireKey{Label: "main"})
	if err != nil || version != 1 {
		t.Fatalf("version %d: %v", version, err)
	}
	_, err = r.sign(uid(1001), "main")
	wantDenied(t, err, vault.KindDenied, "retired path")
	_, err = r.purge("main", 0) // a bot holds a grant on it
	wantKind(t, err, vault.KindInvalid)
	_, err = r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
	r.must(err)
	before, err := r.v.Keys()
	r.must(err)
	done, err := r.purge("main", 0)
	if err != nil || !done.Gone || len(done.Versions) != 1 || len(before) != 1 {
		t.Fatalf("%+v: %v", done, err)
	}
	r.must(r.addKey("main", "KEY-1", testSecret), r.grant("mm-1", "main", policy.Read|policy.Trade)) // it may come again
	r.reopen(nil)
	r.must(r.unlock())
	_, err = r.sign(uid(1001), "main")
	r.must(err)
}

// What Bitfinex grants is held against what was declared: what moves value is named.
func TestScopesAreComparedWithWhatWasDeclared(t *testing.T) {
	const trader = policy.Read | policy.Trade
	for _, c := range []struct {
		declared policy.Class
		scopes   []vault.Scope
		want     vault.Compared
	}{
		{trader, []vault.Scope{{Name: "orders", Read: true, Write: true}, {Name: "withdraw"}}, vault.Compared{}},
		{trader, []vault.Scope{{Name: "wallets", Read: true}, {Name: "positions", Write: true}}, vault.Compared{}},
		{trader, []vault.Scope{{Name: "orders", Read: true}}, vault.Compared{Missing: policy.Trade}},
		{trader, []vault.Scope{{Name: "orders"}}, vault.Compared{Missing: trader}},
		{policy.Read, []vault.Scope{{Name: "orders", Read: true, Write: true}, {Name: "funding", Write: true}}, vault.Compared{Beyond: policy.Trade | policy.Funding}},
		{policy.Read, []vault.Scope{{Name: "account", Read: true, Write: true}}, vault.Compared{Beyond: policy.Settings}},
		{policy.Read, []vault.Scope{{Name: "wallets", Read: true, Write: true}, {Name: "ui_withdraw", Write: true}},
			vault.Compared{Beyond: policy.Withdraw, Moves: []string{"wallets", "ui_withdraw"}}},
		{policy.Withdraw, []vault.Scope{{Name: "withdraw", Write: true}}, vault.Compared{}},
		{policy.Read, []vault.Scope{{Name: "teleport", Read: true, Write: true}}, vault.Compared{Unknown: []string{"teleport"}}},
	} {
		if got := vault.Compare(c.declared, c.scopes); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v, %v: %+v, not %+v", c.declared, c.scopes, got, c.want)
		}
	}
}

func TestWhatBitfinexAnsweredIsNoted(t *testing.T) {
	r := newRig(t).ready()
	request := vault.NoteVerified{Label: "main", Version: 1, Scopes: []vault.Scope{{Name: "orders", Read: true, Write: true}, {Name: "withdraw", Write: true}}}
	_, err := r.v.NoteVerified(ctx, r.by, request)
	r.must(err)
	revision, err := r.v.NoteVerified(ctx, r.by, request) // nothing new
	r.must(err)
	if now := r.v.Status().Revision; now != revision {
		t.Errorf("revision %d after %d", now, revision)
	}
	alerts := r.v.Status().Recent
	if len(alerts) == 0 || alerts[len(alerts)-1].Name != vault.AlertWithdraw {
		t.Errorf("%+v", alerts)
	}
	r.reopen(nil)
	r.must(r.unlock())
	key, err := r.v.Key("main")
	if err != nil || key.Versions[0].Verified == 0 || len(key.Versions[0].Scopes) != 2 || !key.Versions[0].Scopes[1].Write {
		t.Errorf("%+v: %v", key, err)
	}
	for _, bad := range [][]vault.Scope{nil, {{Name: "Orders"}}, {{Name: ""}}, make([]vault.Scope, 33)} {
		request.Scopes = bad
		_, err := r.v.NoteVerified(ctx, r.by, request)
		wantKind(t, err, vault.KindInvalid)
	}
}
