package vault

import (
	"strings"
	"time"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// Rehearsal judges requests under bots and grants that no vault has: what a policy
// file would do, before it is applied. Nothing is signed and nothing written.
type Rehearsal struct {
	grants map[string]map[string]*grant // by bot and API key
	keys   map[string]*apiKey           // by label
}

// NewRehearsal makes the grants of bots decide. A bot or grant that a vault would
// refuse is KindInvalid, with the place in Field.
func NewRehearsal(bots map[string]policy.BotSpec) (*Rehearsal, error) {
	const op = "policy test"
	longAgo := policy.Now{Wall: time.Unix(0, 0), Steady: time.Unix(0, 0)} // before any request that is rehearsed
	r := &Rehearsal{grants: make(map[string]map[string]*grant), keys: make(map[string]*apiKey)}
	ledger, err := limits.NewLedger(func([]limits.Record) error { return nil })
	if err != nil {
		return nil, fail(op, KindInternal, "%w", err)
	}
	u := &unlocked{ledger: ledger, named: bitfinex.NamedEndpoints()}
	for _, name := range sortedKeys(bots) {
		bot := bots[name]
		if err := bot.Check(); err != nil {
			return nil, specError(op, err)
		}
		r.grants[name] = make(map[string]*grant)
		for _, spec := range bot.Grants {
			g, err := u.newGrantMu(name, spec, 0, longAgo, true)
			if err != nil {
				return nil, specError(op, err)
			}
			r.grants[name][spec.Key] = g
			if r.keys[spec.Key] != nil {
				continue
			}
			k := &apiKey{label: spec.Key, active: &version{}}
			if k.orders, err = u.ledger.Orders(spec.Key, nil); err != nil {
				return nil, fail(op, KindInternal, "%w", err)
			}
			r.keys[spec.Key] = k
		}
	}
	return r, nil
}

// NamedEndpoints are the endpoints that a grant may name, for checking a policy file
// without a vault.
func NamedEndpoints() []string { return bitfinex.NamedEndpoints() }

// Verdict is what would become of a request.
type Verdict struct {
	Allowed bool
	// Rule, Field and Reason are what the bot would be told.
	Rule, Field, Reason string
	// Explanation is what vaultd's log would say.
	Explanation string
}

// Judge says what would become of a request of a bot, at a time. Requests are judged
// one after the other: each spends what the next cannot.
func (r *Rehearsal) Judge(bot string, request SignRequest, at time.Time) Verdict {
	var parsed policy.Request
	parse := bitfinex.Parse
	if strings.HasPrefix(request.Path, "v1/") {
		parse = bitfinex.ParseV1
	}
	malformed := parse(&parsed, request.Path, request.Body)
	g := r.grants[bot][request.Label]
	switch {
	case g == nil:
		return verdict(noGrant(), "the policy has no grant for this bot and API key")
	case malformed != nil:
		return verdict(malformedError("sign", malformed), malformed.Error())
	}
	now := policy.Now{Wall: at, Steady: at}
	k := r.keys[request.Label]
	d, err := g.judge(k, &parsed, now)
	if err == nil && !d.Allowed {
		return verdict(deniedError("sign", d), policy.Explain(g.rules, &parsed, d))
	}
	if err == nil {
		err = g.meter.Take(&g.rules.Limits, &parsed, now)
	}
	if err == nil {
		err = k.orders.Remember(&parsed, now)
	}
	if err != nil {
		return verdict(chargeError("sign", err), err.Error())
	}
	return Verdict{Allowed: true, Explanation: "allowed"}
}

func verdict(e *Error, explanation string) Verdict {
	return Verdict{Rule: e.Rule, Field: e.Field, Reason: e.Err.Error(), Explanation: explanation}
}
