package vault

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/standin"
	"bfxvault/vault/policy"
)

// standIn is a stand-in credential: what a stock client signs with, good against this vault
// alone.
type standIn struct {
	id     string
	record record.StandIn
	// states are nil where it is good for nothing.
	states *midStates
	// shown and used go on as long as the vault is unlocked, whatever becomes of it.
	shown *standin.Memory
	used  *atomic.Int64 // unix seconds of the last signature
}

// StandInProof is how a stock client has signed its request, as vaultproxy got it.
type StandInProof struct {
	ID        string
	Nonce     string // decimal, milliseconds or microseconds
	Signature string // hex
	// UID is the user that the request came from, nil for the caller's own. Another one is
	// believed of a caller of role proxy alone.
	UID *uint32
	// Payload is REST v1's, as it came; path and body are in it.
	Payload string
	// Retries is the record of the signature that Bitfinex has refused for its nonce.
	Retries uint64
}

// isGood says whether a stand-in credential may sign, but for its expiry.
func isGood(rec *record.StandIn) bool { return rec.Recalled == 0 && rec.Suspended == 0 }

// newStandIn makes a stand-in credential that can be used, where it is good.
func (u *unlocked) newStandIn(id string, rec record.StandIn, c *contents) (si *standIn, ok bool) {
	slot, absorbed := c.secrets[id]
	if !isStandInID(id) || !absorbed || rec.Bot == "" || rec.Label == "" {
		return nil, false
	}
	si = &standIn{id: id, record: rec, shown: &standin.Memory{}, used: &atomic.Int64{}}
	switch {
	case slot == notAbsorbed:
	case isGood(&rec):
		si.states = newMidStates(u.slab, slot)
	default: // since a restore, a moment ago
		u.slab.Free(slot)
	}
	return si, true
}

// StandInPrefix begins the id of a stand-in credential, so that nobody takes it for an API
// key of Bitfinex's. 32 of a-z and 0-9 follow.
const StandInPrefix = "bfxv_"

const (
	standInID = len(StandInPrefix) + 32
	// standInSecret is the length of its secret: 32 random bytes in base64url.
	standInSecret = 43
)

func isStandInID(id string) bool {
	rest, ok := strings.CutPrefix(id, StandInPrefix)
	return ok && len(id) == standInID && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// noStandIn is the answer to whatever is not signed with a stand-in credential that is
// good: strangers learn nothing.
func noStandIn() *Error {
	return fail("sign", KindNoGrant, "there is no such stand-in credential, or this is not its signature").
		hint("the operator runs: vaultctl bot stand-ins NAME, vaultctl bot issue NAME")
}

// findByStandIn returns the API key and the grant of a stand-in credential, as long as it
// may be used by this caller. That the caller has it was shown before.
func (s *snapshot) findByStandIn(c Caller, p *StandInProof) (*apiKey, *grant, error) {
	si := s.standIns[p.ID]
	if si == nil || si.states == nil {
		return nil, nil, noStandIn()
	}
	b := s.bots[si.record.Bot]
	if b == nil || b.grants[si.record.Label] == nil {
		return nil, nil, noGrant()
	}
	if e := si.record.Expires; e != 0 && clock.Wall().Unix() >= e {
		return nil, nil, deniedError("sign", policy.StandInExpired())
	}
	if uid := si.record.UID; uid != nil && !s.isOf(c, p, *uid) {
		return nil, nil, deniedError("sign", policy.StandInOfAnother())
	}
	return s.keys[si.record.Label], b.grants[si.record.Label], nil
}

// isOf says whether a request came from a user. What vaultproxy says of that counts where
// the operator has registered it; what any other caller says of somebody else makes the
// request nobody's.
func (s *snapshot) isOf(c Caller, p *StandInProof, uid uint32) bool {
	if p.UID == nil || *p.UID == c.UID {
		return c.UID == uid
	}
	return *p.UID == uid && s.isProxy(c, func(*bot) bool { return true })
}

// isProxy says whether a caller is vaultproxy, as the operator has registered it, and which
// of those.
func (s *snapshot) isProxy(c Caller, which func(*bot) bool) bool {
	caller := lazyCaller{process: c.Process, known: policy.Caller{UID: c.UID, GID: c.GID}}
	for _, list := range s.candidates(&caller) {
		for _, b := range list {
			if policy.IsProxy(b.role) && b.suspended == 0 && which(b) && caller.is(b) {
				return true
			}
		}
	}
	return false
}

// present checks that a request was signed with its stand-in credential, just now, and
// notes that it was shown: what changes something is good once. What was not
// understood is not noted, and not signed.
func (v *Vault) present(a *admitted, s *snapshot, c Caller, r *SignRequest, write, understood bool) error {
	p := r.StandIn
	if r.Label != "" || r.Bot != "" {
		return fail("sign", KindMalformed, "a stand-in credential takes the place of label and bot")
	}
	si := s.standIns[p.ID]
	if si == nil || si.states == nil {
		return noStandIn()
	}
	at, err := standin.ParseNonce(p.Nonce)
	if err != nil {
		return noStandIn() // nothing was signed with it
	}
	if err := v.checkStandIn(a.unlocked, si, r); err != nil {
		return err
	}
	now := clock.Wall()
	if off := now.Sub(at); off > standin.Window || off < -standin.Window || !at.After(a.unlocked.since) {
		return deniedError("sign", policy.StandInStale())
	}
	if !understood {
		return nil
	}
	a.standIn, a.shown = si, shownAs(r)
	if p.Retries != 0 {
		err = si.shown.Retry(a.shown, p.Retries, c.Conn, now)
	} else {
		err = si.shown.Show(a.shown, write, c.Conn, now)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, standin.ErrFull):
		return fail("sign", KindBusy, "%w", err)
	}
	return deniedError("sign", policy.StandInShown())
}

