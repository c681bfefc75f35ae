package limits

import (
	"strconv"
	"time"

	"bfxvault/vault/policy"
)

// Left is what a grant has left. Nil stands for no limit.
type Left struct {
	Rate, CancelRate *uint32 // tokens
	Requests         *uint64 // today
	Notional         map[string]policy.Decimal
	DayEnds          time.Time // when the daily limits begin anew; it may be later than today's end where the clock was ahead
}

// Left says what is left of the limits.
func (m *Meter) Left(l *policy.Limits, now policy.Now) Left {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = max(m.latest, now.Steady.UnixNano())
	steady := m.latest
	m.rollMu(now)
	left := Left{DayEnds: time.Unix((m.day+1)*secondsADay, 0).UTC()}
	tokens := func(b *bucket, rate *policy.Rate) *uint32 {
		if rate == nil {
			return nil
		}
		b.adapt(rate, m.start, steady, !m.fresh)
		n := rate.Burst - uint32(min(b.out(steady), uint64(rate.Burst)))
		return &n
	}
	left.Rate, left.CancelRate = tokens(&m.rate, l.Rate), tokens(&m.cancels, l.CancelRate)
	if l.DailyRequests != nil {
		n, _ := strconv.ParseUint(m.leftMu(l, requests).String(), 10, 64) // whole and not above a uint64
		left.Requests = &n
	}
	if l.DailyNotional != nil {
		left.Notional = make(map[string]policy.Decimal, len(l.DailyNotional))
		for currency := range l.DailyNotional {
			left.Notional[currency] = m.leftMu(l, currency)
		}
	}
	return left
}

func (m *Meter) leftMu(l *policy.Limits, name string) policy.Decimal {
	if m.closed {
		return policy.Decimal{}
	}
	limit, _ := limitOf(l, name)
	for _, a := range m.accounts {
		if a.name == name {
			return limit.SubAbs(a.spent)
		}
	}
	return limit
}
