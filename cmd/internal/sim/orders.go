package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Flags of an order.
const (
	flagHidden   = 64
	flagPostOnly = 4096
)

// maxOps is how many operations one order/multi may hold
// (docs.bitfinex.com/reference/rest-auth-order-multi).
const maxOps = 75

// order is the fields of Bitfinex's order array that are not constant here.
type order struct {
	id, gid, cid     int64 // gid is zero where none was given
	symbol, kind     string
	created, updated time.Time
	amount, left     *big.Rat // left is what is not executed yet
	price, average   *big.Rat
	trailing, aux    *big.Rat
	flags            int64
	status           string
}

// orderInput is what order/submit and order/update read.
type orderInput struct {
	Type, Symbol         string
	Amount, Price, Delta any
	Trailing             any `json:"price_trailing"`
	Aux                  any `json:"price_aux_limit"`
	ID, GID, CID, Lev    int64
	Flags                *int64
	CIDDate              string `json:"cid_date"`
}

// submitMu places an order (docs.bitfinex.com/reference/rest-auth-submit-order).
func (x *Exchange) submitMu(acc *account, body []byte) ([]any, *no) {
	var in orderInput
	if !decode(body, &in) {
		return nil, &no{codeParams, "body: invalid"}
	}
	amount, amountOK := number(in.Amount)
	// Orders that need no price of their own.
	open := strings.HasSuffix(in.Type, "MARKET") || strings.HasSuffix(in.Type, "TRAILING STOP")
	price, priceOK := number(in.Price)
	if in.Price == nil && open {
		price, priceOK = zero(), true
	}
	switch {
	case !slices.Contains(orderTypes(), in.Type):
		return nil, &no{codeParams, "type: invalid"}
	case !isPair(in.Symbol):
		return nil, &no{codeParams, "symbol: invalid"}
	case !amountOK || amount.Sign() == 0:
		return nil, &no{codeParams, "amount: invalid"}
	case !priceOK || !open && price.Sign() <= 0:
		return nil, &no{codeParams, "price: invalid"}
	}
	now := time.Now()
	o := order{
		id: x.idMu(), gid: in.GID, cid: in.CID, symbol: in.Symbol, kind: in.Type, status: "ACTIVE",
		created: now, updated: now, amount: amount, left: amount, price: price,
		average: zero(), trailing: orZero(in.Trailing), aux: orZero(in.Aux),
	}
	if in.Flags != nil {
		o.flags = *in.Flags
	}
	if o.cid == 0 {
		o.cid = now.UnixMilli() // the exchange makes one up the same way
	}
	if _, n := x.placeMu(acc, o); n != nil {
		return nil, n
	}
	// The order as it was received: Bitfinex answers before it executes. And this
	// notification alone carries seconds; the others carry milliseconds.
	return notify(now.Unix(), "on-req", rows([]order{o}), "Submitting 1 orders."), nil
}

// updateMu changes an open order in place (docs.bitfinex.com/reference/rest-auth-update-order).
func (x *Exchange) updateMu(acc *account, body []byte) ([]any, *no) {
	var in orderInput
	if !decode(body, &in) || (in.ID == 0) == (in.CID == 0) {
		return nil, &no{codeParams, "id: invalid"}
	}
	taken := acc.takeMu(in.names)
	if len(taken) == 0 {
		return nil, &no{codeGeneric, "Order not found."}
	}
	after, n := in.change(taken[0])
	if n == nil {
		_, n = x.placeMu(acc, after)
	}
	if n != nil {
		acc.orders = append(acc.orders, taken[0]) // it stays as it was
		return nil, n
	}
	side := "buy"
	if after.amount.Sign() < 0 {
		side = "sell"
	}
	base, _ := splitPair(after.symbol)
	text := fmt.Sprintf("Submitting update to %s %s order for %s %s.", strings.ToLower(after.kind), side, digits(size(after.amount)), base)
	return notify(time.Now().UnixMilli(), "ou-req", after.row(), text), nil
}

// names reports whether the order is the one meant, by id or by cid and its day.
func (in orderInput) names(o order) bool {
	return in.ID != 0 && o.id == in.ID || in.CID != 0 && o.cid == in.CID && o.day() == in.CIDDate
}

// change is the order as the update wants it.
func (in orderInput) change(o order) (order, *no) {
	for _, f := range []struct {
		sent any
		into **big.Rat
		name string
	}{
		{in.Amount, &o.amount, "amount"}, {in.Delta, &o.amount, "delta"}, {in.Price, &o.price, "price"},
		{in.Trailing, &o.trailing, "price_trailing"}, {in.Aux, &o.aux, "price_aux_limit"},
	} {
		if f.sent == nil {
			continue
		}
		v, ok := number(f.sent)
		if f.name == "delta" && ok {
			v = plus(o.amount, v)
		}
		if !ok || v.Sign() == 0 || f.name == "price" && v.Sign() < 0 {
			return o, &no{codeParams, f.name + ": invalid"}
		}
		*f.into = v
	}
	if in.Flags != nil {
		o.flags = *in.Flags
	}
	if in.GID != 0 {
		o.gid = in.GID
	}
	o.left, o.updated = o.amount, time.Now()
	return o, nil
}

