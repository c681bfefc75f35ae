package limits_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// spendDay puts the spent record of a grant on the disk.
func (d *disk) spendDay(at policy.Now) {
	d.t.Helper()
	spent, err := limits.SpendDay(d.stored(limits.InMeters, "bot/main"), at)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.commit(d.power, []limits.Record{{Bucket: limits.InMeters, Key: "bot/main", Value: spent}}); err != nil {
		d.t.Fatal(err)
	}
}

// forget puts in place of the orders on the disk that nothing is known of them.
func (d *disk) forget(at policy.Now) {
	d.t.Helper()
	stored := d.all("id")
	kept, err := limits.Forget("id", stored, at)
	if err != nil {
		d.t.Fatal(err)
	}
	var records []limits.Record
	for key := range stored {
		if _, ok := kept[key]; !ok {
			records = append(records, limits.Record{Bucket: limits.InOrders, Key: key})
		}
	}
	for key, value := range kept {
		records = append(records, limits.Record{Bucket: limits.InOrders, Key: key, Value: value})
	}
	if err := d.commit(d.power, records); err != nil {
		d.t.Fatal(err)
	}
}

func aDay(n uint64, notional ...string) *policy.Limits {
	l := &policy.Limits{DailyRequests: &n}
	for _, currency := range notional {
		if l.DailyNotional == nil {
			l.DailyNotional = map[string]policy.Decimal{}
		}
		l.DailyNotional[currency] = policy.NewDecimal(n)
	}
	return l
}

func buy() *policy.Request { return request(submit(1, "tBTCUSD", "1", "1")) }

// P6, A40, A43: whatever an older record says of the day, and also where there is none.
func TestOfASpentDayNothingIsLeftUntilTheNext(t *testing.T) {
	for name, prepare := range map[string]func(d *disk){
		"no record":              func(*disk) {},
		"a little spent":         func(d *disk) { take(d, aDay(100, "USD"), buy()) },
		"a record of days ago":   func(d *disk) { take(d, aDay(100, "USD"), buy()); time.Sleep(72 * time.Hour) },
		"spent by the day twice": func(d *disk) { d.spendDay(now()) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := newDisk(t)
				prepare(d)
				d.spendDay(now())
				l := d.ledger()
				m := d.meter(l, now(), false)
				for range 3 { // over a restart and a crash, whatever was tried
					wantSpent(t, m)
					l.Drain(time.Second)
					l = d.ledger()
					m = d.meter(l, now(), false)
					wantSpent(t, m)
					d.crash(l, true)
					l = d.ledger()
					m = d.meter(l, now(), false)
				}
				if end := m.Left(aDay(1), now()).DayEnds; !end.After(time.Now()) || time.Until(end) > 24*time.Hour {
					t.Fatalf("the day ends %v", end)
				} else {
					time.Sleep(time.Until(end) - time.Second)
				}
				wantSpent(t, m)
				time.Sleep(time.Second)
				for i := range 4 {
					err := m.Take(aDay(3, "USD"), buy(), now())
					if want := map[bool]string{true: "daily_requests"}[i == 3]; refused(t, err) != want {
						t.Errorf("take %d of the next day: %v", i, err)
					}
				}
			})
		})
	}
}

// wantSpent tries limits that no record has heard of, too.
func wantSpent(t *testing.T, m *limits.Meter) {
	t.Helper()
	notional := &policy.Limits{DailyNotional: map[string]policy.Decimal{"USD": dec("1000000"), "EUR": dec("5")}}
	for _, tc := range []struct {
		limits *policy.Limits
		op     policy.Op
		rule   string
	}{
		{aDay(1 << 40), submit(1, "tBTCUSD", "1", "1"), "daily_requests"},
		{notional, submit(1, "tBTCUSD", "1", "1"), "daily_notional"},
		{notional, submit(1, "tBTCEUR", "0.1", "1"), "daily_notional"},
		{&policy.Limits{}, submit(1, "tBTCEUR", "0.1", "1"), ""}, // has no limit by the day
	} {
		r := request(tc.op)
		if err := m.Check(tc.limits, r, now()); refused(t, err) != tc.rule {
			t.Errorf("checked: %v, want %s", err, tc.rule)
		}
		if err := m.Take(tc.limits, r, now()); refused(t, err) != tc.rule {
			t.Errorf("taken: %v, want %s", err, tc.rule)
		}
	}
	if err := m.Take(aDay(5), cancels(3), now()); err != nil { // cost none
		t.Error(err)
	}
	left := m.Left(aDay(7, "USD"), now())
	if usd := left.Notional["USD"]; *left.Requests != 0 || !usd.IsZero() {
		t.Errorf("left: %d requests, %v USD", *left.Requests, usd)
	}
}

