package limits_test

import (
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// report has a request answered, as vaultproxy does it.
func report(o *limits.Orders, r *policy.Request, orders ...limits.Reported) (known int) {
	const seq = 7
	o.Await("bfxv_1", seq, o.Placed(r, now()), now())
	return o.Report(seq, orders, now())
}

func byID(id, cid uint64, amount, delta, price string) policy.Op {
	op := update(cid, time.Now(), amount, delta, price)
	op.ID, op.Day = id, 0
	return op
}

// A35: an update by the exchange's id is judged as the order that was signed, by both
// names as the one that both mean.
func TestAnUpdateByTheExchangesIDIsJudgedAsTheOrderItNames(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		o := d.orders(l)
		bare, named := submit(0, "tBTCUSD", "-1", "100"), submit(far+1, "tETHUSD", "2", "10")
		remember(t, o, bare)
		remember(t, o, named)
		report(o, request(bare), limits.Reported{ID: 50, CID: 1e12, Symbol: "tBTCUSD"})
		report(o, request(named), limits.Reported{ID: 51, CID: far + 1, Symbol: "tETHUSD"})
		if was := judge(t, o, byID(51, 0, "", "1", "")); was == nil || was.Amount != dec("3") {
			t.Errorf("judged as %+v", was)
		}
		if was := judge(t, o, update(far+1, time.Now(), "", "1", "")); was == nil || was.Amount != dec("4") {
			t.Errorf("by cid after it, judged as %+v", was)
		}
		synctest.Wait()
		for what, o := range map[string]*limits.Orders{"now": o, "after a crash": d.crashed()} {
			if was := judge(t, o, byID(50, 0, "2", "", "")); was == nil || was.Amount != dec("2") || string(was.Symbol) != "tBTCUSD" {
				t.Errorf("%s: judged as %+v", what, was)
			}
			if was := judge(t, o, byID(51, far+1, "1", "", "")); was == nil || was.Amount != dec("4") {
				t.Errorf("%s: by both, judged as %+v", what, was)
			}
			for _, op := range []policy.Op{byID(51, far+2, "1", "", ""), byID(50, 1e12, "1", "", ""), byID(52, far+1, "1", "", ""), byID(52, 0, "1", "", "")} {
				if was := judge(t, o, op); was != nil {
					t.Errorf("%s: id %d and cid %d are judged as %+v", what, op.ID, op.CID, was)
				}
			}
		}
		time.Sleep(48*time.Hour + time.Second)
		if judge(t, o, byID(50, 0, "1", "", "")) != nil {
			t.Error("an order of two days ago is known")
		}
	})
}

// A35: what is reported is believed where it can only be one order of the request, and
// counts as either where it can be two.
func TestAReportedOrderThatMayBeAnotherIsNeverLess(t *testing.T) {
	oco := submit(0, "tBTCUSD", "1", "100")
	oco.Flags = policy.FlagOCO
	stop := submit(far+1, "tBTCUSD", "1", "100")
	stop.StopCID = far + 2
	market := submit(0, "tBTCUSD", "1", "")
	market.Type = 1 << 8
	small, large := submit(0, "tBTCUSD", "1", "100"), submit(0, "tBTCUSD", "-3", "90")
	for name, tc := range map[string]struct {
		placed []policy.Op
		cid    uint64
		symbol string
		amount string // empty: unknown
	}{
		"another symbol":          {[]policy.Op{small}, 0, "tETHUSD", ""},
		"another cid":             {[]policy.Op{submit(far+1, "tBTCUSD", "1", "1")}, far + 2, "tBTCUSD", ""},
		"one of two":              {[]policy.Op{small, large}, 1e12, "tBTCUSD", "3"},
		"the other way about":     {[]policy.Op{large, small}, 1e12, "tBTCUSD", "3"},
		"of another type":         {[]policy.Op{small, market}, 1e12, "tBTCUSD", ""},
		"beside another symbol":   {[]policy.Op{small, submit(0, "tETHUSD", "9", "9")}, 1e12, "tBTCUSD", "1"},
		"a foreseen cid":          {[]policy.Op{submit(1e12, "tBTCUSD", "1", "100"), large}, 1e12, "tBTCUSD", ""},
		"beside one with a cid":   {[]policy.Op{submit(far+1, "tBTCUSD", "9", "100"), large}, 1e12, "tBTCUSD", "3"},
		"an OCO":                  {[]policy.Op{oco}, 1e12, "tBTCUSD", ""},
		"an OCO with cids":        {[]policy.Op{stop}, far + 1, "tBTCUSD", ""},
		"its stop":                {[]policy.Op{stop}, far + 2, "tBTCUSD", ""},
		"beside an OCO":           {[]policy.Op{small, oco}, 1e12, "tBTCUSD", ""},
		"with a cid signed twice": {[]policy.Op{submit(far+3, "tBTCUSD", "2", "1")}, far + 3, "tBTCUSD", "2"},
		"of what is no order":     {[]policy.Op{{Action: policy.Algo, Class: policy.Trade, Symbol: []byte("tBTCUSD")}}, 1, "tBTCUSD", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				o := newDisk(t).orders(newDisk(t).ledger())
				remember(t, o, submit(far+3, "tBTCUSD", "1", "1"))
				remember(t, o, tc.placed...)
				known := report(o, request(tc.placed...), limits.Reported{ID: 50, CID: tc.cid, Symbol: tc.symbol})
				was := judge(t, o, byID(50, 0, "0.1", "", ""))
				switch {
				case (was != nil) != (tc.amount != "") || known == 1 != (was != nil):
					t.Errorf("judged as %+v, %d known", was, known)
				case was != nil && was.Amount != dec(tc.amount):
					t.Errorf("judged as %v, want %s", was.Amount, tc.amount)
				}
			})
		})
	}
}

