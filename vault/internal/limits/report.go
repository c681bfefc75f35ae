package limits

import (
	"bytes"
	"slices"

	"bfxvault/vault/policy"
)

const (
	// mostAwaited is of how many requests of one stand-in credential the answers are
	// awaited. The requests of an API key leave one after the other, so few are.
	mostAwaited = 256
	// awaitedFor is for how many seconds.
	awaitedFor = 120
)

// Placed are the orders that a request places, and when it was judged.
type Placed struct {
	judged int64 // seconds since 1970
	orders []placed
}

// placed is one of them, as the answer has to name it.
type placed struct {
	cid   uint64
	order policy.Order
	pair  bool // an OCO: two orders, of which nobody can tell which is which
}

// Reported is an order as the exchange's answer names it.
type Reported struct {
	ID     uint64 // the exchange's own
	CID    uint64
	Symbol string
}

// awaited are the orders of a request that was signed, until its answer is there.
type awaited struct {
	by     string // the stand-in credential
	seq    uint64 // of the record of its signature
	signed int64
	Placed
}

// Placed are the orders that r places, which was judged at a time. Of one that updates an
// unknown order there are none: that may be one of them.
func (o *Orders) Placed(r *policy.Request, judged policy.Now) (p Placed) {
	if !hasSubmit(r) || hasStray(r) {
		return p
	}
	p.judged = judged.Steady.Unix()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Action != policy.Submit {
			continue
		}
		order := op.Became()
		order.Symbol = o.wordMu(order.Symbol)
		p.orders = append(p.orders, placed{cid: op.CID, order: order, pair: isOCO(op) || op.StopCID != 0})
	}
	return p
}

// Await keeps the orders of the request whose signature has the record seq until the
// answer to it is reported: for two minutes, and of the last 256 requests that were signed
// with that stand-in credential.
func (o *Orders) Await(by string, seq uint64, p Placed, now policy.Now) {
	if len(p.orders) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tickMu(now)
	o.awaited = slices.DeleteFunc(o.awaited, func(a awaited) bool { return o.clock-a.signed > awaitedFor })
	n, oldest := 0, 0
	for i := len(o.awaited) - 1; i >= 0; i-- {
		if o.awaited[i].by == by {
			n, oldest = n+1, i
		}
	}
	if n == mostAwaited {
		o.awaited = slices.Delete(o.awaited, oldest, oldest+1)
	}
	o.awaited = append(o.awaited, awaited{by: by, seq: seq, signed: o.clock, Placed: p})
}

// Report notes the ids that the exchange has given to the orders of a request, once, and
// returns of how many an update by that id is of a known order from now on. Where the
// answer does not tell which of several orders one is, it counts as what any of them can
// be. The ids are written in the background: losing one makes it unknown.
func (o *Orders) Report(seq uint64, orders []Reported, now policy.Now) (known int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ledger.group.Stopped() {
		return 0
	}
	o.tickMu(now)
	at := slices.IndexFunc(o.awaited, func(a awaited) bool { return a.seq == seq })
	if at < 0 {
		return 0
	}
	request := o.awaited[at]
	o.awaited = slices.Delete(o.awaited, at, at+1)
	if o.clock-request.signed > awaitedFor || len(orders) > request.count() || o.stray.since(request.judged) {
		return 0
	}
	for _, r := range orders {
		if slot, ok := o.keptMu(r, request.orders); ok && o.nameMu(r.ID, slot) {
			_, b := o.atMu(slot)
			o.saveSoonMu(b)
			known++
		}
	}
	return known
}

// count is how many orders an answer names at most.
func (p *Placed) count() (n int) {
	for i := range p.orders {
		if n++; p.orders[i].pair {
			n++
		}
	}
	return n
}

// keptMu is where the order is kept that was reported, if it can be told which it is.
func (o *Orders) keptMu(r Reported, all []placed) (slot int, ok bool) {
	order, cid, ok := which(r, all)
	if !ok || r.ID == 0 {
		return 0, false
	}
	switch e, _ := o.findMu(cid); {
	case e == nil:
	case e.order != nil:
		return o.index[cid], true // so that updates by either name add up
	case e.before == nil: // no update of it was ever known
	case e.before.Type != order.Type || string(e.before.Symbol) != string(order.Symbol):
		return 0, false
	default: // updates of the first by cid were, and either may be the one that was reported
		order = either(order, *e.before)
	}
	kept := o.keepMu(order)
	if kept == nil || o.fullMu() {
		return 0, false
	}
	o.appendMu(0, kept)
	return o.lastMu(), true
}

// which tells which order was reported, and its cid where it was placed with one. One
// without gets a cid of the exchange's choice, which may be that of another.
func which(r Reported, all []placed) (order policy.Order, cid uint64, ok bool) {
	for i := range all {
		p := &all[i]
		switch {
		case string(p.order.Symbol) != r.Symbol && !isSpelled(p.order.Symbol, r.Symbol):
		case p.pair, string(p.order.Symbol) != r.Symbol:
			return order, 0, false
		case p.cid != 0 && p.cid != r.CID:
		case !ok:
			order, cid, ok = p.order, p.cid, true
		case p.cid != 0 || cid != 0 || p.order.Type != order.Type:
			return order, 0, false
		default:
			order = either(order, p.order)
		}
	}
	return order, cid, ok
}

// isSpelled says whether two symbols are of the same currencies, as tBTCUSD and tBTC:USD:
// Bitfinex may name either by the other.
func isSpelled(a []byte, b string) bool {
	base, quote, ok := policy.Currencies(a)
	base2, quote2, ok2 := policy.Currencies([]byte(b))
	return ok && ok2 && bytes.Equal(base, base2) && bytes.Equal(quote, quote2)
}

// either is what one of two orders can have become.
func either(a, b policy.Order) policy.Order {
	if b.Amount.Cmp(a.Amount) > 0 {
		a.Amount = b.Amount
	}
	if !a.Low.IsPositive() || !b.Low.IsPositive() {
		a.Low, a.High = policy.Decimal{}, policy.Decimal{}
		return a
	}
	if b.Low.Cmp(a.Low) < 0 {
		a.Low = b.Low
	}
	if b.High.Cmp(a.High) > 0 {
		a.High = b.High
	}
	return a
}

// nameMu gives the order in a slot its id. One that another order has is neither's.
func (o *Orders) nameMu(id uint64, slot int) bool {
	e, b := o.atMu(slot)
	switch before, taken := o.ids[id]; {
	case taken && before != slot:
		e, b = o.atMu(before)
		e.id, b.dirty = 0, true
		delete(o.ids, id)
		return false
	case taken:
		return true
	case e.id != 0: // it has one already
		return false
	}
	point(&o.ids, id, slot)
	e.id, b.dirty = id, true
	return true
}
