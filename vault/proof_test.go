package vault_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

// A64: a proof is good once, on its connection, for its operation.
func TestAProofThatWasCapturedIsWorthNothing(t *testing.T) {
	r := newRig(t).ready()
	add := vault.AddBot{Name: "mm-2", Match: []policy.Match{{GID: new(uint32)}}}
	other := vault.AddBot{Name: "mm-3", Match: []policy.Match{{GID: new(uint32)}}}
	stranger := vault.Operator{Conn: 2, Process: "stranger"}

	proof := r.prove(r.by, add.Operation())
	wantKind(t, sendTo(r, stranger, add, proof), vault.KindStaleOneShot) // another connection
	r.must(sendTo(r, r.by, add, proof))                                  // which did not use it up
	wantKind(t, sendTo(r, r.by, add, proof), vault.KindStaleOneShot)     // twice
	wantKind(t, sendTo(r, r.by, add, vault.Proof{}), vault.KindStaleOneShot)

	proof = r.prove(r.by, add.Operation())
	wantKind(t, sendTo(r, r.by, other, proof), vault.KindWrongPassphrase) // another operation
	wantKind(t, sendTo(r, r.by, add, proof), vault.KindStaleOneShot)      // and then it is gone

	id, challenge, err := r.v.BeginProof(r.by)
	r.must(err)
	proof, err = operator.Prove(&r.kek, 2, id, challenge, add.Operation())
	r.must(err)
	wantKind(t, sendTo(r, r.by, add, proof), vault.KindWrongPassphrase) // a slot that proves nothing
}

func sendTo(r *rig, by vault.Operator, o vault.AddBot, p vault.Proof) error {
	_, err := r.v.AddBot(ctx, by, o, p)
	return err
}

// A64: after a minute a proof and a sealed box are stale.
func TestAProofAndASealedBoxLastAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		add := vault.AddBot{Name: "mm-2", Match: []policy.Match{{GID: new(uint32)}}}
		for _, test := range []struct {
			age  time.Duration
			kind vault.Kind
		}{{59 * time.Second, 0}, {60 * time.Second, vault.KindStaleOneShot}} {
			proof := r.prove(r.by, add.Operation())
			time.Sleep(test.age)
			err := sendTo(r, r.by, add, proof)
			if (err == nil) != (test.kind == 0) || (err != nil && vault.KindOf(err) != test.kind) {
				t.Errorf("a proof %v old: %v", test.age, err)
			}
		}
		r.v.Lock()
		unlock := vault.Unlock{Slot: 1}
		unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
		time.Sleep(60 * time.Second)
		_, err := r.v.Unlock(ctx, r.by, unlock)
		wantKind(t, err, vault.KindStaleOneShot)
		r.v.Close()
	})
}

// A64: a sealed secret is good once, on its connection, for its operation.
func TestASealedBoxThatWasCapturedIsWorthNothing(t *testing.T) {
	r := newRig(t)
	r.v.Lock()
	unlock := vault.Unlock{Slot: 1}
	unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
	send := func(by vault.Operator, u vault.Unlock) error {
		_, err := r.v.Unlock(ctx, by, u)
		return err
	}
	wantKind(t, send(vault.Operator{Conn: 2, Process: "stranger"}, unlock), vault.KindStaleOneShot)
	r.must(send(r.by, unlock))
	r.v.Lock()
	wantKind(t, send(r.by, unlock), vault.KindStaleOneShot) // twice

	// For another operation: sealed for slot 1, sent for slot 2.
	for name, change := range map[string]func(*vault.Unlock){
		"another slot":        func(u *vault.Unlock) { u.Slot = 2 },
		"an older vault":      func(u *vault.Unlock) { u.SeenRevision = 1 },
		"a byte of the box":   func(u *vault.Unlock) { u.KEK.Box[len(u.KEK.Box)-1] ^= 1 },
		"a box cut short":     func(u *vault.Unlock) { u.KEK.Box = u.KEK.Box[:47] },
		"an empty box":        func(u *vault.Unlock) { u.KEK.Box = nil },
		"a box of one prefix": func(u *vault.Unlock) { u.KEK.Box = u.KEK.Box[:len(u.KEK.Box)-32] },
	} {
		t.Run(name, func(t *testing.T) {
			u := vault.Unlock{Slot: 1}
			u.KEK = r.seal(r.by, u.Purpose(), r.kek[:])
			change(&u)
			wantKind(t, send(r.by, u), vault.KindStaleOneShot)
		})
	}
	r.must(r.unlock())
}

