package vault

import (
	"time"

	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/internal/standin"
	"bfxvault/vault/policy"
)

// admitted is what a request was admitted with, as far as it came.
type admitted struct {
	unlocked *unlocked
	key      *apiKey
	version  *version // nil where none is active; entered once the request is admitted
	grant    *grant
	now      policy.Now // when it was judged
	nonce    nonce.RequestNonce
	steady   time.Time // the same by the clock of auto-lock
	// Of a request that came with a stand-in credential: that, and what it remembers.
	standIn *standIn
	shown   standin.Request
}

// admit is everything between parsing and the MAC: who asks, whether the grant
// allows it and has enough left, and the next request nonce. Charging and the nonce
// may wait for the disk; so what was revoked or ran out meanwhile is looked at once
// more. It ends inside the gate of the version that signs.
func (v *Vault) admit(c Caller, r SignRequest, request *policy.Request, malformed error) (a admitted, err error) {
	const op = "sign"
	if a.unlocked, err = v.unlocked(op); err != nil {
		return a, v.veil(err)
	}
	if a.unlocked.stopping.Load() {
		return a, lockedError(op)
	}
	s := a.unlocked.snapshot.Load()
	if r.StandIn != nil {
		if err = v.present(&a, s, c, &r, request.Write, malformed == nil); err != nil {
			return a, err
		}
	}
	if a.key, a.grant, err = s.find(c, &r); err != nil {
		return a, err
	}
	a.version = a.key.active
	if malformed != nil {
		return a, refuseMalformed(op, a.key, a.grant, request, malformed)
	}
	began := a.key.clock.Read()
	a.now, a.steady = policy.Now{Wall: began.Wall, Steady: began.Steady}, a.unlocked.steady(a.key.clock, began)
	if why, over := a.unlocked.idling.over(a.steady); over { // the machine has slept, and its timers with it
		v.lock(a.unlocked, why, Operator{})
		return a, lockedError(op)
	}
	if err = v.charge(&a, request, began); err != nil {
		return a, err
	}
	return a, v.hold(c, r, request, &a, s, began)
}

// refuseMalformed says what is wrong with a request that was not understood, unless
// its endpoint alone is more than the grant allows: then that is said.
func refuseMalformed(op string, k *apiKey, g *grant, request *policy.Request, malformed error) error {
	if request.Endpoint != "" {
		known := policy.Request{Endpoint: request.Endpoint, Class: request.Class, ByName: request.ByName, Write: request.Write, Symbol: request.Symbol}
		if d := policy.Decide(g.rules, &known, nowOf(k.clock)); !d.Allowed {
			return deniedError(op, d)
		}
	}
	return malformedError(op, malformed)
}

// charge judges a request, takes it off what the grant may spend, and draws its
// request nonce. What is taken is not given back when a later step fails.
func (v *Vault) charge(a *admitted, request *policy.Request, reading nonce.Reading) error {
	const op = "sign"
	k, g, now := a.key, a.grant, a.now
	decision, err := g.judge(k, request, now)
	if err != nil {
		return v.veil(chargeError(op, err))
	}
	if !decision.Allowed {
		v.deny(k, g, request, decision)
		return deniedError(op, decision)
	}
	if a.version.held != "" {
		return heldError(op, k, a.version)
	}
	if err := g.meter.Take(&g.rules.Limits, request, now); err != nil {
		return v.veil(chargeError(op, err))
	}
	// Before the request nonce and looked at after it: Bitfinex takes request nonces in
	// rising order only, so no order is placed behind the back of an update.
	if err := k.orders.Remember(request, now); err != nil {
		return v.veil(chargeError(op, err))
	}
	return v.draw(a, request, reading)
}

// draw gives a request the next request nonce of its version.
func (v *Vault) draw(a *admitted, request *policy.Request, reading nonce.Reading) (err error) {
	const op = "sign"
	if a.nonce, err = a.version.counter.Next(v.nonceTime(a.unlocked, reading)); err != nil {
		return v.veil(chargeError(op, err))
	}
	if !a.key.orders.Confirm(request) {
		return deniedError(op, policy.Overtaken())
	}
	return nil
}

func heldError(op string, k *apiKey, ver *version) *Error {
	return fail(op, KindNonceHeld, "%s", ver.held).hint("the operator runs: vaultctl nonce accept %s", k.label)
}

// judge decides about a request, whose updates it finds the orders of. A request that
// the limits will refuse, or that no version is there to sign, changes nothing that is
// remembered of those.
func (g *grant) judge(k *apiKey, request *policy.Request, now policy.Now) (policy.Decision, error) {
	var limited error
	d, err := k.orders.Judge(request, now, func() policy.Decision {
		d := policy.Decide(g.rules, request, now)
		if d.Allowed && k.active == nil {
			return k.inactive()
		}
		if d.Allowed && changesKnown(request) {
			limited = g.meter.Check(&g.rules.Limits, request, now)
			d.Allowed = limited == nil
		}
		return d
	})
	if limited != nil {
		return policy.Decision{}, limited
	}
	return d, err
}

// changesKnown says whether a request updates an order that is remembered.
func changesKnown(request *policy.Request) bool {
	for i := range request.Ops { // by index: an operation is large
		if request.Ops[i].Was != nil {
			return true
		}
	}
	return false
}

// hold enters the version that a request was admitted with, and looks once more at what
// may have changed since the snapshot s. Where another version is active meanwhile, the
// one before still signs what is under way, until its grace ends: after that the request
// gets a request nonce of the active one. Nothing is charged again.
func (v *Vault) hold(c Caller, r SignRequest, request *policy.Request, a *admitted, s *snapshot, began nonce.Reading) error {
	const waited = time.Second // long enough for the grant's hours to have ended
	for {
		entered := a.version.enter()
		now, reading := a.unlocked.snapshot.Load(), a.key.clock.Read()
		if entered && now == s && reading.Steady.Sub(began.Steady) <= waited && reading.Wall.Sub(began.Wall) <= waited {
			return nil
		}
		err := now.still(c, r, request, a)
		if err == nil && entered && a.key.signs(a.version, reading.Wall) {
			return nil
		}
		if entered {
			a.version.leave()
		}
		if err != nil {
			return err
		}
		if err := v.pass(a, request, reading); err != nil {
			return err
		}
		s, began = now, reading
	}
}

// pass gives a request to the version that is active now.
func (v *Vault) pass(a *admitted, request *policy.Request, reading nonce.Reading) error {
	const op = "sign"
	before := a.version
	switch a.version = a.key.active; {
	case a.version == nil:
		a.version = before // which the record of the denial names
		return deniedError(op, a.key.inactive())
	case a.version == before:
		return lockedError(op) // unreachable: an active version ends with the vault only
	case a.version.held != "":
		return heldError(op, a.key, a.version)
	}
	return v.draw(a, request, reading)
}

// still finds the API key once more in a newer snapshot, and fails where the caller
// has lost the right to this request.
func (s *snapshot) still(c Caller, r SignRequest, request *policy.Request, a *admitted) error {
	const op = "sign"
	k, g, err := s.find(c, &r)
	if err != nil {
		return err
	}
	d := policy.Decide(g.rules, request, nowOf(k.clock))
	switch {
	case !d.Allowed:
		return deniedError(op, d)
	case k.orders != a.key.orders: // another API key, under the label of one that is gone
		return noGrant()
	}
	a.key = k
	return nil
}
