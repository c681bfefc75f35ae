package limits_test

import (
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// straying signs an update under a grant without rules, whatever it changes.
func straying(t *testing.T, o *limits.Orders, ops ...policy.Op) {
	t.Helper()
	r := request(ops...)
	if d, err := o.Judge(r, now(), allow); err != nil || !d.Allowed || !o.Confirm(r) {
		t.Fatalf("%v, %v", d, err)
	}
}

// A35: a grant without rules may have orders updated that the vault does not know. One that
// such an update may have been of is unknown from then on, over a crash too; what it cannot
// have been of stays known, and so does what is signed after it.
func TestAnUpdateOfAnUnknownOrderMayBeOfAnyThatItCouldName(t *testing.T) {
	today := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	const named, cidOnly, bare = far + 1, far + 2, 1e12
	all := map[string]policy.Op{ // each by the name that is known of it
		"id and cid, by id": byID(50, 0, "", "1", ""), "id and cid, by cid": update(named, today, "", "1", ""),
		"cid": update(cidOnly, today, "", "1", ""), "id": byID(51, 0, "", "1", ""),
	}
	for name, tc := range map[string]struct {
		stray policy.Op
		lost  []string
	}{
		"nothing":                {submit(far+9, "tBTCUSD", "1", "1"), nil},
		"an id":                  {byID(99, 0, "100", "", ""), []string{"cid"}},
		"a cid":                  {update(bare+7, today, "100", "", ""), []string{"id"}},
		"a cid, on another day":  {update(cidOnly, today.AddDate(0, 0, 5), "100", "", ""), []string{"id", "cid"}},
		"a cid of one with both": {update(named, today.AddDate(0, 0, 5), "100", "", ""), []string{"id", "id and cid, by id", "id and cid, by cid"}},
		"both":                   {byID(99, far+8, "100", "", ""), []string{"id", "cid"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := newDisk(t)
				l := d.ledger()
				o := d.orders(l)
				orders := []policy.Op{submit(named, "tBTCUSD", "1", "100"), submit(cidOnly, "tBTCUSD", "1", "100"), submit(0, "tBTCUSD", "1", "100")}
				remember(t, o, orders...)
				report(o, request(orders[0]), limits.Reported{ID: 50, CID: named, Symbol: "tBTCUSD"})
				report(o, request(orders[2]), limits.Reported{ID: 51, CID: bare, Symbol: "tBTCUSD"})
				synctest.Wait()
				straying(t, o, tc.stray)
				for what, o := range map[string]*limits.Orders{"now": o, "after a crash": d.crashed()} {
					lost := map[string]bool{}
					for _, name := range tc.lost {
						lost[name] = true
					}
					for name, op := range all {
						if was := judge(t, o, op); was == nil != lost[name] {
							t.Errorf("%s, of %s: judged as %+v", what, name, was)
						}
					}
				}
				time.Sleep(time.Second)
				remember(t, o, submit(far+10, "tBTCUSD", "1", "100"))
				if judge(t, o, update(far+10, today, "", "1", "")) == nil {
					t.Error("what was signed after it is unknown")
				}
			})
		})
	}
}

// A35: also of what is placed in the same request, or answered after it.
func TestAnUpdateOfAnUnknownOrderMayBeOfOneThatIsJustPlaced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		order := submit(far+1, "tBTCUSD", "1", "100")
		both := request(order, byID(50, 0, "100", "", ""))
		if d, err := o.Judge(both, now(), allow); err != nil || !d.Allowed {
			t.Fatal(d, err)
		}
		time.Sleep(time.Minute) // the disk takes its time
		if err := o.Remember(both, now()); err != nil {
			t.Fatal(err)
		}
		if !o.Confirm(both) {
			t.Error("it is not confirmed, because of itself")
		}
		if known := report(o, both, limits.Reported{ID: 50, CID: far + 1, Symbol: "tBTCUSD"}); known != 0 || judge(t, o, update(far+1, time.Now(), "1", "", "")) != nil {
			t.Errorf("in the same request: %d known", known)
		}
		for name, stray := range map[string]policy.Op{"by id": byID(51, 0, "100", "", ""), "by cid": update(1e12, time.Now(), "100", "", "")} {
			time.Sleep(time.Minute)
			order := submit(0, "tBTCUSD", "1", "100")
			remember(t, o, order)
			placed := o.Placed(request(order), now())
			time.Sleep(time.Second)
			straying(t, o, stray)
			o.Await("bfxv_1", 1, placed, now())
			if known := o.Report(1, []limits.Reported{{ID: 51, CID: 1e12, Symbol: "tBTCUSD"}}, now()); known != 0 {
				t.Errorf("%s, before the report: %d known", name, known)
			}
		}
	})
}

// A35: an update of an unknown order is not signed once it may be of an order that was
// signed after it was judged; nor is one of a known order once that became unknown.
func TestWhatOvertakesAnUpdateOfAnUnknownOrderIsNoticedAfterTheNonce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		remember(t, o, submit(far+1, "tBTCUSD", "1", "100"))
		known, stray := request(update(far+1, time.Now(), "1", "", "")), request(byID(50, 0, "100", "", ""))
		if d, err := o.Judge(known, now(), ifKnown(known)); err != nil || !d.Allowed {
			t.Fatal(d, err)
		}
		if d, err := o.Judge(stray, now(), allow); err != nil || !d.Allowed || !o.Confirm(stray) {
			t.Fatal(d, err)
		}
		if o.Confirm(known) {
			t.Error("an update is confirmed of an order that became unknown")
		}
		time.Sleep(time.Second)
		remember(t, o, submit(0, "tBTCUSD", "1", "100"))
		if o.Confirm(stray) {
			t.Error("confirmed after an order that it may be of")
		}
	})
}

// A41: that one was signed is on disk before the call returns, about once an hour.
func TestAnUpdateOfAnUnknownOrderWaitsForTheDisk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		l := d.ledger()
		o := d.orders(l)
		remember(t, o, submit(far+1, "tBTCUSD", "1", "100"))
		time.Sleep(time.Minute)
		for _, wait := range []time.Duration{time.Second, 0} {
			began := time.Now()
			straying(t, o, byID(50, 0, "100", "", ""))
			if took := time.Since(began); took != wait {
				t.Errorf("waited %v", took)
			}
			if judge(t, d.crashed(), update(far+1, time.Now(), "1", "", "")) != nil {
				t.Error("after a crash the order is known as what it was")
			}
		}
	})
}
