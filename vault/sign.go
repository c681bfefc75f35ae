package vault

import (
	"errors"
	"sync"
	"time"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/policy"
)

// SignRequest asks for the signature of one REST request.
type SignRequest struct {
	Label string
	// Path has no leading slash: "v2/auth/w/order/submit".
	Path string
	// Body is exactly what will be sent: REST v2's body, or REST v1's parameters
	// as a JSON object without "request" and "nonce".
	Body []byte
	// Bot is needed only where several bots match the caller.
	Bot string
}

// Signature is what a caller needs to send its request.
type Signature struct {
	APIKey       string
	RequestNonce uint64
	Hex          [bitfinex.SignatureSize]byte
	KeyVersion   uint32
	AuditSeq     uint64 // of its record in the audit log
}

// work is what a signature needs besides the key, none of it secret.
type work struct {
	request policy.Request
	payload []byte
}

var works = sync.Pool{New: func() any { return &work{payload: make([]byte, 0, 1<<10)} }}

// Sign signs an authenticated REST v2 request. Errors: KindLocked, KindNoGrant,
// KindAmbiguous, KindDenied, KindUnknownOrder, KindLimited, KindMalformed,
// KindNonceHeld, KindNonceExhausted, KindCannotWrite.
func (v *Vault) Sign(c Caller, r SignRequest) (Signature, error) {
	p, err := v.Begin(c, r)
	if err != nil {
		return Signature{}, err
	}
	return p.Wait()
}

// SignV1 signs an authenticated REST v1 request and returns the payload header
// with it. Errors as Sign.
func (v *Vault) SignV1(c Caller, r SignRequest) (Signature, string, error) {
	p, err := v.BeginV1(c, r)
	if err != nil {
		return Signature{}, "", err
	}
	s, err := p.Wait()
	if err != nil {
		return s, "", err
	}
	return s, p.Payload, nil
}

// Begin is Sign for who waits later: the records of several share a write. Errors as
// Sign.
func (v *Vault) Begin(c Caller, r SignRequest) (Pending, error) {
	w := works.Get().(*work)
	defer works.Put(w)
	malformed := bitfinex.Parse(&w.request, r.Path, r.Body)
	a, err := v.admit(c, r, &w.request, malformed)
	if err != nil {
		return Pending{}, v.refused(c, r, &w.request, a, err)
	}
	w.payload = bitfinex.AppendRest(w.payload[:0], r.Path, uint64(a.nonce), r.Body)
	return v.sign(c, r, w, a)
}

// BeginV1 is SignV1 for who waits later.
func (v *Vault) BeginV1(c Caller, r SignRequest) (Pending, error) {
	w := works.Get().(*work)
	defer works.Put(w)
	malformed := bitfinex.ParseV1(&w.request, r.Path, r.Body)
	a, err := v.admit(c, r, &w.request, malformed)
	if err != nil {
		return Pending{}, v.refused(c, r, &w.request, a, err)
	}
	w.payload = bitfinex.AppendRestV1(w.payload[:0], r.Path, uint64(a.nonce), r.Body)
	p, err := v.sign(c, r, w, a)
	if err == nil {
		p.Payload = string(w.payload)
	}
	return p, err
}

// admit is everything between parsing and the MAC: who asks, whether the grant
// allows it and has enough left, and the next request nonce. Charging and the nonce
// may wait for the disk; so what was revoked or ran out meanwhile is looked at once
// more.
func (v *Vault) admit(c Caller, r SignRequest, request *policy.Request, malformed error) (a admitted, err error) {
	const op = "sign"
	if a.unlocked, err = v.unlocked(op); err != nil {
		return a, v.veil(err)
	}
	if a.unlocked.stopping.Load() {
		return a, lockedError(op)
	}
	s := a.unlocked.snapshot.Load()
	if a.key, a.grant, err = s.find(c, r.Bot, r.Label); err != nil {
		return a, err
	}
	if malformed != nil {
		return a, refuseMalformed(op, a.key, a.grant, request, malformed)
	}
	began := a.key.clock.Read()
	a.at, a.steady = began.Wall.Unix(), a.unlocked.steady(a.key.clock, began)
	if why, over := a.unlocked.idling.over(a.steady); over { // the machine has slept, and its timers with it
		v.lock(a.unlocked, why, Operator{})
		return a, lockedError(op)
	}
	if a.nonce, err = v.charge(a.unlocked, a.key, a.grant, request, began); err != nil {
		return a, err
	}
	const waited = time.Second // long enough for the grant's hours to have ended
	ended := a.key.clock.Read()
	if now := a.unlocked.snapshot.Load(); now != s || ended.Steady.Sub(began.Steady) > waited || ended.Wall.Sub(began.Wall) > waited {
		k, err := now.still(c, r, request, a.key)
		if err != nil {
			return a, err
		}
		a.key = k
	}
	return a, nil
}

