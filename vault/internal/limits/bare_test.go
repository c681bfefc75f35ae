package limits_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// bareOps are orders of which the exchange chooses a cid.
func bareOps() map[string]policy.Op {
	flagged := submit(far+100, "tSHIB:USD", "1", "1")
	flagged.Flags = policy.FlagOCO | policy.FlagHidden
	stop := submit(far+101, "tSHIB:USD", "1", "1")
	stop.StopPrice = opt("1")
	algo := submit(far+102, "tSHIB:USD", "1", "1")
	algo.Action = policy.Algo
	return map[string]policy.Op{
		"without a cid": submit(0, "tSHIB:USD", "1", "1"), "an OCO by its flag": flagged, "an OCO by its price": stop, "an algorithm": algo,
	}
}

// assignable are cids that the exchange could have chosen, and some that it would not.
func assignable() map[uint64]bool {
	return map[uint64]bool{
		1: false, 86_400_000_000: false,
		1e12 - 1: false, 1e12: true, 1e13 - 1: true, 1e13: false, far: false,
	}
}

func known(t testing.TB, o *limits.Orders, cid uint64, at time.Time) bool {
	t.Helper()
	return judge(t, o, update(cid, at, "1", "", "")) != nil
}

// A35: a bot has an order signed under the cid that the exchange chose for another,
// and never sends it.
func TestAnUpdateByACidThatTheExchangeMayHaveChosenIsOfAnUnknownOrder(t *testing.T) {
	for name, op := range bareOps() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := newDisk(t)
				o := d.orders(d.ledger())
				for cid := range assignable() { // before
					remember(t, o, submit(cid, "tBTCUSD", "1", "100"))
					if !known(t, o, cid, time.Now()) {
						t.Fatalf("%d is unknown before anything is", cid)
					}
				}
				synctest.Wait()
				d.latency = time.Second / 2
				start := time.Now()
				remember(t, o, op)
				if time.Since(start) != time.Second/2 {
					t.Errorf("waited %v for the disk", time.Since(start))
				}
				d.latency = 0
				for cid, may := range assignable() {
					for name, o := range map[string]*limits.Orders{"memory": o, "disk": d.crashed()} {
						if known(t, o, cid, time.Now()) == may {
							t.Errorf("%s: %d is known: %t", name, cid, !may)
						}
						remember(t, o, submit(cid+2e14, "tBTCUSD", "1", "100"))
						if !known(t, o, cid+2e14, time.Now()) {
							t.Errorf("%s: %d is unknown", name, cid+2e14)
						}
					}
				}
			})
		})
	}
}

// A35: nor once the exchange's order is forgotten and the other is not.
func TestWhatIsSignedBesideACidOfTheExchangeStaysUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		start := time.Now()
		remember(t, o, submit(0, "tSHIB:USD", "1", "1"))
		time.Sleep(20 * time.Hour)
		remember(t, o, submit(1e12+7, "tBTCUSD", "1", "100"), submit(far, "tBTCUSD", "1", "100"))
		for range 47 {
			time.Sleep(time.Hour)
			for name, o := range map[string]*limits.Orders{"memory": o, "disk": d.crashed()} {
				if known(t, o, 1e12+7, start) || !known(t, o, far, start.Add(20*time.Hour)) {
					t.Fatalf("%s: after %v known", name, time.Since(start))
				}
			}
		}
	})
}

func TestCidsOfTheExchangeAreForgottenAfterTwoDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		at := func(after time.Duration) {
			time.Sleep(time.Until(time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC).Add(after)))
		}
		remember(t, o, submit(0, "tSHIB:USD", "1", "1"))
		at(30 * time.Minute)
		remember(t, o, submit(0, "tSHIB:USD", "1", "1")) // the last
		synctest.Wait()
		for i, tc := range []struct {
			after time.Duration
			known bool
			o     *limits.Orders
		}{
			{49 * time.Hour, false, o},
			{49*time.Hour + 30*time.Minute - time.Second, false, d.crashed()},
			{49*time.Hour + 30*time.Minute, true, o},
			{49*time.Hour + 31*time.Minute, false, d.crashed()}, // the disk reaches an hour ahead
			{50 * time.Hour, true, d.crashed()},
		} {
			at(tc.after)
			cid := uint64(1e12 + 100 + i)
			remember(t, tc.o, submit(cid, "tBTCUSD", "1", "100"))
			if got := known(t, tc.o, cid, time.Now()); got != tc.known {
				t.Errorf("%v after: known %t", tc.after, got)
			}
		}
	})
}