func take(d *disk, l *policy.Limits, r *policy.Request) {
	d.t.Helper()
	ledger := d.ledger()
	if err := d.meter(ledger, now(), false).Take(l, r, now()); err != nil {
		d.t.Fatal(err)
	}
	ledger.Drain(time.Second)
}

// A44: neither clock alone brings the day of a restore to an end, nor does the file.
func TestASpentDayIsThatOfTheClockThatIsAhead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		tomorrow := time.Now().Add(24 * time.Hour)
		for name, at := range map[string]policy.Now{
			"wall": {Wall: tomorrow, Steady: time.Now()}, "steady": {Wall: time.Now(), Steady: tomorrow},
		} {
			d.spendDay(at)
			for _, asked := range []time.Time{time.Now(), tomorrow} {
				m := d.meter(d.ledger(), now(), false)
				if err := m.Take(aDay(5), buy(), policy.Now{Wall: asked, Steady: asked}); refused(t, err) != "daily_requests" {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		d.spendDay(now()) // with the clock set back
		if err := d.meter(d.ledger(), now(), false).Take(aDay(5), buy(), policy.Now{Wall: tomorrow, Steady: tomorrow}); refused(t, err) != "daily_requests" {
			t.Errorf("the day of the file came back: %v", err)
		}
	})
}

// A43: the older memory knows an order that was changed since, or lacks one.
func TestAfterForgettingNoUpdateIsOfAKnownOrderForTwoDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		remember(t, o, submit(far, "tBTCUSD", "1", "100"), submit(0, "tBTCUSD", "1", "100"), submit(far+1, "tBTCUSD", "1", "100"), submit(far+1, "tBTCUSD", "1", "100"))
		synctest.Wait()
		if !known(t, d.crashed(), far, time.Now()) {
			t.Fatal("unknown before")
		}
		start := time.Now()
		d.forget(now())
		if got := slices.Sorted(maps.Keys(d.all("id"))); !slices.Equal(got, []string{"id/bare"}) {
			t.Errorf("kept %v", got)
		}
		o = d.orders(d.ledger())
		cid := uint64(1 << 52)
		for hours := range 49 {
			remember(t, o, submit(cid, "tBTCUSD", "1", "100"), submit(0, "tBTCUSD", "1", "100"))
			synctest.Wait()
			for name, o := range map[string]*limits.Orders{"memory": o, "disk": d.crashed()} {
				if known(t, o, far, start) || known(t, o, cid, time.Now()) || known(t, o, 1<<52, start) {
					t.Fatalf("%s: known after %d hours", name, hours)
				}
			}
			cid++
			time.Sleep(time.Hour)
		}
		// From now on orders are known, but those of meanwhile and their cids.
		remember(t, o, submit(cid, "tBTCUSD", "1", "100"), submit(cid-1, "tBTCUSD", "1", "100"), submit(far, "tBTCUSD", "1", "100"))
		synctest.Wait()
		for name, o := range map[string]*limits.Orders{"memory": o, "disk": d.crashed()} {
			if !known(t, o, cid, time.Now()) || known(t, o, cid-1, time.Now()) || !known(t, o, far, time.Now()) {
				t.Errorf("%s: %d, %d, %d are known: %t, %t, %t", name, cid, cid-1, uint64(far),
					known(t, o, cid, time.Now()), known(t, o, cid-1, time.Now()), known(t, o, far, time.Now()))
			}
		}
	})
}

// A44: what a file with a clock ahead remembers is no younger than what is forgotten.
func TestForgettingGoesByTheClockThatIsAhead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ahead := policy.Now{Wall: time.Now().Add(time.Hour), Steady: time.Now().Add(240 * time.Hour)}
		for name, prepare := range map[string]func(d *disk){
			"clock": func(d *disk) { d.forget(ahead) },
			"twice": func(d *disk) { d.forget(ahead); d.forget(now()) },
			"file": func(d *disk) {
				l := d.ledger()
				if err := d.orders(l).Remember(request(submit(far, "tBTCUSD", "1", "100")), ahead); err != nil {
					t.Fatal(err)
				}
				l.Drain(time.Second)
				d.forget(now())
			},
		} {
			d := newDisk(t)
			prepare(d)
			for _, after := range []time.Duration{0, 48 * time.Hour, 288 * time.Hour, 290 * time.Hour} {
				at := policy.Now{Wall: time.Now(), Steady: time.Now().Add(after)}
				o := d.crashed()
				if err := o.Remember(request(submit(far+9, "tBTCUSD", "1", "100")), at); err != nil {
					t.Fatal(err)
				}
				r := request(update(far+9, at.Steady, "1", "", ""))
				if _, err := o.Judge(r, at, allow); err != nil {
					t.Fatal(err)
				}
				if got := r.Ops[0].Was != nil; got != (after == 290*time.Hour) {
					t.Errorf("%s: %v after, known: %t", name, after, got)
				}
			}
		}
	})
}