// admitted is what a request was admitted with, as far as it came.
type admitted struct {
	unlocked *unlocked
	key      *apiKey
	grant    *grant
	at       int64 // unix seconds
	nonce    nonce.RequestNonce
	steady   time.Time // the same by the clock of auto-lock
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
func (v *Vault) charge(u *unlocked, k *apiKey, g *grant, request *policy.Request, reading nonce.Reading) (nonce.RequestNonce, error) {
	const op = "sign"
	now := policy.Now{Wall: reading.Wall, Steady: reading.Steady}
	decision, err := g.judge(k.orders, request, now)
	if err != nil {
		return 0, v.veil(chargeError(op, err))
	}
	if !decision.Allowed {
		v.deny(k, g, request, decision)
		return 0, deniedError(op, decision)
	}
	if k.held != "" {
		return 0, fail(op, KindNonceHeld, "%s", k.held).hint("the operator runs: vaultctl nonce accept %s", k.label)
	}
	if err := g.meter.Take(&g.rules.Limits, request, now); err != nil {
		return 0, v.veil(chargeError(op, err))
	}
	// Before the request nonce and looked at after it: Bitfinex takes request nonces in
	// rising order only, so no order is placed behind the back of an update.
	if err := k.orders.Remember(request, now); err != nil {
		return 0, v.veil(chargeError(op, err))
	}
	n, err := k.counter.Next(v.nonceTime(u, reading))
	if err != nil {
		return 0, v.veil(chargeError(op, err))
	}
	if !k.orders.Confirm(request) {
		return 0, deniedError(op, policy.Overtaken())
	}
	return n, nil
}

// judge decides about a request, whose updates it finds the orders of. A request that
// the limits will refuse changes nothing that is remembered of those.
func (g *grant) judge(orders *limits.Orders, request *policy.Request, now policy.Now) (policy.Decision, error) {
	var limited error
	d, err := orders.Judge(request, now, func() policy.Decision {
		d := policy.Decide(g.rules, request, now)
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

// still finds the API key once more in a newer snapshot, and fails where the caller
// has lost the right to this request. Nothing is charged again.
func (s *snapshot) still(c Caller, r SignRequest, request *policy.Request, before *apiKey) (*apiKey, error) {
	const op = "sign"
	k, g, err := s.find(c, r.Bot, r.Label)
	if err != nil {
		return nil, err
	}
	d := policy.Decide(g.rules, request, nowOf(k.clock))
	switch {
	case !d.Allowed:
		return nil, deniedError(op, d)
	case k.counter != before.counter:
		return nil, noGrant()
	}
	return k, nil
}

// veil keeps from bots what is wrong with the file: its labels, its path, the
// state of the disk. The log has it.
func (v *Vault) veil(err error) error {
	var text string
	switch KindOf(err) {
	case KindTampered, KindVersion:
		text = "the vault file cannot be used"
	case KindCannotWrite:
		text = "what has to be on disk before a signature cannot be written"
	default:
		return err
	}
	if now, before := unixNow(), v.veiled.Load(); now > before && v.veiled.CompareAndSwap(before, now) {
		v.log.Error("a signature was refused", "error", err) // once a second, however often
	}
	return fail("sign", KindOf(err), "%s", text).hint("ask the operator: vaultctl status")
}

// nonceTime is the time that request nonces go by. A wall clock that ran ahead is
// noted for the operator, and not followed.
func (v *Vault) nonceTime(u *unlocked, r nonce.Reading) nonce.RequestNonce {
	if r.Ahead && !u.clockAhead.Load() && !u.clockAhead.Swap(true) {
		go v.alert(AlertClock, "request nonces go by the time since boot until the next unlock") // logging may wait
	}
	return r.RequestNonce()
}

// Pending is a signature whose record is on its way. It is nobody's before Wait.
type Pending struct {
	// Payload is REST v1's payload header; empty for REST v2.
	Payload string

	vault     *Vault
	unlocked  *unlocked
	ticket    audit.Ticket
	signature Signature
}

// sign computes the MAC and hands in the record of it.
func (v *Vault) sign(c Caller, r SignRequest, w *work, a admitted) (p Pending, err error) {
	const op = "sign"
	p.vault, p.unlocked = v, a.unlocked
	l, err := v.audit.open()
	if err != nil {
		return Pending{}, v.veil(auditError(op, err))
	}
	if p.ticket, err = v.mac(l, &p.signature, c, &r, w, a); err != nil {
		return Pending{}, v.veil(err)
	}
	a.unlocked.idling.use(a.steady)
	a.grant.usage.signed(a.at)
	v.used(a.grant, &w.request)
	return p, nil
}

// mac computes the MAC and hands in its record before a lock can hand in its own: none of
// a signature stands behind that (P5).
func (v *Vault) mac(l *audit.Log, s *Signature, c Caller, r *SignRequest, w *work, a admitted) (audit.Ticket, error) {
	const op = "sign"
	if err := a.unlocked.enter(op); err != nil {
		return audit.Ticket{}, err
	}
	defer a.unlocked.slab.Leave()
	bitfinex.Sign(&s.Hex, a.unlocked.slab.Slot(a.key.slot), w.payload)
	s.APIKey, s.RequestNonce, s.KeyVersion = a.key.id, uint64(a.nonce), a.key.version
	t, err := v.record(l, c, r, &w.request, a)
	if err != nil {
		return t, auditError(op, err)
	}
	return t, nil
}

// Wait returns the signature once its record is where it has to be (P2), and none
// after a lock (P5). It is called once. Errors: KindCannotWrite, KindLocked.
func (p *Pending) Wait() (Signature, error) {
	seq, err := p.ticket.Wait()
	if err != nil {
		return Signature{}, p.vault.veil(auditError("sign", err))
	}
	if p.vault.current.Load() != p.unlocked || p.unlocked.stopping.Load() {
		return Signature{}, lockedError("sign")
	}
	p.signature.AuditSeq = seq
	return p.signature, nil
}

func noGrant() *Error {
	return fail("sign", KindNoGrant, "there is no grant for this caller and label").
		hint("the operator runs: vaultctl bot add, vaultctl grant")
}

func malformedError(op string, err error) *Error {
	e := fail(op, KindMalformed, "%w", err)
	var syntax *bitfinex.SyntaxError
	if errors.As(err, &syntax) {
		e.Field = syntax.Field
	}
	return e
}
