package vault

import (
	"crypto/sha256"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

// fixed is a request that the vault signs for the operator. There is no way to ask for
// another: its values are these, and no argument reaches them.
type fixed int

const (
	// probe reads what an API key may do. It changes nothing, and once Bitfinex has taken
	// it, no older signature of that API key is good.
	probe fixed = iota
	// cancelAll cancels every order of the account.
	cancelAll
)

// request is its path and body (docs.bitfinex.com/reference: key-permissions,
// rest-auth-order-cancel-multi).
func (f fixed) request() (path, body string) {
	if f == cancelAll {
		return "v2/auth/w/order/cancel/multi", `{"all":1}`
	}
	return "v2/auth/r/permissions", "{}"
}

// signFixed signs one of the fixed requests with a version of an API key, which the caller
// has entered or alone has, under op's name in its audit record, which is written before
// the signature is returned (P2). Errors: KindLocked, KindNonceHeld, KindNonceExhausted,
// KindCannotWrite.
func (v *Vault) signFixed(op string, by Operator, u *unlocked, k *apiKey, ver *version, f fixed) (SignedRequest, error) {
	path, body := f.request()
	var request policy.Request
	if err := bitfinex.Parse(&request, path, []byte(body)); err != nil {
		return SignedRequest{}, fail(op, KindInternal, "%w", err) // unreachable: a test parses both
	}
	if ver.held != "" {
		return SignedRequest{}, heldError(op, k, ver)
	}
	n, err := ver.counter.Next(v.nonceTime(u, k.clock.Read()))
	if err != nil {
		return SignedRequest{}, chargeError(op, err)
	}
	l, err := v.audit.open()
	if err != nil {
		return SignedRequest{}, auditError(op, err)
	}
	digest := sha256.Sum256([]byte(path + "\x00" + body))
	r := audit.Record{
		Op: op, Process: by.Process, Key: k.label, Version: ver.number, Nonce: uint64(n), Endpoint: request.Endpoint,
		Class: request.Class.Append(nil), Digest: &digest, Decision: audit.Allowed, Revision: u.revision.Load(),
	}
	signed := SignedRequest{Label: k.label, Version: ver.number, Path: path, Body: body}
	signed.Signature.APIKey, signed.Signature.RequestNonce, signed.Signature.KeyVersion = ver.id, uint64(n), ver.number
	ticket, err := u.macFixed(op, l, &signed, ver.states.slot, &r)
	if err != nil {
		return SignedRequest{}, err
	}
	if signed.Signature.AuditSeq, err = ticket.Wait(); err != nil {
		return SignedRequest{}, auditError(op, err)
	}
	return signed, nil
}

// macFixed computes the MAC and hands in its record, as Vault.mac does.
func (u *unlocked) macFixed(op string, l *audit.Log, s *SignedRequest, slot int, r *audit.Record) (audit.Ticket, error) {
	if err := u.enter(op); err != nil {
		return audit.Ticket{}, err
	}
	defer u.slab.Leave()
	payload := bitfinex.AppendRest(nil, s.Path, s.Signature.RequestNonce, []byte(s.Body))
	bitfinex.Sign(&s.Signature.Hex, u.slab.Slot(slot), payload)
	ticket, err := l.Submit(r, true)
	if err != nil {
		return ticket, auditError(op, err)
	}
	return ticket, nil
}
