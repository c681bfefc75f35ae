package limits_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

func refuses(t *testing.T, m *limits.Meter, o *limits.Orders) {
	t.Helper()
	order := request(submit(1000, "tBTCUSD", "1", "1"))
	if err := m.Take(&policy.Limits{}, read(), now()); !errors.Is(err, limits.ErrStopped) {
		t.Errorf("Take afterwards: %v", err)
	}
	if err := m.Check(&policy.Limits{}, read(), now()); !errors.Is(err, limits.ErrStopped) {
		t.Errorf("Check afterwards: %v", err)
	}
	if _, err := o.Judge(request(update(1, time.Now(), "1", "", "")), now(), allow); !errors.Is(err, limits.ErrStopped) {
		t.Errorf("Judge afterwards: %v", err)
	}
	if err := o.Remember(order, now()); !errors.Is(err, limits.ErrStopped) {
		t.Errorf("Remember afterwards: %v", err)
	}
}

// A40, A41 without their price: what a lock in good order loses is nothing.
func TestDrainLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		m, o := d.meter(l, now(), true), d.orders(l)
		limit := &policy.Limits{DailyRequests: ptr(uint64(6400)), DailyNotional: map[string]policy.Decimal{"USD": dec("6400")}}
		for range 7 {
			if err := m.Take(limit, request(submit(1, "tBTCUSD", "2.5", "1")), now()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		d.latency = time.Second
		for cid := range uint64(200) { // all but the first while a commit runs
			remember(t, o, submit(cid+1, "tBTCUSD", "1", "100"))
			synctest.Wait()
		}
		start := time.Now()
		if !l.Drain(time.Minute) || time.Since(start) != 2*time.Second {
			t.Errorf("not drained, after %v", time.Since(start))
		}
		refuses(t, m, o)
		again := d.crashed()
		for cid := range uint64(200) {
			if !known(t, again, cid+1, time.Now()) {
				t.Fatalf("order %d was lost", cid+1)
			}
		}
		left := d.meter(d.ledger(), now(), false).Left(limit, now())
		if *left.Requests != 6393 || left.Notional["USD"] != dec("6382.5") {
			t.Errorf("left: %d and %v", *left.Requests, left.Notional)
		}
		before := d.count()
		l.Stop()
		if !l.Drain(time.Minute) { // it was drained
			t.Error("drained no more")
		}
		synctest.Wait()
		if d.count() != before {
			t.Error("something was committed afterwards")
		}
	})
}

// A39, A40: whoever spends or signs while the ledger drains has it on disk, or has it
// refused.
func TestNothingIsSpentOrSignedBehindADrain(t *testing.T) {
	for range 40 {
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			l := d.ledger()
			m, o := d.meter(l, now(), true), d.orders(l)
			if err := m.Take(daily(1e9), read(), now()); err != nil {
				t.Fatal(err)
			}
			var spent, cid atomic.Uint64
			var signed sync.Map
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for m.Take(daily(1e9), read(), now()) == nil {
						spent.Add(1)
					}
				})
				wg.Go(func() {
					for n := cid.Add(1); o.Remember(request(submit(n, "tBTCUSD", "1", "100")), now()) == nil; n = cid.Add(1) {
						signed.Store(n, true)
					}
				})
			}
			for spent.Load() < 20 || cid.Load() < 20 {
				runtime.Gosched()
			}
			if !l.Drain(time.Minute) {
				t.Error("not drained")
			}
			wg.Wait()
			left := *d.meter(d.ledger(), now(), false).Left(daily(1e9), now()).Requests
			if spent.Load()+1 != 1e9-left {
				t.Errorf("%d spent, %d on disk", spent.Load()+1, 1e9-left)
			}
			again := d.crashed()
			signed.Range(func(n, _ any) bool {
				if !known(t, again, n.(uint64), time.Now()) {
					t.Errorf("order %d was signed and lost", n)
				}
				return true
			})
		})
	}
}

// stuck is a ledger whose commits wait for a letter each.
func stuck(t *testing.T) (l *limits.Ledger, begun *atomic.Int32, letters chan error) {
	begun, letters = new(atomic.Int32), make(chan error)
	l, err := limits.NewLedger(func([]limits.Record) error { begun.Add(1); return <-letters })
	if err != nil {
		t.Fatal(err)
	}
	return l, begun, letters
}

