package limits_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

func drawTrading(t *rapid.T) event {
	e := event{Kind: rapid.SampledFrom([]string{"submit", "submit", "update", "update", "update", "by id", "by id", "stray", "answer", "deltas", "multi", "pass", "step", "disk", "crash", "lock"}).Draw(t, "kind")}
	e.N = rapid.IntRange(1, 12).Draw(t, "cid")
	if e.Kind == "submit" && rapid.IntRange(0, 10).Draw(t, "bare") == 0 {
		e.Kind = "bare"
	}
	e.M = rapid.IntRange(1, 5).Draw(t, "how much")
	e.Yes = rapid.Bool().Draw(t, "yes")
	switch e.Kind {
	case "pass":
		e.For = time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "for"))
	case "step":
		e.For = rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Hour, -96 * time.Hour, 96 * time.Hour}).Draw(t, "step")
	}
	return e
}

// truth is what an exchange may have made of the signed requests: an order, placed
// on a day, and every update that can mean it.
type truth struct {
	cid       uint64
	id        uint64 // the exchange's, reported or not
	placed    time.Time
	symbol    string
	amount    policy.Decimal
	low, high policy.Decimal
	// lost: it was known, and its record did not reach the disk. An older order of its
	// cid may count again once a clock has gone back: the gap that doc.go names.
	lost bool
}

// trader is a vault whose power fails, and a bot that tries what it can.
type trader struct {
	disk   *disk
	step   time.Duration
	steady time.Duration
	ledger *limits.Ledger
	orders *limits.Orders

	mu    sync.Mutex
	truth []*truth
	// burnt are the cids of orders that a crash has lost before they were written. A
	// bot that uses one again gets an order known that may be the second: the price of
	// not waiting for the disk, see the package's traps.
	burnt map[uint64]time.Time
	seen  int // updates that were judged as a known order
	named int // of those, by the exchange's id
	seq   uint64
	// open are the orders of which no answer was reported yet, by the record of their
	// signature.
	open map[uint64]*truth
}

func (s *trader) now() policy.Now {
	return policy.Now{Wall: time.Now().Add(s.step), Steady: time.Now().Add(s.steady)}
}

// unlock: the wall clock is right again, or ahead.
func (s *trader) unlock() {
	s.step = max(0, s.step)
	// Back by an hour at most: beside a lost record, more than that can make an older
	// order of its cid count again (doc.go).
	s.steady = max(s.step, s.steady-time.Hour)
	s.ledger = s.disk.ledger()
	s.orders = s.disk.orders(s.ledger)
}

func (s *trader) live(e event) error {
	cid := cidOf(e.N)
	switch e.Kind {
	case "bare":
		return s.submit(0, e.M)
	case "submit":
		return s.submit(cid, e.M)
	case "update":
		price := ""
		if e.Yes {
			price = fmt.Sprint(10 * e.M)
		}
		return s.update(update(cid, s.whichDay(cid, e.M), fmt.Sprint(e.M), "", price))
	case "by id":
		return s.updateByID(e)
	case "stray":
		return s.stray(e)
	case "answer":
		s.report()
	case "multi":
		at := s.whichDay(cid, e.M)
		return s.update(update(cid, at, "", "1", ""), update(cidOf(e.M), at, "3", "", ""), update(cid, at, "", "2", "50"))
	case "deltas":
		results := make(chan error, e.M)
		for range e.M {
			go func() { results <- s.update(update(cid, s.whichDay(cid, 0), "", "1", "")) }()
		}
		var err error
		for range e.M {
			err = errors.Join(err, <-results)
		}
		return err
	case "pass":
		time.Sleep(e.For)
	case "step":
		s.step = e.For
	case "disk":
		s.disk.fill(e.M == 1)
	case "crash":
		s.crash(e.Yes)
	case "lock":
		return s.lock()
	}
	return nil
}

// cidOf spreads cids: half of them are none that the exchange could choose.
func cidOf(n int) uint64 { return uint64(1e12 + n + n%2*far) }

// whichDay is mostly the day of an order with the cid.
func (s *trader) whichDay(cid uint64, n int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.truth) - 1; i >= 0 && n < 5; i-- {
		if s.truth[i].cid == cid {
			return s.truth[i].placed
		}
	}
	return time.Now()
}

