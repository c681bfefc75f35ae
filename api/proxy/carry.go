package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"bfxvault/api/client"
	"bfxvault/api/upstream"
)

// carry has a request signed and sends it, a second time where Bitfinex has refused its
// nonce: then it was not carried out.
func (p *Proxy) carry(ctx context.Context, a *ask) (*upstream.Answer, *refusal) {
	began := time.Now()
	answer, seq, refused := p.once(ctx, a, 0)
	if refused != nil || !answer.IsNonceRefusal() || time.Since(began) > retryTime {
		return answer, refused
	}
	again, _, refused := p.once(ctx, a, seq)
	if refused != nil && again == nil && refused.code != codeUnknown {
		return answer, nil // it was not sent a second time, and the first answer stands
	}
	return again, refused
}

// once waits for the turn of a request, has it signed, and sends it. retries is the
// signature that Bitfinex has refused. The turn ends once the orders that came of it are
// reported: whatever asks for an update of them has its turn after it.
func (p *Proxy) once(ctx context.Context, a *ask, retries uint64) (answer *upstream.Answer, seq uint64, refused *refusal) {
	leave, lane, err := p.lanes.enter(ctx, a.flow(), a.rank(retries))
	if err != nil {
		return nil, 0, a.unturned(err)
	}
	defer func() { leave() }()
	out, key, seq, err := p.sign(ctx, a, retries)
	if err != nil {
		return nil, 0, a.denied(err)
	}
	if key != lane {
		// Only now is it known in which lane it has to wait: nobody may hold up one that a
		// signature has not shown to be theirs.
		if leave, err = p.lanes.move(ctx, leave, key, a.flow()); err != nil {
			leave = func() {}
			return nil, 0, a.unturned(err)
		}
	}
	if ctx.Err() != nil {
		return nil, 0, a.unturned(ctx.Err())
	}
	// From here on whoever asked may leave: the answer is waited for all the same, since
	// none may overtake.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	turn := time.AfterFunc(turnTime, leave)
	defer turn.Stop()
	answer, err = p.options.Upstream.Pass(sending, out)
	if err != nil {
		return nil, seq, a.unreached(err)
	}
	if !a.meansIt(answer) {
		return nil, seq, a.refuse(codeUnknown, "bfxvault: what answered was not Bitfinex, or not as it should; the request may have been carried out all the same")
	}
	if orders := a.placed(answer); len(orders) > 0 {
		reported := leave
		leave = func() {}
		go func() {
			defer reported()
			p.report(a, seq, orders)
		}()
	}
	return answer, seq, nil
}

// meansIt says whether an answer says anything of the request: not one that leads elsewhere,
// and no page of whoever stands before Bitfinex that looks like a success.
func (a *ask) meansIt(answer *upstream.Answer) bool {
	switch {
	case answer.Status < 200, answer.Status >= 300 && answer.Status < 400:
		return false
	case answer.Status < 300:
		return json.Valid(answer.Body)
	}
	return true
}

func (a *ask) flow() flow { return flow{uid: a.uid, id: a.id} }

func (a *ask) rank(retries uint64) rank {
	switch {
	case retries != 0:
		return signed
	case a.cancels():
		return cancel
	}
	return ordinary
}

// unturned is the answer where a request has not been sent.
func (a *ask) unturned(err error) *refusal {
	if errors.Is(err, errFull) || errors.Is(err, errLate) {
		return a.refuse(codeRateLimit, "ratelimit: error (bfxvault: "+err.Error()+")")
	}
	return a.refuse(codeMaintenance, "bfxvault: the client has left; nothing was sent")
}

// sign has vaultd sign a request, and returns it as it is to be sent.
func (p *Proxy) sign(ctx context.Context, a *ask, retries uint64) (out upstream.Passing, key string, seq uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, signTime)
	defer cancel()
	standIn := &client.StandIn{ID: a.id, Nonce: a.nonce, Signature: a.signature, UID: &a.uid, Retries: retries, Payload: a.payload}
	out = upstream.Passing{Method: http.MethodPost, Path: a.path, Header: plainHeader(), Body: a.body}
	if !a.v1 {
		signed, err := p.options.Signer.SignRest(ctx, client.Request{Path: a.path, Body: a.body, StandIn: standIn})
		if err != nil {
			return out, "", 0, err
		}
		signed.SetHeaders(out.Header)
		return out, signed.APIKey, signed.AuditSeq, nil
	}
	signed, err := p.options.Signer.SignRestV1(ctx, client.Request{Path: a.path, StandIn: standIn})
	if err != nil {
		return out, "", 0, err
	}
	out.Header.Set("X-Bfx-Apikey", signed.APIKey)
	out.Header.Set("X-Bfx-Payload", signed.Payload)
	out.Header.Set("X-Bfx-Signature", signed.Signature)
	return out, signed.APIKey, signed.AuditSeq, nil
}
