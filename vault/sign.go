package vault

import (
	"errors"
	"sync"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/policy"
)

// Caller is the process at the other end of a sign.sock connection, as the kernel
// reports it (P4).
type Caller struct {
	UID, GID uint32
	// Process is asked only where a match names an executable. Nil, or an error of
	// it, means that it could not be read, and then no such match holds.
	Process Process
}

// Process is a running program.
type Process interface {
	// Exe is the path of its executable.
	Exe() (string, error)
}

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
}

// payloads are buffers for what is signed, which is no secret.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

// Sign signs an authenticated REST v2 request. Errors: KindLocked, KindNoGrant,
// KindAmbiguous, KindDenied, KindMalformed, KindNonceHeld, KindNonceExhausted,
// KindCannotWrite.
func (v *Vault) Sign(c Caller, r SignRequest) (Signature, error) {
	var signature Signature
	request, malformed := bitfinex.Parse(r.Path, r.Body)
	k, n, u, err := v.admit(c, r, &request, malformed)
	if err != nil {
		return signature, err
	}
	payload := payloads.Get().(*[]byte)
	defer payloads.Put(payload)
	*payload = bitfinex.AppendRest((*payload)[:0], r.Path, uint64(n), r.Body)
	return signature, u.sign(&signature, k, n, *payload)
}

// SignV1 signs an authenticated REST v1 request and returns the payload header
// with it. Errors as Sign.
func (v *Vault) SignV1(c Caller, r SignRequest) (Signature, string, error) {
	var signature Signature
	request, malformed := bitfinex.ParseV1(r.Path, r.Body)
	k, n, u, err := v.admit(c, r, &request, malformed)
	if err != nil {
		return signature, "", err
	}
	payload := payloads.Get().(*[]byte)
	defer payloads.Put(payload)
	*payload = bitfinex.AppendRestV1((*payload)[:0], r.Path, uint64(n), r.Body)
	if err := u.sign(&signature, k, n, *payload); err != nil {
		return signature, "", err
	}
	return signature, string(*payload), nil
}

// admit is everything between parsing and the MAC: who asks, whether the grant
// allows it, and the next request nonce. That may wait for the disk; so what was
// revoked meanwhile is looked at once more.
func (v *Vault) admit(c Caller, r SignRequest, request *policy.Request, malformed error) (*apiKey, nonce.RequestNonce, *unlocked, error) {
	const op = "sign"
	u, err := v.unlocked(op)
	if err != nil {
		return nil, 0, nil, v.veil(err)
	}
	s := u.snapshot.Load()
	k, err := s.allow(c, r, request, malformed)
	if err != nil {
		return nil, 0, nil, err
	}
	n, err := k.counter.Next(u.now(k))
	if err != nil {
		return nil, 0, nil, v.veil(nonceError(op, err))
	}
	if now := u.snapshot.Load(); now != s {
		again, err := now.allow(c, r, request, malformed)
		if err != nil {
			return nil, 0, nil, err
		}
		if again.counter != k.counter {
			return nil, 0, nil, noGrant()
		}
	}
	return k, n, u, nil
}

// allow finds the API key that a caller may use for a request, or says why not.
func (s *snapshot) allow(c Caller, r SignRequest, request *policy.Request, malformed error) (*apiKey, error) {
	const op = "sign"
	k, grant, err := s.find(c, r.Bot, r.Label)
	if err != nil {
		return nil, err
	}
	if malformed != nil {
		return nil, malformedError(op, malformed)
	}
	if d := policy.Decide(grant, request); !d.Allowed {
		denied := fail(op, KindDenied, "%s", d.Reason)
		denied.Rule, denied.Field = d.Rule, "path"
		return nil, denied
	}
	if k.held != "" {
		return nil, fail(op, KindNonceHeld, "%s", k.held).hint("the operator runs: vaultctl nonce accept %s", k.label)
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
		text = "request nonces cannot be written down"
	default:
		return err
	}
	if now, before := unixNow(), v.veiled.Load(); now > before && v.veiled.CompareAndSwap(before, now) {
		v.log.Error("a signature was refused", "error", err) // once a second, however often
	}
	return fail("sign", KindOf(err), "%s", text).hint("ask the operator: vaultctl status")
}

// now is the time that an API key's request nonces go by.
func (u *unlocked) now(k *apiKey) nonce.RequestNonce {
	now, ahead := k.clock.Now()
	if ahead && !u.clockAhead.Load() {
		u.clockAhead.Store(true)
	}
	return now
}

// sign computes the MAC. After a lock has begun it gives none (P5).
func (u *unlocked) sign(s *Signature, k *apiKey, n nonce.RequestNonce, payload []byte) error {
	if err := u.enter("sign"); err != nil {
		return err
	}
	defer u.slab.Leave()
	bitfinex.Sign(&s.Hex, u.slab.Slot(k.slot), payload)
	s.APIKey, s.RequestNonce, s.KeyVersion = k.id, uint64(n), k.version
	return nil
}

// find returns the API key and the grant that a caller may use. Unknown bot,
// unknown label and no grant end in the same error.
func (s *snapshot) find(c Caller, name, label string) (*apiKey, *policy.Grant, error) {
	b, err := s.botOf(c, name)
	if err != nil {
		return nil, nil, err
	}
	if b == nil || b.grants[label] == nil {
		return nil, nil, noGrant()
	}
	return s.keys[label], b.grants[label], nil
}

// botOf returns the bot that a caller is: the named one, or the only one that
// matches. Nil is nobody.
func (s *snapshot) botOf(c Caller, name string) (*bot, error) {
	caller := lazyCaller{Caller: c}
	if name != "" {
		b := s.bots[name]
		if b == nil || !caller.is(b) {
			return nil, nil
		}
		return b, nil
	}
	var found *bot
	for _, list := range [...][]*bot{s.byUID[c.UID], s.other} {
		for _, b := range list {
			if !caller.is(b) {
				continue
			}
			if found != nil {
				return nil, fail("sign", KindAmbiguous, "several bots match this caller").hint("name one in the request")
			}
			found = b
		}
	}
	return found, nil
}

// exe is the path of the executable, empty where it cannot be read.
func (c Caller) exe() string {
	if c.Process == nil {
		return ""
	}
	exe, err := c.Process.Exe()
	if err != nil {
		return ""
	}
	return exe
}

// lazyCaller reads the executable at the first match that names one.
type lazyCaller struct {
	Caller
	known bool
	exe   string
}

func (c *lazyCaller) is(b *bot) bool {
	if b.match.Exe != "" && !c.known {
		c.known = true
		c.exe = c.Caller.exe()
	}
	return b.match.Matches(policy.Caller{UID: c.UID, GID: c.GID, Exe: c.exe})
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

// nonceError gives an error of the request nonces its kind.
func nonceError(op string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known.during(op)
	case errors.Is(err, nonce.ErrExhausted):
		return fail(op, KindNonceExhausted, "%w", err).hint("make a new API key at Bitfinex")
	case errors.Is(err, nonce.ErrStopped):
		return lockedError(op)
	}
	return fail(op, KindInternal, "%w", err)
}
