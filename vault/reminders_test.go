package vault_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault"
)

const day = 24 * time.Hour

// An API key that is old is spoken of at the unlock and once a day, until the lock.
func TestTheLogRemindsOfOldAPIKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		t.Cleanup(func() { r.v.Close() })
		r.must(r.addKey("main", "KEY-1", testSecret))
		reminders := func() int { return strings.Count(r.log.String(), "days old: vaultctl key rotate main") }
		r.v.Lock()
		time.Sleep(vault.RotateAfter - time.Hour)
		r.must(r.unlock())
		if reminders() != 0 {
			t.Errorf("reminded too early:\n%s", r.log)
		}
		time.Sleep(day + time.Minute)
		if reminders() != 1 || !strings.Contains(r.log.String(), "API key main is 90 days old") {
			t.Errorf("%d reminders a day later:\n%s", reminders(), r.log)
		}
		time.Sleep(2 * day)
		if reminders() != 3 {
			t.Errorf("%d reminders after three days", reminders())
		}
		r.v.Lock()
		time.Sleep(2 * day)
		if reminders() != 3 {
			t.Error("reminded while locked")
		}
		r.must(r.unlock())
		if reminders() != 4 || !strings.Contains(r.log.String(), "API key main is 94 days old") {
			t.Errorf("%d reminders after the unlock:\n%s", reminders(), r.log)
		}
	})
}

func TestAgeIsInWholeDays(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	for ago, want := range map[time.Duration]int{day - time.Second: 0, day: 1, 91*day + time.Hour: 91, -day: 0} {
		if got := vault.DaysSince(now.Add(-ago).Unix(), now); got != want {
			t.Errorf("%v ago is %d days, want %d", ago, got, want)
		}
	}
}

// The last use of a bot outlives a change of its grants, and not a lock.
func TestABotsLastUseIsThatOfItsLastSignature(t *testing.T) {
	r := newRig(t).ready()
	lastUsed := func() int64 {
		b, err := r.v.Bot("mm-1")
		r.must(err)
		return b.LastUsed
	}
	before := time.Now().Unix()
	if lastUsed() != 0 {
		t.Error("used before it was")
	}
	if _, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/w/transfer", Body: []byte("{}")}); err == nil {
		t.Fatal("a request outside the grant was signed")
	}
	if lastUsed() != 0 {
		t.Error("a refusal counts as use")
	}
	_, err := r.sign(uid(1001), "main")
	r.must(err)
	if at := lastUsed(); at < before || at > time.Now().Unix() {
		t.Errorf("last used at %d, not now", at)
	}
	_, err = r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
	r.must(err)
	if lastUsed() == 0 {
		t.Error("forgotten with the grant")
	}
	r.v.Lock()
	r.must(r.unlock())
	if lastUsed() != 0 {
		t.Error("known after a lock: it is kept in memory only")
	}
}

func TestStatusTellsTheSetupInAnyState(t *testing.T) {
	r := newRig(t)
	for _, lock := range []bool{false, true} {
		if lock {
			r.v.Lock()
		}
		s := r.v.Status().Setup
		if s.Memory == "" || s.MemlockLimit == 0 || !s.Journal || s.Anchor || s.Synced {
			t.Errorf("locked %v: %+v", lock, s)
		}
		if !lock && s.MemlockUsed == 0 {
			t.Error("unlocked, and nothing of the lockable memory is in use")
		}
	}
}
