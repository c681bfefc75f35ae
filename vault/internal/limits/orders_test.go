package limits_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

func remember(t testing.TB, o *limits.Orders, ops ...policy.Op) {
	t.Helper()
	if err := o.Remember(request(ops...), now()); err != nil {
		t.Fatal(err)
	}
}

// judge returns what an update was judged as, nil for unknown.
func judge(t testing.TB, o *limits.Orders, ops ...policy.Op) *policy.Order {
	t.Helper()
	r := request(ops...)
	for i := range r.Ops { // what must not survive
		r.Ops[i].Was = &policy.Order{Symbol: []byte("tEVIL")}
		if r.Ops[i].Action == policy.Update {
			r.Ops[i].Symbol, r.Ops[i].Type = []byte("tEVIL"), 1
		}
	}
	if _, err := o.Judge(r, now(), ifKnown(r)); err != nil {
		t.Fatal(err)
	}
	op := &r.Ops[len(r.Ops)-1]
	if op.Was == nil {
		if op.Action == policy.Update && (op.Symbol != nil || op.Type != 0) {
			t.Errorf("unknown, but of symbol %s and type %v", op.Symbol, op.Type)
		}
		return nil
	}
	if string(op.Symbol) != string(op.Was.Symbol) || op.Type != op.Was.Type {
		t.Errorf("symbol %s and type %v of an order of %s and %v", op.Symbol, op.Type, op.Was.Symbol, op.Was.Type)
	}
	became := op.Became()
	return &became
}

// A35, DESIGN section 10
func TestAnUpdateIsJudgedAsTheOrderItNames(t *testing.T) {
	with := func(op policy.Op, change func(*policy.Op)) policy.Op { change(&op); return op }
	today := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	const dayLength = 24 * time.Hour
	for _, tc := range []struct {
		name  string
		ops   []policy.Op
		known bool
	}{
		{"by cid and day", []policy.Op{update(7, today, "2", "", "")}, true},
		{"a day before", []policy.Op{update(7, today.Add(-dayLength), "2", "", "")}, true},
		{"a day after", []policy.Op{update(7, today.Add(dayLength), "2", "", "")}, true},
		{"two days before", []policy.Op{update(7, today.Add(-2*dayLength), "2", "", "")}, false},
		{"two days after", []policy.Op{update(7, today.Add(2*dayLength), "2", "", "")}, false},
		{"without a day", []policy.Op{with(update(7, today, "2", "", ""), func(o *policy.Op) { o.Day = 0 })}, false},
		{"by the exchange's id", []policy.Op{with(update(0, today, "2", "", ""), func(o *policy.Op) { o.ID = 7 })}, false},
		{"by both", []policy.Op{with(update(7, today, "2", "", ""), func(o *policy.Op) { o.ID = 7 })}, false},
		{"by nothing", []policy.Op{update(0, today, "2", "", "")}, false},
		{"another cid", []policy.Op{update(8, today, "2", "", "")}, false},
		{"placed in the same request", []policy.Op{submit(9, "tBTCUSD", "1", "1"), update(9, today, "2", "", "")}, false},
		{"placed again in the same request", []policy.Op{submit(7, "tBTCUSD", "1", "1"), update(7, today, "2", "", "")}, false},
		{"placed again after it in the same request", []policy.Op{submit(7, "tBTCUSD", "1", "1"), update(7, today, "2", "", "")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				o := newDisk(t).orders(newDisk(t).ledger())
				remember(t, o, submit(7, "tBTCUSD", "-1", "100"))
				was := judge(t, o, tc.ops...)
				switch {
				case tc.known != (was != nil):
					t.Errorf("judged as %v", was)
				case was != nil && (string(was.Symbol) != "tBTCUSD" || was.Amount != dec("2") || was.High != dec("100")):
					t.Errorf("judged as %s of %v at %v", was.Symbol, was.Amount, was.High)
				}
			})
		})
	}
}

