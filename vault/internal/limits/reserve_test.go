package limits_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// A40, A41: what was spent stays spent, and a crash loses no more than a slice.
func TestARestartRegainsNothing(t *testing.T) {
	for _, limit := range []uint64{10, 63, 64, 640, 50_000} {
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			var passed uint64
			const restarts = 5
			for range restarts {
				m := d.meter(d.ledger(), now(), false)
				for range limit / 10 {
					if refused(t, m.Take(daily(limit), read(), now())) == "" {
						passed++
					}
				}
				synctest.Wait()
			}
			m := d.meter(d.ledger(), now(), false)
			for refused(t, m.Take(daily(limit), read(), now())) == "" {
				passed++
			}
			if passed > limit || passed+restarts*(limit/64) < limit {
				t.Errorf("limit %d: %d passed", limit, passed)
			}
		})
	}
}

func TestAReservationUnderWayIsWaitedForWhereItBringsEnough(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		m := d.meter(d.ledger(), now(), true)
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := m.Take(daily(1000), read(), now()); err != nil || time.Since(start) > time.Second {
					t.Errorf("%v, after %v", err, time.Since(start))
				}
			})
			synctest.Wait() // the first takes off
		}
		wg.Wait()
	})
}

// A41: what is reserved is what the disk says, whatever the limit has become.
func TestALoweredLimitTakesNoReservationBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		take := func(m *limits.Meter, l *policy.Limits, r *policy.Request, n int) (passed int) {
			for range n {
				if m.Take(l, r, now()) == nil {
					passed++
				}
			}
			return passed
		}
		passed := take(m, daily(64_000), read(), 1) // reserves a thousand
		lowered := daily(640)
		lowered.DailyNotional = map[string]policy.Decimal{"USD": dec("10")}
		passed += take(m, lowered, request(submit(1, "tBTCUSD", "1", "5")), 1) // which is written
		synctest.Wait()
		passed += take(m, lowered, read(), 300)
		m = d.meter(d.ledger(), now(), false)
		if passed += take(m, lowered, read(), 1000); passed > 640 {
			t.Errorf("%d of 640 passed", passed)
		}
	})
}

// A slice is never reserved beyond the limit: it would be lost once that is raised.
func TestNoMoreIsReservedThanTheLimit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		for refused(t, m.Take(daily(650), read(), now())) == "" {
			synctest.Wait()
		}
		m = d.meter(d.ledger(), now(), false)
		if left := *m.Left(daily(700), now()).Requests; left != 50 {
			t.Errorf("%d left of 50", left)
		}
	})
}

// P6 without its price: in steady use nobody waits for the disk.
func TestABotInSteadyUseNeverWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		m := d.meter(d.ledger(), now(), true)
		l := &policy.Limits{DailyRequests: ptr(uint64(64_000)), DailyNotional: map[string]policy.Decimal{"USD": dec("64000")}}
		r := request(submit(1, "tBTCUSD", "-0.5", "2"))
		if err := m.Take(l, r, now()); err != nil {
			t.Fatal(err)
		}
		for range 10_000 {
			time.Sleep(10 * time.Millisecond)
			before := time.Now()
			if err := m.Take(l, r, now()); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(before); waited > 0 {
				t.Fatalf("waited %v", waited)
			}
		}
		if n := d.count(); n > 25 {
			t.Errorf("%d commits for ten slices", n)
		}
	})
}

// A41, A47: nothing is spent that is not reserved on disk; and it heals by itself.
func TestWithoutADiskNothingIsSpent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		d.fill(true)
		for range 3 {
			if err := m.Take(daily(5), read(), now()); !errors.Is(err, errDisk) {
				t.Fatalf("got %v", err)
			}
		}
		if left := *m.Left(daily(5), now()).Requests; left != 5 {
			t.Errorf("%d left", left)
		}
		d.fill(false)
		for i := range uint64(5) {
			if err := m.Take(daily(5), read(), now()); err != nil {
				t.Fatal(err)
			}
			if left := *d.meter(d.ledger(), now(), false).Left(daily(5), now()).Requests; left != 4-i {
				t.Errorf("a crash now would leave %d", left)
			}
			d.power-- // which there was not
		}
		if rule := refused(t, m.Take(daily(5), read(), now())); rule != "daily_requests" {
			t.Errorf("refused by %q", rule)
		}
	})
}

