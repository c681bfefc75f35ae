package vault

import (
	"errors"
	"sync"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/internal/standin"
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
	// StandIn, in place of label and bot, is how a stock client has signed its request.
	StandIn *StandInProof
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
	malformed := r.openPayload()
	if malformed == nil {
		malformed = bitfinex.ParseV1(&w.request, r.Path, r.Body)
	} else {
		w.request.Reset()
	}
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
	version   *version
	ticket    audit.Ticket
	signature Signature
	// Of a request that came with a stand-in credential. The answer to what it places is
	// awaited.
	standIn *standIn
	shown   standin.Request
	key     *apiKey
	placed  limits.Placed
}

// sign computes the MAC and hands in the record of it.
func (v *Vault) sign(c Caller, r SignRequest, w *work, a admitted) (p Pending, err error) {
	const op = "sign"
	p.vault, p.unlocked, p.version = v, a.unlocked, a.version
	defer a.version.leave()
	l, err := v.audit.open()
	if err != nil {
		return Pending{}, v.veil(auditError(op, err))
	}
	if p.ticket, err = v.mac(l, &p.signature, c, &r, w, a); err != nil {
		return Pending{}, v.veil(err)
	}
	if a.standIn != nil {
		p.standIn, p.shown = a.standIn, a.shown
		p.key, p.placed = a.key, a.key.orders.Placed(&w.request, a.now)
	}
	a.unlocked.idling.use(a.steady)
	a.grant.usage.signed(a.now.Wall.Unix())
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
	bitfinex.Sign(&s.Hex, a.unlocked.slab.Slot(a.version.states.slot), w.payload)
	s.APIKey, s.RequestNonce, s.KeyVersion = a.version.id, uint64(a.nonce), a.version.number
	t, err := v.record(l, c, r, &w.request, a)
	if err != nil {
		return t, auditError(op, err)
	}
	return t, nil
}

// Wait returns the signature once its record is where it has to be (P2), and none
// after a lock (P5), or once its version was revoked or its grace has ended. It is called
// once. Errors: KindCannotWrite, KindLocked, KindDenied.
func (p *Pending) Wait() (Signature, error) {
	seq, err := p.ticket.Wait()
	if err != nil {
		return Signature{}, p.vault.veil(auditError("sign", err))
	}
	if p.vault.current.Load() != p.unlocked || p.unlocked.stopping.Load() {
		return Signature{}, lockedError("sign")
	}
	if p.version.ended() {
		return Signature{}, deniedError("sign", policy.Ended())
	}
	p.signature.AuditSeq = seq
	if p.standIn != nil {
		p.standIn.signedFor(p.shown, seq)
		p.key.orders.Await(p.standIn.id, seq, p.placed, nowOf(p.key.clock))
	}
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