// A35: the stop of an OCO order is an order of its own, under a cid of its own. (Far
// cids: none that the exchange could choose.)
func TestTheStopOfAnOCOIsUnknownAndSoIsWhatSharesItsCid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		oco := func(cid, stop uint64) policy.Op {
			op := submit(cid, "tETHUSD", "1", "100")
			op.StopCID = stop
			return op
		}
		remember(t, o, submit(far+7, "tBTCUSD", "1", "100"))
		if judge(t, o, oco(far+8, far+7), update(far+7, time.Now(), "1", "", "")) != nil {
			t.Error("an update is known beside the stop that shares its cid")
		}
		remember(t, o, oco(far+8, far+7))
		remember(t, o, oco(far+9, far+10))
		remember(t, o, oco(0, far+11))
		remember(t, o, oco(far+12, far+12))
		for cid, known := range map[uint64]bool{7: false, 8: true, 9: true, 10: false, 11: false, 12: false} {
			if was := judge(t, o, update(far+cid, time.Now(), "1", "", "")); (was != nil) != known {
				t.Errorf("cid %d is judged as %v", cid, was)
			}
		}
		remember(t, o, submit(far+10, "tBTCUSD", "1", "100"))
		if judge(t, o, update(far+10, time.Now(), "1", "", "")) != nil {
			t.Error("an order under the cid of a stop is taken for the only one")
		}
	})
}

func TestNoDayIsNotTheFirstDayOfAll(t *testing.T) {
	d := newDisk(t)
	o, at := d.orders(d.ledger()), policy.Now{Wall: time.Unix(100, 0), Steady: time.Unix(100, 0)}
	if err := o.Remember(request(submit(7, "tBTCUSD", "1", "100")), at); err != nil {
		t.Fatal(err)
	}
	r := request(update(7, at.Wall, "1", "", ""))
	if _, err := o.Judge(r, at, allow); err != nil || r.Ops[0].Was != nil {
		t.Errorf("%v, judged as %v", err, r.Ops[0].Was)
	}
}

// A35: deltas add up, within a request and from one to the next, and a denied one
// leaves nothing behind.
func TestUpdatesBuildOnEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		u := func(amount, delta, price string) policy.Op { return update(7, time.Now(), amount, delta, price) }
		check := func(was *policy.Order, amount, low, high string) {
			t.Helper()
			if was == nil || was.Amount != dec(amount) || was.Low != dec(low) || was.High != dec(high) {
				t.Fatalf("judged as %+v, want %s at %s to %s", was, amount, low, high)
			}
		}
		check(judge(t, o, u("", "0.5", ""), u("", "-0.25", "90")), "1.75", "90", "100")
		check(judge(t, o, u("0.1", "", "")), "1.75", "90", "100")
		r := request(u("", "100", "1"))
		if d, err := o.Judge(r, now(), func() policy.Decision { return policy.Decision{} }); d.Allowed || err != nil || r.Ops[0].Was == nil {
			t.Fatalf("%v, %v", d, err)
		}
		check(judge(t, o, u("", "", "110")), "1.75", "90", "110")
		check(judge(t, o, u("0.1", "", "")), "1.75", "90", "110")
		check(judge(t, o, u("", "", "0")), "1.75", "0", "0") // no price: stays open for good
		check(judge(t, o, u("", "", "100")), "1.75", "0", "0")
	})
}

// A35, A39: two that would be allowed alone.
func TestConcurrentDeltasAddUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Millisecond
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		var mu sync.Mutex
		passed := 0
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				r := request(update(7, time.Now(), "", "1", ""))
				got, err := o.Judge(r, now(), func() policy.Decision {
					return policy.Decision{Allowed: r.Ops[0].Became().Amount.Cmp(dec("11")) <= 0}
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if got.Allowed {
					passed++
				}
			})
		}
		wg.Wait()
		if passed != 10 {
			t.Errorf("%d passed, want 10", passed)
		}
	})
}

// A41: an update that was signed is on disk, and so is a cid that was used twice.
func TestWhatWouldBeTooGenerousIsOnDiskBeforeTheCallReturns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		o := d.orders(d.ledger())
		waited := func(f func()) bool { before := time.Now(); f(); return time.Since(before) > 0 }
		u := func(delta, amount string) policy.Op { return update(7, time.Now(), amount, delta, "") }
		if waited(func() { remember(t, o, submit(7, "tBTCUSD", "1", "100"), submit(8, "tBTCUSD", "1", "100")) }) {
			t.Error("a new order waited")
		}
		synctest.Wait()
		if !waited(func() { judge(t, o, u("1", "")) }) {
			t.Error("an update that changes the order did not wait")
		}
		if was := judge(t, d.crashed(), u("", "1")); was == nil || was.Amount != dec("2") {
			t.Errorf("after a crash judged as %v", was)
		}
		if waited(func() { judge(t, o, u("", "1.5")) }) {
			t.Error("an update that changes nothing waited")
		}
		if !waited(func() { remember(t, o, submit(7, "tBTCUSD", "1", "100")) }) {
			t.Error("a cid that is used twice did not wait")
		}
		if was := judge(t, d.crashed(), u("", "1")); was != nil {
			t.Errorf("after a crash judged as %v", was)
		}
	})
}

