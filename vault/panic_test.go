package vault_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

const (
	probePath  = "v2/auth/r/permissions"
	cancelPath = "v2/auth/w/order/cancel/multi"
)

// verifyFixed recomputes the signature of a request that is to be sent.
func verifyFixed(t *testing.T, s vault.SignedRequest, path, body string) {
	t.Helper()
	verifyWith(t, s, path, body, testSecret)
}

// verifyProbe recomputes the signature of a read with a secret.
func verifyProbe(t testing.TB, s vault.SignedRequest, secret string) {
	t.Helper()
	verifyWith(t, s, probePath, "{}", secret)
}

func verifyWith(t testing.TB, s vault.SignedRequest, path, body, secret string) {
	t.Helper()
	want := hmacOf(secret, fmt.Sprintf("/api/%s%d%s", path, s.Signature.RequestNonce, body))
	if s.Path != path || s.Body != body || string(s.Signature.Hex[:]) != want {
		t.Errorf("signed %s %s with %d as %s", s.Path, s.Body, s.Signature.RequestNonce, s.Signature.Hex)
	}
}

// P5, P6, section 13: the request nonce of a burn is higher than that of every signature
// that any bot got hold of, however many ask at the same time; so once Bitfinex has taken
// it, those are worthless. Each has its record (P2).
func TestABurnIsNewerThanEverySignatureThatIsOut(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", testSecret))
	for range 20 {
		var mu sync.Mutex
		var highest uint64
		var all sync.WaitGroup
		signing := make(chan struct{}, 64)
		for range 32 {
			all.Go(func() {
				for {
					s, err := r.sign(uid(1001), "main")
					if err != nil {
						return
					}
					mu.Lock()
					highest = max(highest, s.RequestNonce)
					mu.Unlock()
					select {
					case signing <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 64 {
			<-signing
		}
		stopped := r.v.LockAndBurn(r.by)
		all.Wait()
		if len(stopped.Requests) != 2 || len(stopped.Unburnt) != 0 || stopped.Already {
			t.Fatalf("stopped with %+v", stopped)
		}
		for i, label := range []string{"main", "second"} {
			verifyFixed(t, stopped.Requests[i], probePath, "{}")
			if stopped.Requests[i].Label != label {
				t.Errorf("request %d is of %s", i, stopped.Requests[i].Label)
			}
		}
		if burn := stopped.Requests[0].Signature.RequestNonce; burn <= highest {
			t.Fatalf("a bot holds %d, the burn has %d", highest, burn)
		}
		r.must(r.unlock())
	}
	r.reopen(nil)
	burns := 0
	for _, e := range r.records() {
		if e.Op == "burn" && e.Decision == audit.Allowed && e.Endpoint == probePath && e.Nonce > 0 {
			burns++
		}
	}
	if burns != 40 {
		t.Errorf("%d burns are recorded", burns)
	}
}

func TestALockedVaultBurnsNothing(t *testing.T) {
	r := newRig(t).ready()
	r.v.Lock()
	if s := r.v.LockAndBurn(r.by); !s.Already || len(s.Requests)+len(s.Unburnt) != 0 {
		t.Errorf("stopped with %+v", s)
	}
}

// Section 13: a panic cancels only by right, and without it does all the rest: it is
// never kept from being done.
func TestAPanicCancelsAllOrdersOnlyByRight(t *testing.T) {
	for name, test := range map[string]struct {
		allowed, ask, cancels bool
		proof                 func(r *rig) vault.Proof
		refused               string
	}{
		"plain":                    {},
		"plain, though it may":     {allowed: true},
		"with a proof":             {ask: true, cancels: true, proof: func(r *rig) vault.Proof { return r.prove(r.by, vault.Panic{CancelAll: true}.Operation()) }},
		"allowed beforehand":       {ask: true, cancels: true, allowed: true},
		"without any right":        {ask: true, refused: "needs the passphrase"},
		"with another's proof":     {ask: true, refused: "wrong passphrase", proof: func(r *rig) vault.Proof { return r.prove(r.by, vault.Panic{}.Operation()) }},
		"with a proof of nothing":  {ask: true, refused: "not good", proof: func(*rig) vault.Proof { return vault.Proof{ID: 99} }},
		"allowed, and a bad proof": {ask: true, cancels: true, allowed: true, proof: func(*rig) vault.Proof { return vault.Proof{ID: 99} }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).ready()
			if test.allowed {
				set := vault.SetPanic{CancelAll: true}
				_, err := r.v.SetPanic(ctx, r.by, set, r.prove(r.by, set.Operation()))
				r.must(err)
				r.reopen(nil)
				r.must(r.unlock())
			}
			if r.v.Status().PanicCancels != test.allowed {
				t.Errorf("the status says %t", !test.allowed)
			}
			var proof vault.Proof
			if test.proof != nil {
				proof = test.proof(r)
			}
			s := r.v.Panic(ctx, r.by, vault.Panic{CancelAll: test.ask}, proof)
			if status := r.v.Status(); status.State != vault.Locked || status.LockedBy != vault.CausePanic {
				t.Fatalf("it is %s, by %q", status.State, status.LockedBy)
			}
			if (test.refused == "") != (s.Refused == "") || !strings.Contains(s.Refused, test.refused) {
				t.Errorf("refused: %q", s.Refused)
			}
			if len(s.Unburnt) != 0 || s.Already || s.Forgetful {
				t.Errorf("stopped with %+v", s)
			}
			last := len(s.Requests) - 1
			if test.cancels != (last == 1) {
				t.Fatalf("%d requests", last+1)
			}
			verifyFixed(t, s.Requests[last], probePath, "{}")
			if test.cancels {
				verifyFixed(t, s.Requests[0], cancelPath, `{"all":1}`)
				if s.Requests[0].Signature.RequestNonce >= s.Requests[1].Signature.RequestNonce {
					t.Error("the cancel comes after what outdates it")
				}
			}
		})
	}
}

// Widening: who has no passphrase does not allow it.
func TestSetPanicNeedsAProof(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.v.SetPanic(ctx, r.by, vault.SetPanic{CancelAll: true}, vault.Proof{})
	wantKind(t, err, vault.KindStaleOneShot)
	if r.v.Status().PanicCancels {
		t.Error("it was set")
	}
}

// withKeyfile adds slot 2, a keyfile's.
func (r *rig) withKeyfile() *rig {
	r.t.Helper()
	_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, (*operator.KEK)([]byte(goldenKeyfile)))
	r.must(err)
	return r
}

// unlockKeyfile is what happens at the next login.
func (r *rig) unlockKeyfile() error {
	request := vault.Unlock{Slot: 2}
	request.KEK = r.seal(r.by, request.Purpose(), []byte(goldenKeyfile))
	_, err := r.v.Unlock(ctx, r.by, request)
	return err
}

// P5: after a panic no login opens the vault by itself, not even of a new daemon, until a
// human has.
func TestAfterAPanicOnlyAHumanUnlocks(t *testing.T) {
	r := newRig(t).ready().withKeyfile()
	if s := r.v.Panic(ctx, r.by, vault.Panic{}, vault.Proof{}); s.Forgetful {
		t.Error("it was not written down")
	}
	wantKind(t, r.unlockKeyfile(), vault.KindHumanOnly)
	r.reopen(nil)
	wantKind(t, r.unlockKeyfile(), vault.KindHumanOnly)
	r.must(r.unlock())
	r.v.Lock()
	r.must(r.unlockKeyfile())
	r.reopen(nil)
	r.must(r.unlockKeyfile())
}

// A locked vault cannot write: the panic holds for as long as the daemon lives, and says so.
func TestAPanicOfALockedVaultHoldsUntilTheDaemonEnds(t *testing.T) {
	r := newRig(t).ready().withKeyfile()
	r.v.Lock()
	if s := r.v.Panic(ctx, r.by, vault.Panic{CancelAll: true}, vault.Proof{}); !s.Already || !s.Forgetful || len(s.Requests) > 0 {
		t.Errorf("stopped with %+v", s)
	}
	wantKind(t, r.unlockKeyfile(), vault.KindHumanOnly)
	r.reopen(nil)
	r.must(r.unlockKeyfile())
}

// A48: who holds the file up, as a hung disk does, does not hold up a panic.
func TestAPanicWaitsForNoFile(t *testing.T) {
	r := newRig(t).ready().withKeyfile()
	_, err := r.sign(uid(1001), "main") // so that its mark is written
	r.must(err)
	held, release, added := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.checking = func() { close(held); <-release }
	add := vault.AddBot{Name: "late", Match: []policy.Match{{UID: new(uint32)}}}
	proof := r.prove(r.by, add.Operation())
	go func() { _, err := r.v.AddBot(ctx, r.by, add, proof); added <- err }()
	<-held
	s := r.v.Panic(ctx, r.by, vault.Panic{CancelAll: true}, vault.Proof{ID: 1})
	if !s.Forgetful || len(s.Requests) != 1 || s.Refused == "" || r.v.Status().State != vault.Locked {
		t.Errorf("%s, stopped with %+v", r.v.Status().State, s)
	}
	close(release)
	wantKind(t, <-added, vault.KindLocked)
	wantKind(t, r.unlockKeyfile(), vault.KindHumanOnly)
}