// A65: a hundred wrong proofs cost their process a hundred seconds, whether one
// after the other or all at once, and nobody else any.
func TestWrongProofsCostTheirOwnProcessASecondEach(t *testing.T) {
	for name, parallel := range map[string]bool{"in a row": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.v.Lock()
				start := time.Now()
				thief := vault.Operator{Conn: 9, Process: "thief"}
				var wg sync.WaitGroup
				for i := range 100 {
					try := func() {
						wantKind(t, wrongUnlock(r, thief), vault.KindWrongPassphrase)
					}
					if parallel && i < 10 { // as many one-shots as one process may have without losing its own
						wg.Go(try)
					} else {
						try()
					}
					if i == 50 {
						before := time.Now()
						r.must(r.unlock()) // the owner, in between
						if d := time.Since(before); d != 0 {
							t.Errorf("the owner waited %v", d)
						}
						r.v.Lock()
					}
				}
				wg.Wait()
				if d := time.Since(start); d < 100*time.Second {
					t.Errorf("100 wrong tries took %v", d)
				}
				if n := strings.Count(r.log.String(), "wrong passphrase"); n != 100 {
					t.Errorf("%d of 100 wrong tries were logged", n)
				}
				r.v.Close()
			})
		})
	}
}

func wrongUnlock(r *rig, by vault.Operator) error {
	unlock := vault.Unlock{Slot: 1}
	unlock.KEK = r.seal(by, unlock.Purpose(), []byte("not the KEK of thirty-two bytes."))
	_, err := r.v.Unlock(ctx, by, unlock)
	return err
}

// A65: a process that begins without end pushes out its own, not the owner's.
func TestAFloodOfOneShotsLeavesTheOwnersAlone(t *testing.T) {
	r := newRig(t)
	add := vault.AddBot{Name: "mm-2", Match: []policy.Match{{GID: new(uint32)}}}
	proof := r.prove(r.by, add.Operation())
	for range 100 {
		r.prove(vault.Operator{Conn: 9, Process: "flood"}, add.Operation())
	}
	r.must(sendTo(r, r.by, add, proof))
}

// Operations encode unambiguously: moving a border or an absent field changes the
// bytes.
func TestOperationsNeverShareTheirBytes(t *testing.T) {
	zero := new(uint32)
	seen := map[string]int{}
	for i, o := range []vault.Operation{
		vault.AddBot{Name: "ab"}.Operation(),
		vault.AddBot{Name: "a", Match: []policy.Match{{Exe: "b"}}}.Operation(),
		vault.AddBot{Name: "ab", Match: []policy.Match{{UID: zero}}}.Operation(),
		vault.AddBot{Name: "ab", Match: []policy.Match{{GID: zero}}}.Operation(),
		vault.SetGrant{Bot: "a", Grant: policy.GrantSpec{Key: "bc"}}.Operation(),
		vault.SetGrant{Bot: "ab", Grant: policy.GrantSpec{Key: "c"}}.Operation(),
		vault.SetGrant{Bot: "ab", Grant: policy.GrantSpec{Key: "c", Allow: []string{"read"}}}.Operation(),
		vault.AcceptNonce{Label: "ab"}.Operation(),
		vault.AddKey{Label: "ab"}.Purpose(),
		vault.AddKey{Label: "ab"}.Operation(),
		vault.AddKey{Label: "ab", Secret: vault.Sealed{Box: []byte{1}}}.Operation(),
		vault.Init{}.Purpose(), vault.Unlock{}.Purpose(),
	} {
		if j, ok := seen[string(o.Bytes())]; ok {
			t.Errorf("operations %d and %d have the same bytes", i, j)
		}
		seen[string(o.Bytes())] = i
	}
}