// A41: an update that builds on one that is not on disk yet.
func TestAnUpdateWaitsForTheOneItBuildsOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		time.Sleep(2 * time.Second)
		start := time.Now()
		var wg sync.WaitGroup
		for _, op := range []policy.Op{update(7, start, "", "1", ""), update(7, start, "1.5", "", "")} {
			wg.Go(func() {
				if judge(t, o, op); time.Since(start) != time.Second/2 {
					t.Errorf("%+v waited %v", op, time.Since(start))
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		wg.Go(func() { judge(t, o, update(7, start, "", "1", "")) }) // goes with the second commit
		time.Sleep(550 * time.Millisecond)
		if judge(t, o, update(7, start, "2.5", "", "")); time.Since(start) != time.Second {
			t.Errorf("one that builds on the second commit waited %v", time.Since(start))
		}
		wg.Wait()
	})
}

// A41: of two orders, one is being written and the other comes with the next commit.
func TestARequestWaitsForAllThatItBuildsOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		for cid := range uint64(65) { // two records
			remember(t, o, submit(cid+1, "tBTCUSD", "1", "100"))
		}
		synctest.Wait()
		d.latency = time.Second / 2
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { judge(t, o, update(1, start, "", "1", "")) })
		time.Sleep(100 * time.Millisecond)
		judge(t, o, update(1, start, "1.5", "", ""), update(65, start, "", "1", ""))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		wg.Wait()
	})
}

// A41, A47: what was refused because of the disk is kept, and whoever leans on it
// waits for it too.
func TestAFailedCommitLeavesTheLargerValues(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		time.Sleep(3 * time.Second)
		d.fill(true)
		if _, err := o.Judge(request(update(7, time.Now(), "", "1", "")), now(), allow); !errors.Is(err, errDisk) {
			t.Fatalf("got %v", err)
		}
		// 1.5 is within what is remembered, but not within what is on disk.
		if _, err := o.Judge(request(update(7, time.Now(), "1.5", "", "")), now(), allow); !errors.Is(err, errDisk) {
			t.Fatalf("got %v", err)
		}
		if err := o.Remember(request(submit(7, "tBTCUSD", "1", "1")), now()); !errors.Is(err, errDisk) {
			t.Fatalf("got %v", err)
		}
		if err := o.Remember(request(submit(7, "tBTCUSD", "1", "1")), now()); !errors.Is(err, errDisk) {
			t.Fatalf("again: %v", err)
		}
		d.fill(false)
		remember(t, o, submit(7, "tBTCUSD", "1", "1"))
		if was := judge(t, d.crashed(), update(7, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v", was)
		}
	})
}

func TestNewOrdersReachTheDiskByThemselves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		o := d.orders(d.ledger())
		for cid := range uint64(200) { // most of them while a commit runs
			remember(t, o, submit(cid+1, "tBTCUSD", "1", "100"))
		}
		time.Sleep(3 * time.Second)
		again := d.crashed()
		for cid := range uint64(200) {
			if was := judge(t, again, update(cid+1, time.Now(), "1", "", "")); was == nil {
				t.Fatalf("order %d was lost", cid+1)
			}
		}
		if d.count() > 3 {
			t.Errorf("%d commits", d.count())
		}
	})
}

func TestTheSecondOrderOfACidIsNoticedAfterTheNonce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		r := request(update(7, time.Now(), "1", "", ""))
		if d, err := o.Judge(r, now(), allow); err != nil || !d.Allowed || !o.Confirm(r) {
			t.Fatalf("%v, %v", d, err)
		}
		remember(t, o, submit(7, "tETHUSD", "1", "100"))
		if o.Confirm(r) {
			t.Error("confirmed after a second order with its cid")
		}
		if !o.Confirm(request(submit(8, "tETHUSD", "1", "100"))) || !o.Confirm(read()) {
			t.Error("what updates nothing has nothing to confirm")
		}
	})
}

func ExampleOrders_Judge() {
	l, _ := limits.NewLedger(func([]limits.Record) error { return nil })
	o, _ := l.Orders("id", nil)
	at := policy.Now{Wall: time.Unix(1_800_000_000, 0), Steady: time.Unix(1_800_000_000, 0)}
	_ = o.Remember(request(submit(7, "tBTCUSD", "0.5", "60000")), at)
	r := request(update(7, at.Wall, "", "0.25", ""))
	_, _ = o.Judge(r, at, func() policy.Decision {
		became := r.Ops[0].Became()
		fmt.Println(string(became.Symbol), became.Amount)
		return policy.Decision{Allowed: true}
	})
	// Output: tBTCUSD 0.75
}
