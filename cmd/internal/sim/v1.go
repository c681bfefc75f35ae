package sim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// executeV1Mu carries out what the legacy API is still used for: balances and
// orders. The rest answers an empty list.
func (x *Exchange) executeV1Mu(a *account, path string, payload []byte) answer {
	switch path {
	case "v1/key_info":
		return reply(a.key.permissionsV1())
	case "v1/balances":
		return reply(x.balancesV1Mu(a))
	case "v1/orders":
		return reply(rowsV1(a.orders))
	case "v1/order/new":
		return x.submitV1Mu(a, payload)
	case "v1/order/cancel":
		var in orderInput
		if !decode(payload, &in) || in.ID == 0 {
			return refuseV1(http.StatusBadRequest, "Key order_id should be present.")
		}
		taken := a.cancel(in.names)
		if len(taken) == 0 {
			return refuseV1(http.StatusBadRequest, "Order could not be cancelled.")
		}
		return reply(taken[0].rowV1())
	case "v1/order/cancel/all":
		a.cancel(func(order) bool { return true })
		return reply(map[string]string{"result": "All orders cancelled"})
	}
	return reply([]any{})
}

// balancesV1Mu is the wallets, under the names that v1 has for them.
func (x *Exchange) balancesV1Mu(a *account) []any {
	names := map[string]string{"exchange": "exchange", "margin": "trading", "funding": "deposit"}
	out := []any{}
	for _, w := range a.wallets {
		out = append(out, map[string]any{
			"type": names[w.kind], "currency": strings.ToLower(w.currency),
			"amount": string(digits(w.balance)), "available": string(digits(x.availableMu(a, w.kind, w.currency))),
		})
	}
	return out
}

// submitV1Mu reads a v1 order, where a side stands for the sign and types are in
// lower case, as the v2 order that it is.
func (x *Exchange) submitV1Mu(a *account, payload []byte) answer {
	var in struct{ Symbol, Amount, Price, Side, Type string }
	if !decode(payload, &in) {
		return refuseV1(http.StatusBadRequest, "Invalid order.")
	}
	if in.Side == "sell" {
		in.Amount = "-" + in.Amount
	}
	body, err := json.Marshal(map[string]any{
		"type": strings.ToUpper(strings.ReplaceAll(in.Type, "-", " ")), "symbol": "t" + strings.ToUpper(in.Symbol),
		"amount": in.Amount, "price": in.Price,
	})
	if err != nil {
		return refuseV1(http.StatusBadRequest, "Invalid order.") // unreachable: all strings
	}
	n := len(a.orders)
	if _, refused := x.submitMu(a, body); refused != nil {
		return refuseV1(http.StatusBadRequest, refused.text)
	}
	if len(a.orders) > n {
		return reply(a.orders[n].rowV1())
	}
	return reply(a.closed[len(a.closed)-1].rowV1())
}

// rowV1 is the order as v1 shows it.
func (o order) rowV1() map[string]any {
	side := "buy"
	if o.amount.Sign() < 0 {
		side = "sell"
	}
	done := minus(size(o.amount), size(o.left))
	return map[string]any{
		"id": o.id, "order_id": o.id, "cid": o.cid, "symbol": strings.ToLower(strings.TrimPrefix(o.symbol, "t")),
		"exchange": "bitfinex", "side": side, "type": strings.ToLower(o.kind),
		"price": string(digits(o.price)), "avg_execution_price": string(digits(o.average)),
		"timestamp": strconv.FormatInt(o.created.Unix(), 10) + ".0",
		"is_live":   o.status == "ACTIVE", "is_cancelled": strings.HasSuffix(o.status, "CANCELED"), "is_hidden": o.flags&flagHidden != 0,
		"original_amount": string(digits(size(o.amount))), "remaining_amount": string(digits(size(o.left))), "executed_amount": string(digits(done)),
	}
}

func rowsV1(orders []order) []any {
	out := []any{}
	for _, o := range orders {
		out = append(out, o.rowV1())
	}
	return out
}

// permissionsV1 is the answer of v1/key_info.
func (k Key) permissionsV1() map[string]any {
	out := map[string]any{}
	for i, name := range scopeNames() {
		bit := Scopes(1) << i
		out[name] = map[string]bool{"read": k.Read&bit != 0, "write": k.Write&bit != 0}
	}
	return out
}
