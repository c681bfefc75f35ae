package limits

import (
	"math"

	"bfxvault/vault/policy"
)

// Remember notes the orders that r places. A new one with a cid is written in the
// background: losing it in a crash makes it unknown. A cid that was signed before,
// in the last 48 hours, makes both unknown, and that is waited for; so is noting
// that there is no room, and about once an hour that the exchange chooses a cid.
//
// Errors: [ErrStopped], [ErrLate], or that of the commit; then nothing may be signed.
func (o *Orders) Remember(r *policy.Request, now policy.Now) error {
	if o.ledger.group.Stopped() {
		return ErrStopped
	}
	if !hasSubmit(r) {
		return nil
	}
	f, err := o.remember(r, now)
	if f != nil {
		err = f.Wait()
	}
	return err
}

func hasSubmit(r *policy.Request) bool {
	for i := range r.Ops {
		if action := r.Ops[i].Action; action == policy.Submit || action == policy.Algo {
			return true
		}
	}
	return false
}

func (o *Orders) remember(r *policy.Request, now policy.Now) (f *flight, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ledger.group.Stopped() { // under the lock: nothing is noted after a settlement
		return nil, ErrStopped
	}
	o.tickMu(now)
	o.tidyMu()
	stray := hasStray(r) // which may be of an order in r: none of those is known
	if !stray {
		o.placed = o.clock
	}
	for i := range r.Ops {
		op := &r.Ops[i]
		if isBare(op) {
			o.bare.note(r, o.clock)
			if f, err = o.laterMu(f, &o.bare.saving); err != nil {
				return nil, err
			}
		}
		if op.Action != policy.Submit {
			continue
		}
		for _, cid := range [...]uint64{op.CID, op.StopCID} {
			b := o.noteMu(cid, op, stray)
			if b == nil {
				continue
			}
			if f, err = o.laterMu(f, &b.saving); err != nil {
				return nil, err
			}
		}
	}
	if f, err = o.laterMu(f, &o.missed.saving); err != nil {
		return nil, err
	}
	if n := len(o.blocks); n > 0 {
		o.saveSoonMu(o.blocks[n-1])
	}
	return f, nil
}

// saveSoonMu has a block written in the background.
func (o *Orders) saveSoonMu(b *block) {
	if b.dirty && o.queued == nil && o.clock >= o.retry {
		_, _ = o.joinMu() // stopped: losing new orders is harmless
	}
}

// noteMu notes one cid of an order, and returns the block of what has to be on disk
// before the call returns, nil for nothing. What the stop of an OCO can become is not
// kept: it is unknown.
func (o *Orders) noteMu(cid uint64, op *policy.Op, stray bool) *block {
	e, b := o.findMu(cid)
	switch {
	case cid == 0:
		return nil
	case e == nil && (o.fullMu() || o.missed.covers(cid, o.clock)):
		o.missMu(cid)
		return nil
	case e == nil && cid == op.CID && !stray && !o.bare.covers(cid, o.clock):
		o.appendMu(cid, o.keepMu(op.Became()))
		return nil
	case e == nil:
		o.appendMu(cid, nil)
		return nil
	case e.order == nil && o.clock-e.signed < takenTwice-memory:
		return b // taken twice, and noted so
	case o.fullMu():
		e.order = nil // no longer for long enough, so that missed goes on with it
		b.change()
		o.missMu(cid)
		return b
	}
	before := e.order
	b = o.appendMu(cid, nil)
	b.entries[len(b.entries)-1].before = before
	b.change()
	return b
}

// keepMu is the order as it is kept, nil for one that could not be written.
func (o *Orders) keepMu(order policy.Order) *policy.Order {
	if !writable(&order) {
		return nil
	}
	order.Symbol = o.wordMu(order.Symbol)
	if len(o.room) == cap(o.room) {
		o.room = make([]policy.Order, 0, min(max(4, len(o.index)), perBlock))
	}
	o.room = append(o.room, order)
	return &o.room[len(o.room)-1]
}

// wordMu is a copy of a symbol, the same one each time. There are few symbols; if
// there seem to be many, somebody invents them.
func (o *Orders) wordMu(symbol []byte) []byte {
	word, ok := o.words[string(symbol)]
	if !ok {
		if len(o.words) >= 1024 {
			clear(o.words)
		}
		word = append([]byte(nil), symbol...)
		if o.words == nil {
			o.words = make(map[string][]byte)
		}
		o.words[string(word)] = word
	}
	return word
}

// fullMu says whether there is no room for one more.
func (o *Orders) fullMu() bool {
	n := len(o.blocks)
	return n >= maxBlocks && o.blocks[n-1].full()
}

// point notes the slot that a cid, or the exchange's id, leads to.
func point(to *map[uint64]int, name uint64, slot int) {
	if *to == nil {
		*to = make(map[uint64]int)
	}
	(*to)[name] = slot
}

// lastMu is the slot of the entry that was added last.
func (o *Orders) lastMu() int {
	n := len(o.blocks) - 1
	return (o.base+n)*perBlock + len(o.blocks[n].entries) - 1
}

// appendMu adds an entry, and notes where its cid is now. Without one it is the exchange's
// id that leads there.
func (o *Orders) appendMu(cid uint64, order *policy.Order) *block {
	n := len(o.blocks)
	if n == 0 || o.blocks[n-1].full() {
		o.blocks = append(o.blocks, &block{number: o.number})
		o.number++
		n++
	}
	b := o.blocks[n-1]
	b.entries = append(b.entries, entry{cid: cid, signed: o.clock, order: order})
	if cid != 0 {
		point(&o.index, cid, o.lastMu())
	}
	b.dirty = true
	return b
}

// tidyMu drops the oldest blocks once nothing in them counts. That is written with
// the order for which this is called, so that the clock is remembered too.
func (o *Orders) tidyMu() {
	for len(o.blocks) > 0 {
		b := o.blocks[0]
		last := &b.entries[len(b.entries)-1]
		if o.clock-last.signed < takenTwice {
			return
		}
		for i := range b.entries {
			if slot := o.base*perBlock + i; o.index[b.entries[i].cid] == slot {
				delete(o.index, b.entries[i].cid)
			}
			delete(o.ids, b.entries[i].id)
		}
		o.dropped = append(o.dropped, b.number)
		o.blocks[0] = nil
		o.blocks = o.blocks[1:]
		o.base++
	}
}

// missed are the cids that were signed while there was no room. An order under one
// of them may be the second, so it is not remembered either.
type missed struct {
	saving
	span        // those that were
	onDisk span // those that may have been, after a restart
}

// span is a range of cids, ends included, and when the last was signed. The zero
// span is empty: there is no cid 0.
type span struct {
	low, high uint64
	last      int64
}

func (s *span) covers(cid uint64, clock int64) bool {
	return s.low <= cid && cid <= s.high && clock-s.last < takenTwice
}

// missMu notes a cid that is not remembered. What is written reaches ahead, so that
// few calls have to wait.
func (o *Orders) missMu(cid uint64) {
	m := &o.missed
	if m.high == 0 || o.clock-m.last >= takenTwice {
		m.span = span{low: cid, high: cid}
	}
	m.low, m.high, m.last = min(m.low, cid), max(m.high, cid), max(m.last, o.clock)
	d := &m.onDisk
	if d.low <= m.low && m.high <= d.high && m.last <= d.last {
		return
	}
	reach := (m.high - m.low) / 2
	*d = span{low: m.low - min(reach, m.low-1), high: m.high + min(reach, math.MaxUint64-m.high), last: m.last + missedAhead}
	m.change()
}
