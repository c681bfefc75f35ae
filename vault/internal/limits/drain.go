package limits

import (
	"maps"
	"slices"
	"time"
)

// Drain ends all meters and memories of the ledger as Stop does, and then has one
// last commit carry all that they know: every order, and of every limit what was
// spent instead of what was reserved, so that a vault that is locked in good order
// loses nothing. It says whether that commit succeeded.
//
// It takes no longer than timeout, also where the disk hangs: then what is on disk
// stands for more than was spent, and lacks orders, as after a crash. Once it has
// returned no commit begins; one that has begun may still end, and must not reach
// the disk after another ledger has read it. Called by several at once, all wait for
// the same commit. It is false after Stop. Locks that commit takes must not be held.
func (l *Ledger) Drain(timeout time.Duration) bool {
	return l.group.Drain(&settlement{ledger: l}, timeout) == nil
}

// settlement is the page of the last commit. By the time it departs, the group is
// stopped: whoever gets the lock of a meter or a memory after it changes nothing.
type settlement struct {
	ledger *Ledger
	meters []*Meter
	orders []*Orders
}

// depart implements page.
func (s *settlement) depart(records []Record) []Record {
	s.meters, s.orders = s.ledger.known()
	for _, m := range s.meters {
		records = m.settle(records)
	}
	for _, o := range s.orders {
		records = o.settle(records)
	}
	return records
}

// land implements page.
func (s *settlement) land(err error) {
	for _, m := range s.meters {
		m.land(err)
	}
	for _, o := range s.orders {
		o.land(err)
	}
}

func (l *Ledger) known() ([]*Meter, []*Orders) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.meters)), slices.Collect(maps.Values(l.orders))
}

// settle is depart for the last time: what reaches ahead is taken back.
func (o *Orders) settle(records []Record) []Record {
	o.mu.Lock()
	o.stray.byID.settle(&o.stray.saving)
	o.stray.byCID.settle(&o.stray.saving)
	o.mu.Unlock()
	return o.depart(records)
}

// settle is depart for the last time: what is reserved beyond what was spent is
// given back.
func (m *Meter) settle(records []Record) []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying, m.queued = nil, nil
	exact := !m.torn
	for _, a := range m.accounts {
		a.flying = a.spent
		exact = exact && a.spent == a.reserved
	}
	if exact {
		return records
	}
	return append(records, Record{Bucket: InMeters, Key: m.key, Value: m.encodeMu()})
}
