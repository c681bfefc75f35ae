package sim

import (
	"encoding/json"
	"slices"
	"time"
)

// updateMu changes an open order, by id or by cid and its day
// (docs.bitfinex.com/reference/rest-auth-update-order).
func updateMu(acc *account, body []byte) answer {
	var in struct {
		ID, CID              int64
		CIDDate              string `json:"cid_date"`
		Amount, Price, Delta any
	}
	if !decode(body, &in) || (in.ID == 0) == (in.CID == 0) {
		return refuse(codeParams, "id: invalid")
	}
	i := slices.IndexFunc(acc.orders, func(o order) bool {
		return in.ID != 0 && o.id == in.ID || in.CID != 0 && o.cid == in.CID && o.day() == in.CIDDate
	})
	if i < 0 {
		return refuse(codeGeneric, "Order not found.")
	}
	o := &acc.orders[i]
	for _, change := range []struct {
		name string
		to   any
		at   *json.Number
	}{{"amount", in.Amount, &o.amount}, {"price", in.Price, &o.price}} {
		if change.to == nil {
			continue
		}
		n, ok := number(change.to)
		if !ok || isZero(n) {
			return refuse(codeParams, change.name+": invalid")
		}
		*change.at = n
	}
	if in.Delta != nil {
		return refuse(codeParams, "delta: not simulated")
	}
	return notify(time.Now().UnixMilli(), "ou-req", o.row(), "Submitting update to order.")
}

// multiMu carries out several operations, in their order
// (docs.bitfinex.com/reference/rest-auth-order-multi).
func (x *Exchange) multiMu(acc *account, body []byte) answer {
	var in struct{ Ops [][2]json.RawMessage }
	if !decode(body, &in) || len(in.Ops) == 0 || len(in.Ops) > maxOps {
		return refuse(codeParams, "ops: invalid")
	}
	results := []any{}
	for _, op := range in.Ops {
		var kind string
		if json.Unmarshal(op[0], &kind) != nil {
			return refuse(codeParams, "ops: invalid")
		}
		var a answer
		switch kind {
		case "on":
			a = x.submitMu(acc, op[1])
		case "ou":
			a = updateMu(acc, op[1])
		case "oc":
			a = cancelMu(acc, op[1])
		case "oc_multi":
			a = cancelMultiMu(acc, op[1])
		default:
			return refuse(codeParams, "ops: invalid")
		}
		results = append(results, json.RawMessage(a.body))
	}
	return notify(time.Now().UnixMilli(), "ox_multi-req", results, "Submitting order operations.")
}

// maxOps is how many operations one request may carry.
const maxOps = 75