func TestDrainNeverWaitsLongerThanItMay(t *testing.T) {
	for name, hangs := range map[string]int32{"an earlier commit hangs": 1, "its own commit hangs": 2} {
		inBubble(t, func(t *testing.T) {
			l, begun, letters := stuck(t)
			o, _ := l.Orders("id", nil)
			remember(t, o, submit(1, "tBTCUSD", "1", "100"))
			synctest.Wait()
			remember(t, o, submit(2, "tBTCUSD", "1", "100"))
			start := time.Now()
			if hangs == 2 {
				go func() { letters <- nil }()
			}
			if l.Drain(time.Second) || time.Since(start) != time.Second {
				t.Errorf("%s: drained, after %v", name, time.Since(start))
			}
			l.Stop()
			letters <- nil
			synctest.Wait()
			if begun.Load() != hangs {
				t.Errorf("%s: %d commits", name, begun.Load())
			}
		})
	}
}

func TestWhatADrainOvertookIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		l := d.ledger()
		m, o := d.meter(l, now(), true), d.orders(l)
		results := make(chan error, 3)
		go func() { results <- m.Take(daily(1000), read(), now()) }() // its commit has begun
		synctest.Wait()
		go func() { results <- m.Take(daily(10), cancels(0), now()) }() // needs nothing
		go func() {
			results <- o.Remember(request(submit(1, "tBTCUSD", "1", "1"), submit(1, "tBTCUSD", "1", "1")), now())
		}()
		synctest.Wait()
		if err := <-results; err != nil {
			t.Errorf("one that needs no commit: %v", err)
		}
		if !l.Drain(time.Minute) {
			t.Error("not drained")
		}
		for range 2 {
			if err := <-results; !errors.Is(err, limits.ErrStopped) {
				t.Errorf("got %v", err)
			}
		}
		if left := *d.meter(d.ledger(), now(), false).Left(daily(1000), now()).Requests; left != 1000 {
			t.Errorf("%d left, though nothing was spent", left)
		}
	})
}

func TestDrainSaysThatTheDiskIsFullAndThatItIsStopped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		o := d.orders(l)
		remember(t, o, submit(1, "tBTCUSD", "1", "100"))
		synctest.Wait()
		d.fill(true)
		remember(t, o, submit(2, "tBTCUSD", "1", "100"))
		if l.Drain(time.Minute) {
			t.Error("drained to a full disk")
		}
		d.fill(false)
		l = d.ledger()
		remember(t, d.orders(l), submit(3, "tBTCUSD", "1", "100"))
		l.Stop()
		synctest.Wait()
		before := d.count()
		if start := time.Now(); l.Drain(time.Minute) || time.Since(start) > 0 || d.count() != before {
			t.Error("drained after Stop")
		}
	})
}

func TestDrainOfTwoIsOneCommitForWhichBothWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		l := d.ledger()
		remember(t, d.orders(l), submit(1, "tBTCUSD", "1", "100"))
		synctest.Wait()
		start := time.Now()
		done := make(chan bool, 2)
		for range cap(done) {
			go func() { done <- l.Drain(time.Minute) }()
		}
		for range cap(done) {
			if !<-done || time.Since(start) < time.Second {
				t.Errorf("one of them waited %v", time.Since(start))
			}
		}
	})
}

// What has nothing to say is not written, and what two of the same name say is what
// the second says.
func TestDrainWritesWhatHasChangedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		for i := range 3 {
			m, err := l.Meter(fmt.Sprint("bot", i, "/main"), nil, now(), true)
			if err != nil {
				t.Fatal(err)
			}
			for range i {
				if err := m.Take(daily(10), read(), now()); err != nil { // reserves as much as it spends
					t.Fatal(err)
				}
			}
		}
		d.orders(l)
		remember(t, d.orders(l), submit(1, "tBTCUSD", "1", "100"))
		synctest.Wait()
		before := d.written
		if !l.Drain(time.Minute) || d.written != before {
			t.Errorf("%d records for nothing", d.written-before)
		}
	})
}

// A reservation whose commit failed may be on disk all the same.
func TestDrainGivesBackWhatAFailedCommitLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.part = true
		l := d.ledger()
		m := d.meter(l, now(), true)
		d.fill(true)
		if err := m.Take(daily(640), read(), now()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		if d.fill(false); !l.Drain(time.Minute) {
			t.Error("not drained")
		}
		if left := *d.meter(d.ledger(), now(), false).Left(daily(640), now()).Requests; left != 640 {
			t.Errorf("%d left, though nothing was spent", left)
		}
	})
}
