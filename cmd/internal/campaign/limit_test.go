package campaign_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/status"
)

const (
	tight = 64 << 10 // RLIMIT_MEMLOCK of many distributions of old
	usual = 8 << 20  // and of today
)

// A53: where memory may not be locked, init and unlock say so and how to help it,
// change nothing, and work as soon as the limit is raised; nothing hangs, and
// memguard's panic takes nobody along.
func TestTooLittleLockableMemoryIsAClearErrorAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, limit := range []uint64{0, tight} {
		for _, noSecret := range []bool{false, true} {
			t.Run(fmt.Sprintf("limit %d, without memfd_secret %t", limit, noSecret), func(t *testing.T) {
				r := newRig(t, conditions{uid: ordinaryUser(), memlock: &limit, noSecret: noSecret})
				a := r.admin()
				wantLimit(t, "init", a.init())
				wantState(t, a, "uninitialised")

				r.setMemlock(usual)
				must(t, a.init(), a.addBot(botName, me()), a.addKey("main", secretOf("main")), a.grant(botName, "main"))
				_, err := r.bot().sign("main")
				must(t, err, a.lock())

				r.setMemlock(limit)
				wantLimit(t, "unlock", a.unlock())
				wantState(t, a, "locked")
				_, err = r.bot().sign("main")
				want(t, "sign", err, "LOCKED")

				r.setMemlock(usual)
				must(t, a.unlock())
				_, err = r.bot().sign("main")
				must(t, err)
				r.crashed(t)
			})
		}
	}
}

// A53: under a limit that lets unlock through and leaves little, key add is what
// is refused, and what works goes on working.
func TestAKeyThatFindsNoLockableMemoryIsRefusedAndTheOthersGoOnSigning(t *testing.T) {
	t.Parallel()
	for _, noSecret := range []bool{false, true} {
		t.Run(fmt.Sprintf("without memfd_secret %t", noSecret), func(t *testing.T) {
			r := ready(t, conditions{uid: ordinaryUser(), memlock: new(uint64(usual)), noSecret: noSecret}, "main")
			a := r.admin()
			r.setMemlock(lockedBytes(t, r))
			wantLimit(t, "key add", a.addKey("other", secretOf("other")))
			_, err := r.bot().sign("main")
			must(t, err)
			r.setMemlock(usual)
			must(t, a.addKey("other", secretOf("other")), a.grant(botName, "other"))
			_, err = r.bot().sign("other")
			must(t, err)
			r.crashed(t)
		})
	}
}

// Ten thousand API keys (a thousand in the short form) unlock and sign for an
// ordinary user with the usual 8 MiB of lockable memory.
func TestManyAPIKeysUnlockWithinTheUsualLimit(t *testing.T) {
	t.Parallel()
	keys := size(1_000, 10_000)
	r := ready(t, conditions{uid: ordinaryUser(), memlock: new(uint64(usual))})
	addKeys(t, r, keys)
	must(t, r.admin().grant(botName, label(keys-1)))
	for _, noSecret := range []bool{false, true} {
		r.stop(t)
		r.on.noSecret = noSecret
		a := r.restart()
		if got := a.status(t).GetKeys(); int(got) != keys {
			t.Fatalf("%d API keys, want %d", got, keys)
		}
		_, err := r.bot().sign(label(keys - 1))
		must(t, err)
		locked := lockedBytes(t, r)
		if locked > usual || locked < uint64(keys)*128 {
			t.Errorf("%d bytes are locked for %d API keys", locked, keys)
		}
		t.Logf("%s: %d bytes locked for %d API keys", a.status(t).GetMemory(), locked, keys)
	}
}

func label(i int) string { return "key-" + strconv.Itoa(i) }

// addKeys adds API keys from several connections: each addition is three round
// trips and an fsync.
func addKeys(t testing.TB, r *rig, n int) {
	t.Helper()
	each(t, 4, n, func() func(int) error {
		a := r.admin()
		return func(i int) error { return a.addKey(label(i), secretOf(label(i))) }
	})
}

func wantLimit(t testing.TB, what string, err error) {
	t.Helper()
	want(t, what, err, "MEMLOCK_LIMIT")
	if s, _ := status.FromError(err); !strings.Contains(s.Message(), "ulimit -l") || !strings.Contains(s.Message(), "LimitMEMLOCK=") {
		t.Errorf("%s does not say how to raise the limit: %q", what, s.Message())
	}
}

func wantState(t testing.TB, a *admin, state string) {
	t.Helper()
	if got := a.status(t).GetState(); got != state {
		t.Errorf("the vault is %s, want %s", got, state)
	}
}

// lockedBytes is VmLck: what mlock(2) and memfd_secret(2) have locked.
func lockedBytes(t testing.TB, r *rig) uint64 { return procStatus(t, r, "VmLck:") }

// procStatus is a size of /proc/PID/status in bytes.
func procStatus(t testing.TB, r *rig, name string) uint64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			kib, err := strconv.ParseUint(f[1], 10, 64)
			must(t, err)
			return kib << 10
		}
	}
	t.Fatalf("no %s in /proc/PID/status", name)
	return 0
}