// cancelMu takes one order back, by id or by cid and its day
// (docs.bitfinex.com/reference/rest-auth-cancel-order).
func cancelMu(acc *account, body []byte) ([]any, *no) {
	var in orderInput
	if !decode(body, &in) || (in.ID == 0) == (in.CID == 0) {
		return nil, &no{codeParams, "id: invalid"}
	}
	taken := acc.cancel(in.names)
	if len(taken) == 0 {
		return nil, &no{codeGeneric, "Order not found."}
	}
	text := fmt.Sprintf("Submitted for cancellation; waiting for confirmation (ID: %d).", taken[0].id)
	return notify(time.Now().UnixMilli(), "oc-req", taken[0].row(), text), nil
}

// cancelMultiMu takes back what any of its lists names, or everything
// (docs.bitfinex.com/reference/rest-auth-order-cancel-multi).
func cancelMultiMu(acc *account, body []byte) ([]any, *no) {
	var in struct {
		ID, GID []int64
		CID     [][2]any
		All     int
	}
	if !decode(body, &in) {
		return nil, &no{codeParams, "body: invalid"}
	}
	taken := acc.cancel(func(o order) bool {
		byCID := slices.ContainsFunc(in.CID, func(c [2]any) bool {
			return fmt.Sprint(c[0]) == fmt.Sprint(o.cid) && c[1] == o.day()
		})
		return in.All == 1 || byCID || slices.Contains(in.ID, o.id) || o.gid != 0 && slices.Contains(in.GID, o.gid)
	})
	text := fmt.Sprintf("Submitting %d order cancellations.", len(taken))
	return notify(time.Now().UnixMilli(), "oc_multi-req", rows(taken), text), nil
}

// multiMu does one operation after the other; what one of them is refused does not
// stop the rest (docs.bitfinex.com/reference/rest-auth-order-multi).
func (x *Exchange) multiMu(acc *account, body []byte) ([]any, *no) {
	var in struct{ Ops [][]json.RawMessage }
	if !decode(body, &in) || len(in.Ops) == 0 || len(in.Ops) > maxOps {
		return nil, &no{codeParams, "ops: invalid"}
	}
	done := []any{}
	for _, op := range in.Ops {
		var name string
		if len(op) != 2 || json.Unmarshal(op[0], &name) != nil {
			return nil, &no{codeParams, "ops: invalid"}
		}
		said, n := x.opMu(acc, name, op[1])
		if n != nil {
			said = []any{time.Now().UnixMilli(), name + "-req", nil, nil, nil, n.code, "ERROR", n.text}
		}
		done = append(done, said)
	}
	text := fmt.Sprintf("Submitting %d order operations.", len(done))
	return notify(time.Now().UnixMilli(), "ox_multi-req", done, text), nil
}

func (x *Exchange) opMu(acc *account, name string, body []byte) ([]any, *no) {
	switch name {
	case "on":
		return x.submitMu(acc, body)
	case "ou":
		return x.updateMu(acc, body)
	case "oc":
		return cancelMu(acc, body)
	case "oc_multi":
		return cancelMultiMu(acc, body)
	}
	return nil, &no{codeParams, "ops: invalid"}
}

// takeMu removes the open orders that match and returns them.
func (a *account) takeMu(match func(order) bool) []order {
	var taken, rest []order
	for _, o := range a.orders {
		if match(o) {
			taken = append(taken, o)
		} else {
			rest = append(rest, o)
		}
	}
	a.orders = rest
	return taken
}

// cancel takes open orders back and returns them as they were.
func (a *account) cancel(match func(order) bool) []order {
	taken := a.takeMu(match)
	for _, o := range taken {
		a.close(o, "CANCELED")
	}
	return taken
}

func (o order) day() string { return o.created.UTC().Format(time.DateOnly) }

// row is the order in Bitfinex's shape, 32 places.
func (o order) row() []any {
	r := make([]any, 32)
	r[0], r[2], r[3] = o.id, o.cid, o.symbol
	if o.gid != 0 {
		r[1] = o.gid
	}
	r[4], r[5] = o.created.UnixMilli(), o.updated.UnixMilli()
	r[6], r[7] = digits(o.left), digits(o.amount)
	r[8], r[12], r[13] = o.kind, o.flags, o.status
	r[16], r[17], r[18], r[19] = digits(o.price), digits(o.average), digits(o.trailing), digits(o.aux)
	r[23], r[24] = 0, flag(o.flags&flagHidden != 0) // notify, hidden
	r[28], r[31] = "API>BFX", map[string]any{}
	return r
}

// rows is never nil: no orders are an empty list, not null.
func rows(orders []order) []any {
	out := []any{}
	for _, o := range orders {
		out = append(out, o.row())
	}
	return out
}

// notify is Bitfinex's notification:
// [MTS, TYPE, MESSAGE_ID, null, DATA, CODE, STATUS, TEXT].
func notify(mts int64, kind string, data any, text string) []any {
	return []any{mts, kind, nil, nil, data, nil, "SUCCESS", text}
}

// decode reads a JSON object, keeping numbers as they were written.
func decode(body []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(into) == nil && !d.More()
}

// orZero is a number that need not be there.
func orZero(v any) *big.Rat {
	if r, ok := number(v); ok {
		return r
	}
	return zero()
}

// isPair accepts tBTCUSD and the long form tTESTBTC:TESTUSD.
func isPair(s string) bool {
	return regexp.MustCompile(`^t([A-Z0-9]{6}|[A-Z0-9]{2,}:[A-Z0-9]{2,})$`).MatchString(s)
}

// orderTypes are the documented ones; EXCHANGE means the spot wallet.
func orderTypes() []string {
	var all []string
	for _, t := range []string{"LIMIT", "MARKET", "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC"} {
		all = append(all, t, "EXCHANGE "+t)
	}
	return all
}