func (s *trader) submit(cid uint64, n int) error {
	if at, burnt := s.burnt[cid]; burnt && time.Since(at) < 100*time.Hour {
		return nil
	}
	o := &truth{cid: cid, placed: time.Now(), symbol: []string{"tBTCUSD", "tETHUSD", "tSHIB:USD"}[n%3],
		amount: policy.NewDecimal(uint64(n)), low: policy.NewDecimal(uint64(100 + n))}
	o.high = o.low
	if cid == 0 {
		o.symbol = "tBARE" // nothing else is, so that an update of it is judged as another
	}
	err := s.orders.Remember(request(submit(cid, o.symbol, o.amount.String(), o.low.String())), s.now())
	if err != nil {
		if s.disk.full && errors.Is(err, errDisk) {
			return nil // not signed
		}
		return err
	}
	s.truth = append(s.truth, o)
	s.answer(o)
	return nil
}

// answer is the exchange's to two orders of three, reported at once or later.
func (s *trader) answer(o *truth) {
	s.seq++
	o.id = 1000 + s.seq
	if s.seq%3 == 0 {
		return
	}
	r := request(submit(o.cid, o.symbol, o.amount.String(), o.low.String()))
	s.orders.Await("bfxv_1", s.seq, s.orders.Placed(r, s.now()), s.now())
	s.open[s.seq] = o
	if s.seq%4 < 2 {
		s.report()
	}
}

// report reports all answers that are open.
func (s *trader) report() {
	for _, seq := range slices.Sorted(maps.Keys(s.open)) {
		o := s.open[seq]
		reported := limits.Reported{ID: o.id, CID: o.cid, Symbol: o.symbol}
		if o.cid == 0 {
			reported.CID = cidOf(3)
		}
		s.orders.Report(seq, []limits.Reported{reported}, s.now())
	}
	clear(s.open)
}

// updateByID updates one of the last orders, and now and then one by cid beside it.
func (s *trader) updateByID(e event) error {
	if len(s.truth) < e.N {
		return nil
	}
	o := s.truth[len(s.truth)-e.N]
	op := update(0, o.placed, "", "1", "")
	if op.ID = o.id; e.Yes {
		op.Price = opt(fmt.Sprint(10 * e.M))
	}
	ops := []policy.Op{op}
	switch {
	case e.M == 1 && o.cid != 0:
		ops = append(ops, update(o.cid, o.placed, "", "2", ""))
	case e.M == 2:
		ops[0].CID = o.cid
	}
	return s.update(ops...)
}

// stray has an update of one of the last orders signed under a grant without rules, by
// either name, on whatever day, or by a cid that the exchange may have chosen.
func (s *trader) stray(e event) error {
	if len(s.truth) < e.N {
		return nil
	}
	o := s.truth[len(s.truth)-e.N]
	op := update(o.cid, o.placed, fmt.Sprint(20*e.M), "", "")
	switch {
	case e.Yes:
		op.ID, op.CID = o.id, 0
	case o.cid == 0:
		op.CID = cidOf(2 * e.M)
	}
	return s.have(allow, request(op))
}

// update has updates judged and, if all are known, signed. Whatever order the
// exchange may take them to mean must be no larger than what they were judged as.
func (s *trader) update(ops ...policy.Op) error {
	r := request(ops...)
	return s.have(ifKnown(r), r)
}