func TestAFullDiskIsNotAskedAtEveryRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		l := daily(640_000) // slices of 10,000
		for range 6_000 {
			if err := m.Take(l, read(), now()); err != nil {
				t.Fatal(err)
			}
			if d.count() == 1 {
				d.fill(true)
			}
		}
		before := d.count()
		for range 1000 {
			if err := m.Take(l, read(), now()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			time.Sleep(time.Millisecond)
		}
		if n := d.count() - before; n > 2 {
			t.Errorf("%d commits were tried in one second", n)
		}
	})
}

// A40: midnight while a reservation is on its way.
func TestAReservationForADayThatIsOverIsOfNoUse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		time.Sleep(12*time.Hour - 250*time.Millisecond) // a quarter of a second to midnight
		m := d.meter(d.ledger(), now(), true)
		var wg sync.WaitGroup
		var passed atomic.Int64
		for range 10 {
			wg.Go(func() {
				if refused(t, m.Take(daily(5), read(), now())) == "" {
					passed.Add(1)
				}
			})
		}
		time.Sleep(350 * time.Millisecond)
		for range 10 {
			wg.Go(func() {
				if refused(t, m.Take(daily(5), read(), now())) == "" {
					passed.Add(1)
				}
			})
		}
		time.Sleep(250 * time.Millisecond) // the first has landed, for yesterday
		if passed.Load() > 0 {
			t.Errorf("%d passed with what was reserved for yesterday", passed.Load())
		}
		wg.Wait()
		again := d.meter(d.ledger(), now(), false)
		for refused(t, again.Take(daily(5), read(), now())) == "" {
			passed.Add(1)
		}
		if passed.Load() > 10 {
			t.Errorf("%d passed in two days of five", passed.Load())
		}
	})
}

func TestAStoppedLedgerGivesNothingAndLeavesNoGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) { // which fails when a goroutine is left
		d := newDisk(t)
		d.latency = time.Second
		l := d.ledger()
		m, o := d.meter(l, now(), true), d.orders(l)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := m.Take(daily(1000), read(), now()); !errors.Is(err, limits.ErrStopped) {
				t.Errorf("one whose commit had begun: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			r := request(submit(1, "tBTCUSD", "1", "1"), submit(1, "tBTCUSD", "1", "1"))
			if err := o.Remember(r, now()); !errors.Is(err, limits.ErrStopped) {
				t.Errorf("one whose commit had not begun: %v", err)
			}
		})
		synctest.Wait()
		l.Stop()
		if d.count() != 0 {
			t.Error("Stop has waited for the disk")
		}
		l.Stop()
		wg.Wait()
		if d.count() != 1 {
			t.Errorf("%d commits, want only the one that had begun", d.count())
		}
		if err := m.Take(&policy.Limits{}, read(), now()); !errors.Is(err, limits.ErrStopped) {
			t.Errorf("Take afterwards: %v", err)
		}
		if _, err := o.Judge(request(update(1, time.Now(), "1", "", "")), now(), allow); !errors.Is(err, limits.ErrStopped) {
			t.Errorf("Judge afterwards: %v", err)
		}
		if err := o.Remember(request(submit(2, "tBTCUSD", "1", "1")), now()); !errors.Is(err, limits.ErrStopped) {
			t.Errorf("Remember afterwards: %v", err)
		}
	})
}

func TestALedgerNeedsItsCommit(t *testing.T) {
	if _, err := limits.NewLedger(nil); err == nil {
		t.Error("a ledger without a commit")
	}
}
