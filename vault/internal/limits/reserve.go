package limits

import (
	"time"

	"bfxvault/vault/policy"
)

// lackingMu says whether the request needs more than is reserved.
func (m *Meter) lackingMu() bool {
	for _, a := range m.accounts {
		if !a.pending.IsZero() && a.spent.AddAbs(a.pending).CmpAbs(a.reserved) > 0 {
			return true
		}
	}
	return false
}

// claimMu says what the request needs, and returns the flight after which to look
// again: the one under way where it brings enough for all who wait, or the next.
func (m *Meter) claimMu(l *policy.Limits) (*flight, error) {
	enough := m.flying != nil
	for _, a := range m.accounts {
		if !a.pending.IsZero() {
			a.claims = a.claims.AddAbs(a.pending)
			enough = enough && a.spent.AddAbs(a.claims).CmpAbs(a.flying) <= 0
		}
	}
	if enough {
		return m.flying, nil
	}
	return m.joinMu(l)
}

func (m *Meter) unclaimMu() {
	for _, a := range m.accounts {
		a.claims = a.claims.SubAbs(a.pending)
	}
}

// forgo takes a claim back whose commit has failed.
func (m *Meter) forgo(l *policy.Limits, r *policy.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.priceMu(l, r, count(r)) // it was judged before
	m.unclaimMu()
	m.clearMu()
}

func (m *Meter) joinMu(l *policy.Limits) (*flight, error) {
	m.limits = l
	if m.queued != nil {
		return m.queued, nil
	}
	f, err := m.ledger.group.Join(m)
	m.queued = f
	return f, err
}

// depart implements page.
func (m *Meter) depart(records []Record) []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying, m.queued = m.queued, nil
	for _, a := range m.accounts {
		a.flying = a.target(m.limits)
	}
	return append(records, Record{Bucket: InMeters, Key: m.key, Value: m.encodeMu()})
}

// land implements page. What was reserved for a day that is over is 0 by now, and of
// no use.
func (m *Meter) land(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.accounts {
		if err == nil {
			a.reserved = larger(a.reserved, a.flying)
		}
		a.flying = policy.Decimal{}
	}
	m.flying, m.torn = nil, err != nil
	if err != nil {
		m.retry = m.latest + int64(retryAfter/time.Nanosecond)
	}
}