// P6, A35, A43: orders are signed, some of them after a copy of the file was made that
// is put back. No update is judged as an order that is not the only one of its cid
// of the last two days, those that the file lacks included.
func TestWhatAnOlderFileLacksIsNeverTakenForAnother(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(5, 40).Draw(rt, "number of events")
		events := rapid.SliceOfN(rapid.Custom(drawRestoring), n, n).Draw(rt, "events")
		var err error
		inBubble(t, func(t *testing.T) {
			r := &restorer{disk: newDisk(t), all: map[uint64][]signed{}}
			r.unlock()
			for i, e := range events {
				if err = r.live(e, fmt.Sprintf("t%03dUSD", i)); err != nil {
					err = fmt.Errorf("event %d, %+v: %w", i, e, err)
					break
				}
			}
			r.ledger.Stop()
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// putBack makes the orders on the disk those of an older file.
func (d *disk) putBack(orders map[string][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.records[limits.InOrders])
	maps.Copy(d.records[limits.InOrders], orders)
}

func drawRestoring(t *rapid.T) event {
	return event{
		Kind: rapid.SampledFrom([]string{"sign", "sign", "judge", "judge", "pass", "copy", "restore", "crash"}).Draw(t, "kind"),
		N:    rapid.IntRange(1, 3).Draw(t, "order"),
		For:  time.Duration(rapid.Int64Range(1, int64(30*time.Hour)).Draw(t, "for")),
	}
}

// restorer is a vault whose file is copied and put back.
type restorer struct {
	disk   *disk
	ledger *limits.Ledger
	orders *limits.Orders
	copied map[string][]byte
	all    map[uint64][]signed // by cid
}

type signed struct {
	at     time.Time
	symbol string
}

func (r *restorer) unlock() {
	r.ledger = r.disk.ledger()
	r.orders = r.disk.orders(r.ledger)
}

func (r *restorer) live(e event, symbol string) error {
	cid := far + uint64(e.N)
	switch e.Kind {
	case "sign":
		remember(r.disk.t, r.orders, submit(cid, symbol, "1", "1"))
		r.all[cid] = append(r.all[cid], signed{time.Now(), symbol})
	case "judge":
		was := judge(r.disk.t, r.orders, update(cid, time.Now(), "1", "", ""))
		recent := slices.DeleteFunc(slices.Clone(r.all[cid]), func(s signed) bool { return time.Since(s.at) >= 48*time.Hour })
		if was != nil && (len(recent) != 1 || string(was.Symbol) != recent[0].symbol) {
			return fmt.Errorf("judged as %s, signed were %v", was.Symbol, recent)
		}
	case "pass":
		time.Sleep(e.For)
	case "copy":
		r.ledger.Drain(time.Second)
		r.copied = r.disk.all("id")
		r.unlock()
	case "restore":
		r.disk.crash(r.ledger, false)
		r.disk.putBack(r.copied)
		r.disk.forget(now())
		r.unlock()
	case "crash": // once all is written: what a crash loses is another test's
		synctest.Wait()
		r.disk.crash(r.ledger, false)
		r.unlock()
	}
	return nil
}

// The records of both, as they are written today, and what does not parse is an error.
func TestRecordsOfARestoreAreWrittenAsTheyWere(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		spent, err := limits.SpendDay(unhex(t, seedRecords()["bot/main"]), now())
		if got := hex.EncodeToString(spent); err != nil || got != spentSeed {
			t.Errorf("%s is written as %s: %v", spentSeed, got, err)
		}
		kept, err := limits.Forget("id", map[string][]byte{"id/missed": unhex(t, seedRecords()["id/missed"])}, now())
		if got := hex.EncodeToString(kept["id/bare"]); err != nil || got != forgottenSeed || len(kept) != 1 {
			t.Errorf("%s is written as %s: %v", forgottenSeed, got, err)
		}
		block := unhex(t, seedRecords()["id/0000000000000000"]) // twice: the cids of the second cannot be known
		mixed := map[string][]byte{"id/0000000000000000": block, "id/0000000000000001": block}
		if kept, err = limits.Forget("id", mixed, now()); err != nil || len(kept) != 1 {
			t.Errorf("records that do not go together: %v", err)
		}
		for _, wrong := range [][]byte{{}, {2}, append(bytes.Clone(spent), 1), append(bytes.Clone(spent[:len(spent)-1]), 2)} {
			if _, err := limits.SpendDay(wrong, now()); err == nil {
				t.Errorf("%x is a record of limits", wrong)
			}
		}
		for _, wrong := range [][]byte{{}, {1, 0, 0}, {1, 0, 0, 0}, append(unhex(t, forgottenSeed), 1)} {
			if _, err := limits.Forget("id", map[string][]byte{"id/bare": wrong}, now()); err == nil {
				t.Errorf("%x is a record of orders", wrong)
			}
		}
	})
}
