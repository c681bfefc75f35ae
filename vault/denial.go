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

// denials keeps a flood of denied requests from flooding the log: so many of a grant in
// full a second, and of the rest their number.
type denials struct {
	mu      sync.Mutex
	second  int64
	written int
	skipped int
	burst   burst
}

// fullDenials is how many denials a second are logged in full.
const fullDenials = 10

// next says whether to log this denial, how many were not since the last, and whether
// they are so many now that the owner should know.
func (d *denials) next(now int64) (write bool, skipped int, many bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	many = d.burst.next(time.Unix(now, 0))
	if now != d.second {
		d.second, d.written = now, 0
	}
	if d.written == fullDenials {
		d.skipped++
		return false, 0, many
	}
	d.written++
	skipped, d.skipped = d.skipped, 0
	return true, skipped, many
}

// deny tells the operator in full what was denied, and what would have been allowed.
func (v *Vault) deny(k *apiKey, g *grant, request *policy.Request, d policy.Decision) {
	write, skipped, many := g.denials.next(unixNow())
	if many {
		v.alert(AlertDenials, fmt.Sprintf("bot %s was denied %d requests within a minute, lately by rule %s", g.bot, burstSize, d.Rule))
	}
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
