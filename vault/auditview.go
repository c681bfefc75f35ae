package vault

import (
	"crypto/sha256"
	"hash"
	"sync"
	"time"

	"bfxvault/vault/audit"
	"bfxvault/vault/policy"
)

// sheet is room for a signing record.
type sheet struct {
	record audit.Record
	caller audit.Caller
	class  []byte
	view   []byte
	digest [sha256.Size]byte
	hash   hash.Hash
	text   []byte
}

var sheets = sync.Pool{New: func() any { return &sheet{hash: sha256.New()} }}

// fill makes the record of a request to sign, as policy saw it: never its body, and of
// what was refused no text that nobody has checked (A49).
func (s *sheet) fill(c Caller, r *SignRequest, request *policy.Request, a *admitted) {
	s.caller = audit.Caller{UID: c.UID, GID: c.GID}
	s.record = audit.Record{Op: "sign", Caller: &s.caller, Endpoint: request.Endpoint, Digest: &s.digest}
	if a.key != nil {
		s.record.Key, s.record.Bot = a.key.label, a.grant.bot
	}
	if a.version != nil {
		s.record.Version = a.version.number
	}
	if request.Endpoint != "" {
		s.class = request.Class.Append(s.class[:0])
		s.record.Class = s.class
	}
	s.hash.Reset()
	s.text = append(append(s.text[:0], r.Path...), 0)
	s.hash.Write(s.text)
	s.hash.Write(r.Body)
	s.hash.Sum(s.digest[:0])
}

// see adds what the request asks for. signed is set where it is signed: then an address
// and an affiliate code, which may be any text unless the grant lists them, are on their
// way to Bitfinex, and the owner wants to know which. Of what is refused they are left
// out: a secret may have been pasted there (A49).
func (s *sheet) see(request *policy.Request, signed bool) {
	s.record.Symbol = request.Symbol
	if len(request.Ops) == 0 {
		return
	}
	b := append(s.view[:0], '[')
	for i := range request.Ops {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOp(b, &request.Ops[i], signed)
	}
	s.view = append(b, ']')
	s.record.View = s.view
}

// actionWord is what an operation does.
func actionWord(a policy.Action) string {
	return [...]string{
		policy.Other: "other", policy.Submit: "submit", policy.Update: "update", policy.Retract: "cancel",
		policy.Offer: "offer", policy.Transfer: "transfer", policy.Withdrawal: "withdraw", policy.Algo: "algo",
	}[a]
}

func appendOp(b []byte, o *policy.Op, signed bool) []byte {
	b = append(append(append(b, `{"do":"`...), actionWord(o.Action)...), '"')
	b = audit.AppendField(b, `,"symbol":`, o.Symbol)
	if o.Type != 0 {
		b = audit.AppendField(b, `,"type":`, o.Type.String())
	}
	b = appendDecimal(b, `,"amount":"`, o.Amount)
	b = appendDecimal(b, `,"delta":"`, o.Delta)
	b = appendDecimal(b, `,"price":"`, o.Price)
	b = appendDecimal(b, `,"aux_price":"`, o.AuxPrice)
	b = appendDecimal(b, `,"stop_price":"`, o.StopPrice)
	b = appendDecimal(b, `,"trailing":"`, o.Trailing)
	b = appendDecimal(b, `,"leverage":"`, o.Leverage)
	b = audit.AppendNumber(b, `,"flags":`, uint64(o.Flags))
	b = audit.AppendNumber(b, `,"id":`, o.ID)
	b = audit.AppendNumber(b, `,"cid":`, o.CID)
	if o.Day != 0 {
		b = append(append(b, `,"cid_date":"`...), dateOf(o.Day)...)
		b = append(b, '"')
	}
	b = audit.AppendField(b, `,"currency":`, o.Currency)
	if signed {
		b = audit.AppendField(b, `,"aff_code":`, o.AffCode)
		b = audit.AppendField(b, `,"address":`, o.Address)
	}
	if o.External {
		b = append(b, `,"external":true`...)
	}
	return append(b, '}')
}

func appendDecimal(b []byte, name string, d policy.Optional) []byte {
	if !d.Set {
		return b
	}
	return append(d.Append(append(b, name...)), '"')
}

func dateOf(day int32) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
}
