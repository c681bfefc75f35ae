package vault

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/policy"
)

// flood keeps what comes in a flood from flooding a log: so many a second are written in
// full, and of the rest their number.
type flood struct {
	mu      sync.Mutex
	second  int64
	written int
	skipped int
}

// fullPerSecond is how many of a flood are written in full in a second.
const fullPerSecond = 10

// next says whether to write this one, and how many were not since the last.
func (f *flood) next(now int64) (write bool, skipped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now != f.second {
		f.second, f.written = now, 0
	}
	if f.written == fullPerSecond {
		f.skipped++
		return false, 0
	}
	f.written++
	skipped, f.skipped = f.skipped, 0
	return true, skipped
}

// denials are those of a grant.
type denials struct {
	flood flood
	burst burst
}

// burst says when denials are so many that the owner should know.
type burst struct {
	mu      sync.Mutex
	began   time.Time
	count   int
	alerted time.Time
}

const (
	burstSize  = 20 // denials
	burstTime  = time.Minute
	burstQuiet = 10 * time.Minute // before another alert of the same grant
)

// next counts one denial and says whether they are a burst, of which nobody was told.
func (b *burst) next(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.began) > burstTime {
		b.began, b.count = now, 0
	}
	b.count++
	if b.count < burstSize || !b.alerted.IsZero() && now.Sub(b.alerted) < burstQuiet {
		return false
	}
	b.alerted = now
	return true
}

// deny tells the operator in full what was denied, and what would have been allowed.
func (v *Vault) deny(k *apiKey, g *grant, request *policy.Request, d policy.Decision) {
	now := unixNow()
	if g.denials.burst.next(time.Unix(now, 0)) {
		v.alert(AlertDenials, fmt.Sprintf("bot %s was denied %d requests within a minute, lately by rule %s", g.bot, burstSize, d.Rule))
	}
	write, skipped := g.denials.flood.next(now)
	if !write {
		return
	}
	v.log.Warn("denied", "bot", g.bot, "key", k.label, "endpoint", request.Endpoint, "rule", d.Rule,
		"because", policy.Explain(g.rules, request, d), "unlogged", skipped)
}

// deniedError is what a bot learns of a denial: rule, field and a fixed sentence.
func deniedError(op string, d policy.Decision) *Error {
	kind := KindDenied
	if d.Rule == policy.UnknownOrder {
		kind = KindUnknownOrder
	}
	e := fail(op, kind, "%s: %s", d.Rule, d.Reason)
	e.Rule, e.Field = d.Rule, d.Field
	return e
}

// chargeError gives an error of the limits, of the memory of orders or of the request
// nonces its kind.
func chargeError(op string, err error) *Error {
	var known *Error
	var limit *limits.LimitError
	switch {
	case errors.As(err, &known):
		return known.during(op)
	case errors.As(err, &limit):
		e := fail(op, KindLimited, "%w", err)
		e.Rule, e.RetryAfter = limit.Rule, limit.RetryAfter
		return e
	case errors.Is(err, nonce.ErrExhausted):
		return fail(op, KindNonceExhausted, "%w", err).hint("make a new API key at Bitfinex")
	case errors.Is(err, limits.ErrLate), errors.Is(err, nonce.ErrLate):
		return fail(op, KindCannotWrite, "%w", err)
	case errors.Is(err, limits.ErrStopped), errors.Is(err, nonce.ErrStopped):
		return lockedError(op)
	}
	return fail(op, KindInternal, "%w", err)
}