func (s *trader) have(decide func() policy.Decision, r *policy.Request) error {
	d, err := s.orders.Judge(r, s.now(), decide)
	if err != nil {
		if errors.Is(err, errDisk) {
			return nil // not signed; or it was in flight when the power failed
		}
		return err
	}
	if !d.Allowed || !s.orders.Confirm(r) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.Ops {
		switch {
		case r.Ops[i].Was == nil:
		case r.Ops[i].ID != 0:
			s.named++
			fallthrough
		default:
			s.seen++
		}
		if err := s.apply(&r.Ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// meantBy says whether an update can mean an order, whatever the exchange chose.
func (o *truth) meantBy(op *policy.Op) bool {
	if op.ID != 0 {
		return o.id == op.ID
	}
	chosen := o.cid == 0 && op.CID < far
	return !o.lost && (o.cid == op.CID || chosen) && day(o.placed) == op.Day
}

func (s *trader) apply(op *policy.Op) error {
	for _, o := range s.truth {
		if !o.meantBy(op) {
			continue
		}
		if op.Amount.Set && op.Amount.CmpAbs(o.amount) > 0 {
			o.amount = op.Amount.Abs()
		}
		if op.Delta.Set {
			o.amount = o.amount.AddAbs(op.Delta.Decimal)
		}
		if op.Price.Set && op.Price.Cmp(o.low) < 0 {
			o.low = op.Price.Decimal
		}
		if op.Price.Set && op.Price.Cmp(o.high) > 0 {
			o.high = op.Price.Decimal
		}
		if op.Was != nil && string(op.Was.Symbol) != o.symbol {
			return fmt.Errorf("cid %d was judged as %s, and is %s too", op.CID, op.Was.Symbol, o.symbol)
		}
	}
	return nil
}

// check compares what is remembered with the truth, without changing it. The judged
// amount of one of two concurrent updates may be below what both together make.
func (s *trader) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.truth {
		if err := s.checkNamed(o); err != nil {
			return err
		}
		if o.lost {
			continue
		}
		r := request(update(o.cid, o.placed, "", "", ""))
		if _, err := s.orders.Judge(r, s.now(), func() policy.Decision { return policy.Decision{} }); err != nil {
			return err
		}
		was := r.Ops[0].Was
		if was != nil && !o.isIn(was) {
			return fmt.Errorf("cid %d is remembered as %s of %v at %v to %v, and is %+v", o.cid, was.Symbol, was.Amount, was.Low, was.High, o)
		}
	}
	return nil
}

// checkNamed compares what is remembered by the exchange's id.
func (s *trader) checkNamed(o *truth) error {
	op := update(0, o.placed, "", "", "")
	op.ID = o.id
	r := request(op)
	_, err := s.orders.Judge(r, s.now(), func() policy.Decision { return policy.Decision{} })
	if was := r.Ops[0].Was; err == nil && was != nil && !o.isIn(was) {
		err = fmt.Errorf("id %d is remembered as %s of %v at %v to %v, and is %+v", o.id, was.Symbol, was.Amount, was.Low, was.High, o)
	}
	return err
}

// lock ends an incarnation in good order: but for a clock that ran ahead meanwhile,
// what was known still is.
func (s *trader) lock() error {
	steady := s.steady
	was := make([]*policy.Order, len(s.truth))
	for i, o := range s.truth {
		was[i] = s.remembered(o)
	}
	drained := s.ledger.Drain(time.Minute)
	s.unlock()
	if !drained && !s.disk.full {
		return errors.New("not drained")
	}
	for i, o := range s.truth {
		now := s.remembered(o)
		o.lost = o.lost || !drained && o.isIn(was[i]) && !o.isIn(now)
		switch {
		case now == nil && !drained:
			s.burnt[o.cid] = time.Now()
		case drained && s.steady == steady && !reflect.DeepEqual(now, was[i]):
			return fmt.Errorf("cid %d was %+v, and is %+v after a lock", o.cid, was[i], now)
		}
	}
	return nil
}

// isIn says whether what is known under the cid of an order is that order.
func (o *truth) isIn(known *policy.Order) bool {
	return known != nil && string(known.Symbol) == o.symbol && known.Amount.Cmp(o.amount) >= 0 &&
		known.Low.Cmp(o.low) <= 0 && known.High.Cmp(o.high) >= 0
}

// remembered is what is known under the cid of an order, on whatever day.
func (s *trader) remembered(o *truth) *policy.Order {
	const stepped = 10 // days at most, by the clocks that the memory goes by
	for days := -stepped; days <= stepped; days++ {
		r := request(update(o.cid, o.placed.AddDate(0, 0, days), "", "", ""))
		_, _ = s.orders.Judge(r, s.now(), func() policy.Decision { return policy.Decision{} })
		if was := r.Ops[0].Was; was != nil {
			return was
		}
	}
	return nil
}

func (s *trader) crash(late bool) {
	was := make([]bool, len(s.truth))
	for i, o := range s.truth {
		was[i] = o.isIn(s.remembered(o))
	}
	s.disk.crash(s.ledger, late)
	s.unlock()
	for i, o := range s.truth { // what is known no more
		now := s.remembered(o)
		o.lost = o.lost || was[i] && !o.isIn(now)
		if now == nil {
			s.burnt[o.cid] = time.Now()
		}
	}
}

// A35, A41: whatever is signed, crashed, lost or stepped, an update is judged as no
// less than every order that it can mean.
func TestNoOrderIsRememberedAsLessThanItIs(t *testing.T) {
	seen, named := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		latency := time.Duration(rapid.IntRange(0, 700).Draw(rt, "latency ms")) * time.Millisecond
		part := rapid.Bool().Draw(rt, "failing commits persist a part")
		n := rapid.IntRange(1, 150).Draw(rt, "number of events")
		events := rapid.SliceOfN(rapid.Custom(drawTrading), n, n).Draw(rt, "events")
		var err error
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			d.latency, d.part = latency, part
			s := &trader{disk: d, burnt: map[uint64]time.Time{}, open: map[uint64]*truth{}}
			s.unlock()
			for i, e := range events {
				if err = errors.Join(s.live(e), s.check()); err != nil {
					err = fmt.Errorf("event %d, %+v: %w", i, e, err)
					return
				}
			}
			seen, named = seen+s.seen, named+s.named
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
	t.Logf("%d updates of known orders, %d by the exchange's id", seen, named)
	if seen == 0 || named == 0 {
		t.Error("no update was ever judged as a known order")
	}
}
