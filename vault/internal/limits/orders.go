package limits

import (
	"slices"
	"sync"
	"sync/atomic"

	"bfxvault/vault/policy"
)

const (
	hour = 60 * 60
	// memory is for how many seconds an order is remembered, and for how many its cid
	// is known to be taken twice: a little longer, so that this need not be written
	// anew each time.
	memory      = 48 * hour
	takenTwice  = memory + hour
	missedAhead = hour

	// perBlock orders are one record, at most maxBlocks of them are kept.
	perBlock  = 64
	maxBlocks = 1024
)

// MaxOrders is how many orders are remembered for one API key. When as many are,
// new ones are not remembered, and none is evicted early.
const MaxOrders = perBlock * maxBlocks

// Orders remembers the orders that were signed with one API key, by its label. Made by
// [Ledger.Orders]; safe for concurrent use.
type Orders struct {
	ledger *Ledger
	key    string
	ended  atomic.Bool

	mu      sync.Mutex
	clock   int64 // seconds since 1970; never goes back, over restarts neither
	blocks  []*block
	base    int            // the position of blocks[0], counted from when this was made
	number  uint64         // of the next block
	index   map[uint64]int // where a cid was signed last: position·perBlock + place
	ids     map[uint64]int // where the order is that the exchange gave an id, likewise
	awaited []awaited      // oldest first
	words   map[string][]byte
	room    []policy.Order // for those to come
	missed  missed
	bare    bare
	stray   stray
	placed  int64    // by clock: when an order was signed last
	dropped []uint64 // numbers of blocks to delete

	retry  int64 // by clock: nothing is written in the background before
	queued *flight
	flying *flight
	aboard []*block // of the commit under way
	gone   []uint64 // likewise
}

// entry is one remembered order. What order points to never changes, so that a
// request may go on using it.
type entry struct {
	cid    uint64 // 0 where the exchange chose it
	id     uint64 // the exchange's; 0 while it is not known
	signed int64
	order  *policy.Order // nil: unknown, the cid was signed twice
	next   *policy.Order // what the request that is judged makes of it
	before *policy.Order // unknown: what the order of the same cid had become until then, if it was known
}

// alive says whether the entry still counts.
func (e *entry) alive(clock int64) bool {
	if e.order == nil {
		return clock-e.signed < takenTwice
	}
	return clock-e.signed < memory
}

// block is a record's worth of orders.
type block struct {
	saving
	number  uint64
	entries []entry
}

func (b *block) full() bool { return len(b.entries) == perBlock }

// saving is how far something is persisted.
type saving struct {
	dirty bool
	// Changes that must be on disk before a call returns are counted. Those in the
	// commit under way, and those that were in one that succeeded.
	changed, flying, saved uint64
}

func (s *saving) change()      { s.dirty = true; s.changed++ }
func (s *saving) unsafe() bool { return s.changed != s.saved }
func (s *saving) depart()      { s.dirty, s.flying = false, s.changed }
func (s *saving) land(err error) {
	if err != nil {
		s.dirty = true
		return
	}
	s.saved = s.flying
}

// End lets nothing more of the memory be written: its API key is gone. What is on its way
// is for the commit to leave out ([Record.Ended]).
func (o *Orders) End() { o.ended.Store(true) }

// tickMu moves the clock of the memory: the steady one, because a step of the wall
// clock between two orders would make the first look old. It never goes back, over
// restarts neither. While it stands still because of that, orders get the day at
// which it stands, and an update that names the right day is unknown.
func (o *Orders) tickMu(now policy.Now) { o.clock = max(o.clock, now.Steady.Unix()) }

// findMu is the last order signed with a cid, nil for none that counts.
func (o *Orders) findMu(cid uint64) (*entry, *block) {
	slot, ok := o.index[cid]
	if !ok {
		return nil, nil
	}
	return o.countsMu(slot)
}

// atMu is the entry in a slot.
func (o *Orders) atMu(slot int) (*entry, *block) {
	b := o.blocks[slot/perBlock-o.base]
	return &b.entries[slot%perBlock], b
}

// countsMu is the entry in a slot, nil where it no longer counts.
func (o *Orders) countsMu(slot int) (*entry, *block) {
	e, b := o.atMu(slot)
	if !e.alive(o.clock) {
		return nil, nil
	}
	return e, b
}

// namedMu is the order that an update names, nil for none that counts: by the exchange's
// id, which no other order has, or by cid.
func (o *Orders) namedMu(op *policy.Op) (*entry, *block) {
	if op.ID == 0 {
		return o.findMu(op.CID)
	}
	if slot, ok := o.ids[op.ID]; ok {
		return o.countsMu(slot)
	}
	return nil, nil
}

// laterMu is the flight that lands last: that on which s waits, or f. What is queued
// lands after what flies.
func (o *Orders) laterMu(f *flight, s *saving) (*flight, error) {
	mine, err := o.waitMu(s)
	if mine == nil || err != nil || f != nil && f == o.queued {
		return f, err
	}
	return mine, nil
}

// waitMu joins what has to be persisted to a commit. It returns the flight after
// which s is on disk, nil where it is.
func (o *Orders) waitMu(s *saving) (*flight, error) {
	switch {
	case !s.unsafe():
		return nil, nil
	case s.dirty || o.flying == nil:
		return o.joinMu()
	}
	return o.flying, nil
}

func (o *Orders) joinMu() (*flight, error) {
	if o.queued != nil {
		return o.queued, nil
	}
	f, err := o.ledger.group.Join(o)
	o.queued = f
	return f, err
}

// depart implements page. Orders never change, so it is enough to copy the entries
// under the lock.
func (o *Orders) depart(records []Record) []Record {
	changed, records := o.board(records)
	for _, b := range changed {
		records = append(records, o.record(blockKey(o.key, b.number), encode(b.entries)))
	}
	return records
}

func (o *Orders) record(key string, value []byte) Record {
	return Record{Bucket: InOrders, Key: key, Value: value, orders: o}
}

// board takes everything that is to be written on board. It returns copies of the
// blocks that are, and adds the small records.
func (o *Orders) board(records []Record) ([]block, []Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flying, o.queued = o.queued, nil
	o.gone, o.dropped = append(o.gone[:0], o.dropped...), o.dropped[:0]
	for _, number := range o.gone {
		records = append(records, o.record(blockKey(o.key, number), nil))
	}
	if o.missed.dirty {
		o.missed.depart()
		records = append(records, o.record(missedKey(o.key), o.missed.onDisk.encode()))
	}
	if o.bare.dirty {
		o.bare.depart()
		records = append(records, o.record(bareKey(o.key), o.bare.encode()))
	}
	if o.stray.dirty {
		o.stray.depart()
		records = append(records, o.record(strayKey(o.key), o.stray.encode()))
	}
	var changed []block
	o.aboard = o.aboard[:0]
	for _, b := range o.blocks {
		if b.dirty {
			b.depart()
			o.aboard = append(o.aboard, b)
			changed = append(changed, block{number: b.number, entries: slices.Clone(b.entries)})
		}
	}
	return changed, records
}

// land implements page. After an error everything stays to be written.
func (o *Orders) land(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flying = nil
	for _, b := range o.aboard {
		b.land(err)
	}
	clear(o.aboard)
	if err != nil {
		o.retry = o.clock + int64(retryAfter.Seconds())
		o.dropped = append(o.dropped, o.gone...)
	}
	for _, s := range [...]*saving{&o.missed.saving, &o.bare.saving, &o.stray.saving} {
		if s.flying != s.saved { // it was aboard
			s.land(err)
		}
	}
}
