package limits

import (
	"fmt"
	"sync"
	"time"

	"bfxvault/vault/policy"
)

// Meter counts what one grant spends. Made by [Ledger.Meter]; safe for concurrent
// use.
type Meter struct {
	ledger *Ledger
	key    string
	start  int64 // when it was made, by the steady clock
	fresh  bool

	mu       sync.Mutex
	rate     bucket
	cancels  bucket
	day      int64 // since 1970
	closed   bool  // nothing of the day is left (SpendDay)
	accounts []*account

	limits *policy.Limits // of the last reservation
	latest int64          // steady
	retry  int64          // steady: no reservation in the background before
	torn   bool           // the last commit failed: the disk may say more than reserved
	queued *flight
	flying *flight
}

// LimitError says that a request would exceed a limit. Nothing was charged.
type LimitError struct {
	// Rule names the limit in the words of the policy file: rate, cancel_rate,
	// daily_requests or daily_notional.
	Rule string
	// RetryAfter is when a rate has enough tokens again; 0 for a daily limit.
	RetryAfter time.Duration
	// Never is set where the request alone is more than the limit.
	Never bool
}

// Error implements error.
func (e *LimitError) Error() string {
	switch {
	case e.Never:
		return fmt.Sprintf("the request alone is more than the grant's %s", e.Rule)
	case e.RetryAfter > 0:
		return fmt.Sprintf("the grant's %s is used up for %v", e.Rule, e.RetryAfter)
	}
	return fmt.Sprintf("the grant's %s is used up for today", e.Rule)
}

// Meter returns the meter of a grant, which the vault calls key. stored is what was
// persisted for it, nil if nothing was; everything reserved counts as spent. fresh:
// the grant was made just now, and its token buckets are full. At an unlock they
// start empty, so that nothing is regained. An error: stored does not parse.
func (l *Ledger) Meter(key string, stored []byte, now policy.Now, fresh bool) (*Meter, error) {
	m := &Meter{ledger: l, key: key, start: now.Steady.UnixNano(), fresh: fresh}
	if stored != nil {
		if err := m.parse(stored); err != nil {
			return nil, fmt.Errorf("limits of a grant: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meters[key] = m
	return m, nil
}

// Known is the meter that was made for a grant, nil where there was none.
func (l *Ledger) Known(key string) *Meter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meters[key]
}

// Take charges a request: one token and one of the daily requests for each
// operation, for a cancel a token of cancel_rate only, and what orders and offers
// are worth. All of it or, with an error, nothing. It usually waits for nothing;
// where too little is reserved it waits for one commit, which it shares.
//
// Errors: a *[LimitError], [ErrStopped], [ErrLate], or the error of the commit.
func (m *Meter) Take(l *policy.Limits, r *policy.Request, now policy.Now) error {
	c := count(r)
	f, err := m.try(l, r, c, now, false)
	for f != nil {
		if err = f.Wait(); err != nil {
			m.forgo(l, r)
			return err
		}
		f, err = m.try(l, r, c, now, true)
	}
	return err
}

// cost is what a request takes of what is counted in ones.
type cost struct{ operations, cancels uint32 }

func count(r *policy.Request) (c cost) {
	for i := range r.Ops {
		if r.Ops[i].Class == policy.Cancel {
			c.cancels++
		} else {
			c.operations++
		}
	}
	switch {
	case len(r.Ops) > 0:
	case r.Class == policy.Cancel:
		c.cancels = 1
	default:
		c.operations = 1
	}
	return c
}

// try charges a request, or returns the flight to wait for. claimed: the caller has
// waited for one.
func (m *Meter) try(l *policy.Limits, r *policy.Request, c cost, now policy.Now, claimed bool) (*flight, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ledger.group.Stopped() { // under the lock: nothing is spent after a settlement
		return nil, ErrStopped
	}
	defer m.clearMu()
	if err := m.refuseMu(l, r, c, now, claimed); err != nil {
		return nil, err
	}
	if m.lackingMu() {
		return m.claimMu(l)
	}
	m.spendMu(l, c)
	return nil, nil
}

// Check says what Take would refuse the request for, and leaves everything as it is:
// nothing is charged or reserved, and nothing waited for. A Take that follows may be
// refused all the same, where another came between.
//
// Errors: a *[LimitError] or [ErrStopped].
func (m *Meter) Check(l *policy.Limits, r *policy.Request, now policy.Now) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ledger.group.Stopped() {
		return ErrStopped
	}
	defer m.clearMu()
	return m.refuseMu(l, r, count(r), now, false)
}

// refuseMu prices a request, and is the error of one that exceeds a limit.
func (m *Meter) refuseMu(l *policy.Limits, r *policy.Request, c cost, now policy.Now, claimed bool) error {
	m.latest = max(m.latest, now.Steady.UnixNano()) // the caller may have been held up since it asked
	m.rollMu(now)
	judged := m.priceMu(l, r, c)
	if claimed {
		m.unclaimMu()
	}
	if !judged { // unreachable after policy.Decide, which refuses it
		return &LimitError{Rule: "daily_notional", Never: true}
	}
	if err := m.refuseRateMu(l, c); err != nil {
		return err
	}
	return m.refuseDayMu(l)
}

// priceMu notes in the accounts what the request would cost; false if that cannot
// be told.
func (m *Meter) priceMu(l *policy.Limits, r *policy.Request, c cost) bool {
	if l.DailyRequests != nil && c.operations > 0 {
		m.accountMu(nil).pending = policy.NewDecimal(uint64(c.operations))
	}
	if l.DailyNotional == nil {
		return true
	}
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Class == policy.Cancel || op.Class == policy.Withdraw {
			continue
		}
		currency, value, ok := op.Notional()
		if !ok || len(currency) == 0 {
			return false
		}
		if _, listed := l.DailyNotional[string(currency)]; !listed {
			return false
		}
		a := m.accountMu(currency)
		a.pending = a.pending.AddAbs(value)
	}
	return true
}