// A35: an answer is reported once, soon, and of a request that was signed; an id that two
// orders get is neither's, over a restart too.
func TestAReportIsOfWhatWasSigned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		order := submit(0, "tBTCUSD", "1", "100")
		say := func(seq, id uint64) int {
			return o.Report(seq, []limits.Reported{{ID: id, CID: 1e12, Symbol: "tBTCUSD"}}, now())
		}
		await := func(seq uint64) {
			remember(t, o, order)
			o.Await("bfxv_1", seq, o.Placed(request(order), now()), now())
		}
		await(1)
		if say(2, 50) != 0 || say(1, 0) != 0 || say(1, 51) != 0 {
			t.Error("what was not signed is taken, or what was without an id, or a second report")
		}
		await(3)
		time.Sleep(2*time.Minute + time.Second)
		if say(3, 52) != 0 {
			t.Error("what was signed long ago is taken")
		}
		for seq := uint64(10); seq < 10+257; seq++ {
			await(seq)
		}
		if say(10, 53) != 0 || say(11, 54) != 1 {
			t.Error("not the last 256 are awaited")
		}
		if say(12, 54) != 0 {
			t.Error("an id is taken twice")
		}
		synctest.Wait()
		for _, o := range []*limits.Orders{o, d.crashed()} {
			if judge(t, o, byID(54, 0, "1", "", "")) != nil {
				t.Error("an id that two orders have is known")
			}
		}
	})
}

// A35: an order whose cid is signed a second time before its answer is reported counts as
// what updates by that cid may have made of it until then.
func TestAnOrderThatWasUpdatedBeforeItsReportIsWhatItBecame(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		first := submit(far+1, "tBTCUSD", "1", "100")
		remember(t, o, first)
		o.Await("bfxv_1", 1, o.Placed(request(first), now()), now())
		if was := judge(t, o, update(far+1, time.Now(), "90", "", "80")); was == nil {
			t.Fatal("the order is unknown")
		}
		second := submit(far+1, "tBTCUSD", "1", "100")
		remember(t, o, second)
		o.Await("bfxv_1", 2, o.Placed(request(second), now()), now())
		for seq := uint64(1); seq <= 2; seq++ { // nobody can tell which of both was updated
			o.Report(seq, []limits.Reported{{ID: 50 + seq, CID: far + 1, Symbol: "tBTCUSD"}}, now())
			if was := judge(t, o, byID(50+seq, 0, "", "10", "")); was == nil || was.Amount != dec("100") || was.Low != dec("80") || was.High != dec("100") {
				t.Errorf("order %d is judged as %+v", seq, was)
			}
		}
		third := submit(far+1, "tETHUSD", "1", "100")
		remember(t, o, third)
		o.Await("bfxv_1", 3, o.Placed(request(third), now()), now())
		if o.Report(3, []limits.Reported{{ID: 60, CID: far + 1, Symbol: "tETHUSD"}}, now()) != 0 {
			t.Error("an order of another symbol counts as one of its own")
		}
	})
}

// A35: where an answer names more orders than were placed, or one of a symbol that has two
// spellings, nobody can tell which is which.
func TestAnAnswerThatIsNotOfTheRequestIsNotBelieved(t *testing.T) {
	for name, tc := range map[string]struct {
		placed   []policy.Op
		reported []limits.Reported
	}{
		"more than were placed": {
			[]policy.Op{submit(0, "tBTCUSD", "1", "100")},
			[]limits.Reported{{ID: 50, CID: 1e12, Symbol: "tBTCUSD"}, {ID: 51, CID: 1e12 + 1, Symbol: "tBTCUSD"}},
		},
		"two spellings": {
			[]policy.Op{submit(0, "tBTCUSD", "1", "100"), submit(0, "tBTC:USD", "9", "100")},
			[]limits.Reported{{ID: 50, CID: 1e12, Symbol: "tBTCUSD"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				o := newDisk(t).orders(newDisk(t).ledger())
				remember(t, o, tc.placed...)
				if known := report(o, request(tc.placed...), tc.reported...); known != 0 || judge(t, o, byID(50, 0, "1", "", "")) != nil {
					t.Errorf("%d known", known)
				}
			})
		})
	}
}