func TestOneOrderAnHourWaitsForTheCidsOfTheExchange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Millisecond
		o := d.orders(d.ledger())
		waited := 0
		for range 600 { // ten hours
			before := time.Now()
			remember(t, o, submit(0, "tSHIB:USD", "1", "1"))
			if time.Since(before) > 0 {
				waited++
			}
			if err := o.Remember(read(), now()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if waited < 9 || waited > 10 || d.count() != waited {
			t.Errorf("%d waited in ten hours, %d commits", waited, d.count())
		}
	})
}

// A41: nothing is signed before the disk knows, and whoever comes meanwhile waits too.
func TestWithoutADiskNoOrderWithoutACidIsSigned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		d.fill(true)
		for range 2 {
			if err := o.Remember(request(submit(0, "tSHIB:USD", "1", "1")), now()); !errors.Is(err, errDisk) {
				t.Fatalf("got %v", err)
			}
		}
		remember(t, o, submit(far, "tBTCUSD", "1", "100")) // which needs no disk
		if d.fill(false); known(t, d.crashed(), 7, time.Now()) {
			t.Error("known")
		}
		d.latency = time.Second / 2
		start := time.Now()
		done := make(chan error, 2)
		for range cap(done) {
			go func() { done <- o.Remember(request(submit(0, "tSHIB:USD", "1", "1")), now()) }()
		}
		for range cap(done) {
			if err := <-done; err != nil || time.Since(start) != time.Second/2 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
		if d.stored(limits.InOrders, "id/bare") == nil {
			t.Error("not on disk")
		}
	})
}

// A35: an order that the exchange names in the same request, or that overtakes the
// update before it gets its request nonce.
func TestACidOfTheExchangeInTheSameRequestOrMeanwhileIsNoticed(t *testing.T) {
	for name, op := range bareOps() {
		inBubble(t, func(t *testing.T) {
			o := newDisk(t).orders(newDisk(t).ledger())
			remember(t, o, submit(1e12+7, "tBTCUSD", "1", "100"), submit(1<<51, "tBTCUSD", "1", "100"))
			near, away := update(1e12+7, time.Now(), "1", "", ""), update(1<<51, time.Now(), "1", "", "")
			if judge(t, o, op, near) != nil || judge(t, o, op, away) == nil {
				t.Errorf("%s: in the same request", name)
			}
			r, beyond := request(near), request(away)
			for _, r := range []*policy.Request{r, beyond} {
				if d, err := o.Judge(r, now(), allow); err != nil || !d.Allowed || !o.Confirm(r) {
					t.Fatalf("%v, %v", d, err)
				}
			}
			remember(t, o, op)
			if o.Confirm(r) || !o.Confirm(beyond) {
				t.Errorf("%s: after the request was judged", name)
			}
		})
	}
}

// A44: the clock of such an order is remembered too.
func TestTheClockOfAnOrderWithoutACidCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		ahead := time.Now().Add(240 * time.Hour)
		err := d.orders(d.ledger()).Remember(request(submit(0, "tSHIB:USD", "1", "1")), policy.Now{Wall: ahead, Steady: ahead})
		if err != nil {
			t.Fatal(err)
		}
		o := d.orders(d.ledger()) // with the right clock
		remember(t, o, submit(far, "tBTCUSD", "1", "100"))
		if known(t, o, far, time.Now()) {
			t.Error("an order got a day before one that was signed earlier")
		}
	})
}

// REST v1 orders get microseconds of the day, and make no other cid doubtful.
func TestCidsOfRestV1AreOfTheirOwnKind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		v1 := request(submit(0, "tSHIB:USD", "1", "1"))
		v1.Endpoint = "v1/order/new"
		if err := o.Remember(v1, now()); err != nil {
			t.Fatal(err)
		}
		for name, o := range map[string]*limits.Orders{"memory": o, "disk": d.crashed()} {
			for cid, may := range map[uint64]bool{1: true, 86_400_000_000: true, 86_400_000_001: false, 1e12: false, far: false} {
				remember(t, o, submit(cid, "tBTCUSD", "1", "100"))
				if known(t, o, cid, time.Now()) == may {
					t.Errorf("%s: %d is known: %t", name, cid, !may)
				}
			}
		}
	})
}
