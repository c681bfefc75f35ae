package vault

import (
	"bfxvault/vault/audit"
	"bfxvault/vault/policy"
)

// record hands in the record of a signature: it will be written or, where value leaves,
// on disk (P2).
func (v *Vault) record(l *audit.Log, c Caller, r *SignRequest, request *policy.Request, a admitted) (audit.Ticket, error) {
	s := sheets.Get().(*sheet)
	defer sheets.Put(s)
	s.fill(c, r, request, &a)
	s.see(request, true)
	s.record.Decision, s.record.Nonce, s.record.Revision = audit.Allowed, uint64(a.nonce), a.unlocked.revision.Load()
	return l.Submit(&s.record, request.Class&policy.Withdraw != 0)
}

// refused records why a request was not signed, without waiting, and returns the
// error. Of a caller that is nobody nothing is known but its uid; of a request that was
// not understood nothing but its endpoint.
func (v *Vault) refused(c Caller, r SignRequest, request *policy.Request, a admitted, err error) error {
	decision, rule := outcomeOf(err)
	if decision == "" {
		return err
	}
	l := v.audit.log.Load()
	if l == nil {
		return err
	}
	s := sheets.Get().(*sheet)
	defer sheets.Put(s)
	s.fill(c, &r, request, &a)
	if KindOf(err) != KindMalformed && a.key != nil {
		s.see(request, false)
	}
	s.record.Decision, s.record.Rule = decision, rule
	if a.unlocked != nil {
		s.record.Revision = a.unlocked.revision.Load()
	}
	l.Deny(&s.record)
	return err
}

// outcomeOf is what a record says of an error; nothing where it is not the request's.
func outcomeOf(err error) (decision, rule string) {
	e, ok := err.(*Error)
	if !ok {
		return "", ""
	}
	switch e.Kind {
	case KindDenied, KindUnknownOrder:
		return audit.Denied, e.Rule
	case KindLimited:
		return audit.Limited, e.Rule
	case KindMalformed:
		return audit.Refused, "malformed"
	case KindNoGrant:
		return audit.Refused, "no_grant"
	case KindAmbiguous:
		return audit.Refused, "several_bots"
	case KindLocked:
		return audit.Refused, "locked"
	case KindNonceHeld, KindNonceExhausted:
		return audit.Refused, "nonce"
	}
	return "", ""
}