func (m *Meter) clearMu() {
	for _, a := range m.accounts {
		a.pending = policy.Decimal{}
	}
}

func (m *Meter) refuseRateMu(l *policy.Limits, c cost) error {
	steady := m.latest
	if l.Rate != nil {
		m.rate.adapt(l.Rate, m.start, steady, !m.fresh)
		if wait, never := m.rate.wait(c.operations, steady); wait > 0 || never {
			return &LimitError{Rule: "rate", RetryAfter: wait, Never: never}
		}
	}
	if l.CancelRate != nil {
		m.cancels.adapt(l.CancelRate, m.start, steady, !m.fresh)
		if wait, never := m.cancels.wait(c.cancels, steady); wait > 0 || never {
			return &LimitError{Rule: "cancel_rate", RetryAfter: wait, Never: never}
		}
	}
	return nil
}

func (m *Meter) refuseDayMu(l *policy.Limits) error {
	for _, a := range m.accounts {
		if a.pending.IsZero() {
			continue
		}
		limit, _ := limitOf(l, a.name) // it has one: priceMu asked
		if !m.closed && a.spent.AddAbs(a.pending).CmpAbs(limit) <= 0 {
			continue
		}
		rule := "daily_notional"
		if a.name == requests {
			rule = "daily_requests"
		}
		return &LimitError{Rule: rule, Never: a.pending.CmpAbs(limit) > 0}
	}
	return nil
}

// spendMu charges, and has more reserved in the background where little is left.
func (m *Meter) spendMu(l *policy.Limits, c cost) {
	steady := m.latest
	if l.Rate != nil && c.operations > 0 {
		m.rate.take(c.operations, steady)
	}
	if l.CancelRate != nil && c.cancels > 0 {
		m.cancels.take(c.cancels, steady)
	}
	low := false
	for _, a := range m.accounts {
		if !a.pending.IsZero() {
			a.spent = a.spent.AddAbs(a.pending)
			low = low || a.low(l)
		}
	}
	if low && m.queued == nil && m.flying == nil && steady >= m.retry {
		_, _ = m.joinMu(l) // stopped: whoever needs it is told
	}
}
