package limits

import (
	"slices"
	"strings"

	"bfxvault/vault/policy"
)

// requests is the name of the account that counts them. No currency has it.
const requests = ""

// account is what was spent today of one currency, or of requests. Always
// spent ≤ reserved, and never is more reserved on disk than the limit was.
type account struct {
	name     string
	spent    policy.Decimal
	reserved policy.Decimal // persisted: may have been spent, after a restart
	flying   policy.Decimal // what reserved will be when the commit under way has succeeded

	pending policy.Decimal // what the request that is looked at would cost
	claims  policy.Decimal // what all who wait for a commit need

	limit, slice policy.Decimal // as of the last look: to divide takes its time
}

// limitOf is the limit that an account has; false for none.
func limitOf(l *policy.Limits, name string) (policy.Decimal, bool) {
	if name == requests {
		if l.DailyRequests == nil {
			return policy.Decimal{}, false
		}
		return policy.NewDecimal(*l.DailyRequests), true
	}
	limit, ok := l.DailyNotional[name]
	return limit, ok
}

// parts is how many slices a limit has. Of a count below that, every single one
// is reserved when it is needed.
const parts = 64

func (a *account) sliceOf(l *policy.Limits, limit policy.Decimal) policy.Decimal {
	switch {
	case a.limit == limit:
	case a.name == requests:
		a.limit, a.slice = limit, policy.NewDecimal(*l.DailyRequests/parts)
	default:
		a.limit, a.slice = limit, limit.DivideUp(parts)
	}
	return a.slice
}

// low says whether less than half a slice is left, and there is more to reserve.
func (a *account) low(l *policy.Limits) bool {
	limit, ok := limitOf(l, a.name)
	if !ok || a.reserved.CmpAbs(limit) >= 0 {
		return false
	}
	left := a.reserved.SubAbs(a.spent)
	return left.AddAbs(left).CmpAbs(a.sliceOf(l, limit)) < 0
}

// target is what to reserve.
func (a *account) target(l *policy.Limits) policy.Decimal {
	limit, ok := limitOf(l, a.name)
	if !ok {
		return a.reserved
	}
	more := larger(a.sliceOf(l, limit), a.claims)
	return larger(a.reserved, smaller(limit, a.spent.AddAbs(more)))
}

func larger(a, b policy.Decimal) policy.Decimal {
	if a.CmpAbs(b) < 0 {
		return b
	}
	return a
}

func smaller(a, b policy.Decimal) policy.Decimal {
	if a.CmpAbs(b) < 0 {
		return a
	}
	return b
}

// accountMu finds an account without an allocation, and opens it where there is
// none.
func (m *Meter) accountMu(name []byte) *account {
	for _, a := range m.accounts {
		if a.name == string(name) {
			return a
		}
	}
	a := &account{name: string(name)}
	m.accounts = append(m.accounts, a)
	slices.SortFunc(m.accounts, func(a, b *account) int { return strings.Compare(a.name, b.name) })
	return a
}

// rollMu begins a new day once both clocks say so. A day never comes back.
func (m *Meter) rollMu(now policy.Now) {
	day := dayOf(earlier(now).Unix())
	if day <= m.day {
		return
	}
	m.day, m.closed = day, false
	for _, a := range m.accounts {
		a.spent, a.reserved, a.flying = policy.Decimal{}, policy.Decimal{}, policy.Decimal{}
	}
}
