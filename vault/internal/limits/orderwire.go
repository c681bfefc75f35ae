package limits

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"bfxvault/vault/policy"
)

func blockKey(apiKey string, number uint64) string {
	return apiKey + "/" + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, number))
}

func missedKey(apiKey string) string { return apiKey + "/missed" }

func bareKey(apiKey string) string { return apiKey + "/bare" }

func strayKey(apiKey string) string { return apiKey + "/stray" }

// Orders returns the memory of an API key. stored is what was persisted of it, by
// the keys of its records. An error: one of them does not parse.
func (l *Ledger) Orders(apiKey string, stored map[string][]byte) (*Orders, error) {
	o := &Orders{ledger: l, key: apiKey} // its maps are made with its first order: most API keys have none
	if err := o.load(stored); err != nil {
		return nil, fmt.Errorf("remembered orders of an API key: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders[apiKey] = o
	return o, nil
}

func (o *Orders) load(stored map[string][]byte) (err error) {
	for _, key := range slices.Sorted(maps.Keys(stored)) { // fixed width: by number
		if key == missedKey(o.key) || key == bareKey(o.key) || key == strayKey(o.key) {
			continue
		}
		if err := o.loadBlock(key, stored[key]); err != nil {
			return err
		}
	}
	if value, ok := stored[missedKey(o.key)]; ok {
		if o.missed.span, err = parseSpan(value); err != nil {
			return err
		}
		o.missed.onDisk = o.missed.span
		o.clock = max(o.clock, o.missed.last-missedAhead)
	}
	if value, ok := stored[bareKey(o.key)]; ok {
		if o.bare, err = parseBare(value); err != nil {
			return err
		}
		o.clock = max(o.clock, o.bare.time())
	}
	if value, ok := stored[strayKey(o.key)]; ok {
		if o.stray, err = parseStray(value); err != nil {
			return err
		}
		o.clock = max(o.clock, o.stray.time())
	}
	return nil
}

func (o *Orders) loadBlock(key string, value []byte) error {
	name, ok := strings.CutPrefix(key, o.key+"/")
	number, err := hex.DecodeString(name)
	if !ok || err != nil || len(number) != 8 {
		return errors.New("a record has a key that is not a block's")
	}
	b := &block{number: binary.BigEndian.Uint64(number)}
	if key != blockKey(o.key, b.number) || b.number == math.MaxUint64 {
		return errors.New("a record has a key that is not a block's")
	}
	o.blocks = append(o.blocks, b)
	o.number = b.number + 1
	return o.parse(b, value)
}

// parse reads a block, in the order in which its orders were signed, and notes them
// as they were then.
func (o *Orders) parse(b *block, value []byte) error {
	r := &reader{rest: value}
	r.version()
	at := r.time()
	if at < o.clock {
		r.fail()
	}
	for !r.bad && (len(b.entries) == 0 || len(r.rest) > 0) {
		e := o.parseEntry(r, &at, len(b.entries) == 0)
		if r.bad || b.full() {
			return errRecord
		}
		o.clock = at
		if before, _ := o.findMu(e.cid); before != nil && e.order != nil {
			return errRecord // the second of a cid is never written as known
		}
		if !o.noteLoadedMu(b, e) {
			return errRecord
		}
	}
	return r.end()
}

// noteLoadedMu adds an entry that was read; false where another has its id.
func (o *Orders) noteLoadedMu(b *block, e entry) bool {
	b.entries = append(b.entries, e)
	if e.cid != 0 {
		point(&o.index, e.cid, o.lastMu())
	}
	if _, taken := o.ids[e.id]; taken {
		return false
	}
	if e.id != 0 {
		point(&o.ids, e.id, o.lastMu())
	}
	return true
}

func (o *Orders) parseEntry(r *reader, at *int64, first bool) (e entry) {
	kind := r.byte()
	e.cid = r.number()
	since := r.time()
	if kind > isNamed || e.cid == 0 && kind == isKnown || first && since != 0 {
		r.fail()
	}
	*at += since
	e.signed = *at
	if kind == isUnknown || r.bad {
		return e
	}
	order := policy.Order{Type: policy.OrderType(min(r.number(), math.MaxUint16))}
	order.Symbol = r.text()
	order.Amount, order.Low, order.High = r.decimal(), r.decimal(), r.decimal()
	if kind == isNamed {
		e.id = r.number()
	}
	if !writable(&order) || kind == isNamed && e.id == 0 {
		r.fail()
		return e
	}
	order.Symbol = o.wordMu(order.Symbol)
	e.order = &order
	return e
}

// writable says whether an order can be written and read again. Any that a parser of
// requests lets through can.
func writable(order *policy.Order) bool {
	known := order.Type.String() != "unknown" // one bit, and one that has a word
	open := order.Low.IsZero() && order.High.IsZero()
	priced := order.Low.IsPositive() && order.Low.Cmp(order.High) <= 0 && order.High.Cmp(policy.NewDecimal(1e18)) < 0
	return known && (open || priced) && len(order.Symbol) > 0 && len(order.Symbol) <= math.MaxUint8
}

// The kinds of entries.
const (
	isUnknown byte = iota
	isKnown        // by its cid
	isNamed        // by the exchange's id, and by its cid if it has one
)

func (e *entry) kind() byte {
	switch {
	case e.order == nil, e.cid == 0 && e.id == 0: // its id was given twice
		return isUnknown
	case e.id == 0:
		return isKnown
	}
	return isNamed
}

// encode writes a block.
func encode(entries []entry) []byte {
	before := entries[0].signed
	text := binary.AppendUvarint([]byte{version}, uint64(before))
	for i := range entries {
		text = entries[i].append(text, before)
		before = entries[i].signed
	}
	return text
}

func (e *entry) append(dst []byte, before int64) []byte {
	kind := e.kind()
	dst = binary.AppendUvarint(append(dst, kind), e.cid)
	dst = binary.AppendUvarint(dst, uint64(e.signed-before))
	if kind == isUnknown {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(e.order.Type))
	dst = appendText(dst, e.order.Symbol)
	dst = appendDecimal(dst, e.order.Amount)
	dst = appendDecimal(dst, e.order.Low)
	dst = appendDecimal(dst, e.order.High)
	if kind == isNamed {
		dst = binary.AppendUvarint(dst, e.id)
	}
	return dst
}

func (s *span) encode() []byte {
	b := binary.AppendUvarint([]byte{version}, s.low)
	b = binary.AppendUvarint(b, s.high)
	return binary.AppendUvarint(b, uint64(s.last))
}

func parseSpan(value []byte) (span, error) {
	r := &reader{rest: value}
	r.version()
	s := span{low: r.number(), high: r.number(), last: r.time()}
	if s.low == 0 || s.low > s.high {
		r.fail()
	}
	return s, r.end()
}
