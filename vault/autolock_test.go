package vault_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// awake makes a vault that was just unlocked and locks by itself. The rig is closed within
// the bubble.
func awake(t *testing.T, a vault.AutoLock, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, time.December, 1, 8, 0, 0, 0, time.UTC))) // a clock that can be right
		r := newRig(t).ready()
		r.autoLock = a
		r.reopen(nil)
		r.must(r.unlock())
		f(r)
		r.must(r.v.Close())
	})
}

// locksOf are the records of locks, why each was.
func (r *rig) locksOf() (why []string) {
	for _, e := range r.records() {
		if e.Op == "lock" {
			why = append(why, e.Rule)
		}
	}
	return why
}

// P5, A59: a vault that nobody uses locks. What only asks is no use, and neither is what
// is refused, so that no bot keeps a vault open that it gets nothing from.
func TestOnlySignaturesAndChangesKeepAVaultOpen(t *testing.T) {
	const idle = 15 * time.Minute
	order := vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)}
	withdrawal := vault.SignRequest{Label: "main", Path: "v2/auth/w/withdraw", Body: []byte(`{}`)}
	for name, test := range map[string]struct {
		keeps bool
		do    func(r *rig)
	}{
		"a signature":         {true, func(r *rig) { _, err := r.v.Sign(uid(1001), order); r.must(err) }},
		"a grant":             {true, func(r *rig) { r.must(r.grant("mm-1", "main", policy.Read)) }},
		"a grant taken away":  {true, func(r *rig) { _, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main"); r.must(err) }},
		"nothing":             {false, func(*rig) {}},
		"an unlock once more": {false, func(r *rig) { r.must(r.unlock()) }},
		"status":              {false, func(r *rig) { r.v.Status() }},
		"lists": {false, func(r *rig) {
			r.v.Keys()
			r.v.Bots(false)
			r.v.Bot("mm-1")
			r.v.Key("main")
			r.v.Slots()
			r.v.AuditLog()
		}},
		"where nonces stand":   {false, func(r *rig) { r.v.ShowNonce("main") }},
		"who a bot is":         {false, func(r *rig) { r.v.WhoAmI(uid(1001)) }},
		"a denied request":     {false, func(r *rig) { _, err := r.v.Sign(uid(1001), withdrawal); wantKind(r.t, err, vault.KindDenied) }},
		"a stranger's request": {false, func(r *rig) { _, err := r.v.Sign(uid(7), order); wantKind(r.t, err, vault.KindNoGrant) }},
		"a wrong change":       {false, func(r *rig) { wantKind(r.t, r.grant("mm-1", "other", policy.Read), vault.KindNotFound) }},
		"challenges":           {false, func(r *rig) { r.v.BeginProof(r.by); r.v.BeginSealed(r.by) }},
	} {
		t.Run(name, func(t *testing.T) {
			awake(t, vault.AutoLock{Idle: idle}, func(r *rig) {
				unlocked := time.Now()
				time.Sleep(idle - time.Minute)
				test.do(r)
				locks := unlocked.Add(idle)
				if test.keeps {
					locks = time.Now().Add(idle)
				}
				if got := r.v.Status().Locks; got != locks.Unix() {
					t.Errorf("it locks at %v, want %v", time.Unix(got, 0).UTC(), locks.UTC())
				}
				time.Sleep(time.Until(locks) - time.Second)
				if state := r.v.Status().State; state != vault.Unlocked {
					t.Fatalf("a second before, it is %s", state)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				s := r.v.Status()
				if s.State != vault.Locked || s.LockedBy != vault.CauseIdle || s.LockedAt != locks.Unix() || s.Locks != 0 {
					t.Errorf("it is %s, by %q at %d", s.State, s.LockedBy, s.LockedAt)
				}
			})
		})
	}
}

// P5: the longest time ends also what is used all the time.
func TestAVaultInUseLocksOnceItsTimeIsOver(t *testing.T) {
	awake(t, vault.AutoLock{Idle: 15 * time.Minute, Max: time.Hour}, func(r *rig) {
		for signed := 0; ; signed++ {
			if _, err := r.sign(uid(1001), "main"); err != nil {
				wantKind(r.t, err, vault.KindLocked)
				if signed != 6 {
					t.Errorf("%d were signed in an hour, one each ten minutes", signed)
				}
				break
			}
			time.Sleep(10 * time.Minute)
		}
		time.Sleep(time.Second) // the lock is due in this same instant
		synctest.Wait()
		if s := r.v.Status(); s.LockedBy != vault.CauseMax {
			t.Errorf("locked by %q", s.LockedBy)
		}
		r.must(r.unlock()) // its time begins anew
		time.Sleep(14 * time.Minute)
		_, err := r.sign(uid(1001), "main")
		r.must(err)
	})
}

// P2: the log says why nothing was signed any more.
func TestTheRecordOfALockSaysWhy(t *testing.T) {
	awake(t, vault.AutoLock{Idle: time.Minute, Max: 2 * time.Minute}, func(r *rig) {
		r.v.LockFor(vault.CauseSignal, vault.Operator{})
		r.must(r.unlock())
		r.v.LockFor(vault.CauseOperator, r.by)
		r.must(r.unlock())
		time.Sleep(time.Minute)
		synctest.Wait()
		r.must(r.unlock())
		for range 3 {
			time.Sleep(40 * time.Second)
			r.sign(uid(1001), "main")
		}
		synctest.Wait()
		r.must(r.unlock())
		r.reopen(nil)
		if why := r.locksOf(); !slices.Equal(why, []string{"end", "signal", "operator", "idle", "max_unlock", "end"}) {
			t.Errorf("locked by %q", why)
		}
		for _, e := range r.records() {
			if e.Op == "lock" && (e.Process == r.by.Process) != (e.Rule == "operator") {
				t.Errorf("a lock by %q names process %q", e.Rule, e.Process)
			}
		}
	})
}

// A vault without the setting stays open.
func TestWithoutAutoLockAVaultStaysOpen(t *testing.T) {
	awake(t, vault.AutoLock{}, func(r *rig) {
		time.Sleep(100 * 24 * time.Hour)
		if s := r.v.Status(); s.State != vault.Unlocked || s.Locks != 0 {
			t.Errorf("it is %s and locks at %d", s.State, s.Locks)
		}
	})
}