// shownAs is what is remembered of a request.
func shownAs(r *SignRequest) standin.Request {
	h := sha256.New()
	h.Write([]byte(r.Path))
	h.Write([]byte{0})
	h.Write(r.Body)
	shown := standin.Request{Nonce: r.StandIn.Nonce}
	h.Sum(shown.Digest[:0])
	return shown
}

// checkStandIn compares the signature of a request with what it has to be.
func (v *Vault) checkStandIn(u *unlocked, si *standIn, r *SignRequest) error {
	p := r.StandIn
	payload := []byte(p.Payload)
	if p.Payload == "" {
		n, err := strconv.ParseUint(p.Nonce, 10, 64)
		if err != nil {
			return noStandIn()
		}
		payload = bitfinex.AppendRest(nil, r.Path, n, r.Body)
	}
	if !si.states.gate.Enter() {
		return noStandIn()
	}
	defer si.states.gate.Leave()
	if err := u.enter("sign"); err != nil {
		return err
	}
	defer u.slab.Leave()
	var want [bitfinex.SignatureSize]byte
	bitfinex.Sign(&want, u.slab.Slot(si.states.slot), payload)
	if subtle.ConstantTimeCompare(want[:], []byte(strings.ToLower(p.Signature))) != 1 {
		return noStandIn()
	}
	return nil
}

// signedFor notes that a request got a signature, whose record is seq.
func (si *standIn) signedFor(r standin.Request, seq uint64) {
	si.shown.Signed(r, seq)
	si.used.Store(time.Now().Unix())
}

// openPayload takes the parameters of a REST v1 request out of the payload that its client
// has signed. Of a request without one it changes nothing.
func (r *SignRequest) openPayload() error {
	if r.StandIn == nil {
		return nil
	}
	p, err := bitfinex.OpenPayloadV1(r.StandIn.Payload)
	switch {
	case err != nil:
		return err
	case p.Path != r.Path || p.Nonce != r.StandIn.Nonce || len(r.Body) > 0:
		return &bitfinex.SyntaxError{Field: "payload", Reason: "is of another path or nonce, or there are parameters beside it"}
	}
	r.Body = p.Params
	return nil
}
