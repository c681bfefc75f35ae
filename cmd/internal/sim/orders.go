package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// order is an open order: the fields of Bitfinex's order array that are not
// constant here.
type order struct {
	id, gid, cid  int64 // gid and cid are zero where none was given
	symbol, kind  string
	created       time.Time
	amount, price json.Number
	flags         int64
	state         string // empty while it is open
}

// executeMu carries out a request that was authenticated and is permitted.
func (x *Exchange) executeMu(acc *account, path string, body []byte) answer {
	switch path {
	case "v2/auth/r/permissions":
		return reply(acc.key.permissions())
	case "v2/auth/r/wallets":
		return reply([]any{
			[]any{"exchange", "USD", 100000, 0, 100000, nil, nil},
			[]any{"exchange", "BTC", 2.5, 0, 2.5, nil, nil},
		})
	case "v2/auth/r/orders":
		return reply(rows(acc.orders))
	case "v2/auth/w/order/submit":
		return x.submitMu(acc, body)
	case "v2/auth/r/orders/hist":
		return reply(rows(acc.past))
	case "v2/auth/w/order/update":
		return updateMu(acc, body)
	case "v2/auth/w/order/multi":
		return x.multiMu(acc, body)
	case "v2/auth/w/order/cancel":
		return cancelMu(acc, body)
	case "v2/auth/w/order/cancel/multi":
		return cancelMultiMu(acc, body)
	}
	if symbol, ok := strings.CutPrefix(path, "v2/auth/r/orders/"); ok {
		return acc.ofSymbolMu(symbol)
	}
	return reply([]any{})
}

// ofSymbolMu lists the orders of one symbol: open ones, or with /hist behind it the rest.
func (a *account) ofSymbolMu(symbol string) answer {
	list := a.orders
	if name, ok := strings.CutSuffix(symbol, "/hist"); ok {
		symbol, list = name, a.past
	}
	var found []order
	for _, o := range list {
		if o.symbol == symbol {
			found = append(found, o)
		}
	}
	return reply(rows(found))
}

// submitMu places an order (docs.bitfinex.com/reference/rest-auth-submit-order).
func (x *Exchange) submitMu(acc *account, body []byte) answer {
	var in struct {
		Type, Symbol         string
		Amount, Price        any
		GID, CID, Flags, Lev int64
	}
	if !decode(body, &in) {
		return refuse(codeParams, "body: invalid")
	}
	amount, amountOK := number(in.Amount)
	price, priceOK := number(in.Price)
	// Orders that need no price of their own.
	open := strings.HasSuffix(in.Type, "MARKET") || strings.HasSuffix(in.Type, "TRAILING STOP")
	switch {
	case !slices.Contains(orderTypes(), in.Type):
		return refuse(codeParams, "type: invalid")
	case !isPair(in.Symbol):
		return refuse(codeParams, "symbol: invalid")
	case !amountOK || isZero(amount):
		return refuse(codeParams, "amount: invalid")
	case in.Price == nil && open:
		price = "0"
	case !priceOK || (!open && (isZero(price) || strings.HasPrefix(string(price), "-"))):
		return refuse(codeParams, "price: invalid")
	}
	o := order{
		id: x.nextOrder, gid: in.GID, cid: in.CID, symbol: in.Symbol, kind: in.Type,
		created: time.Now(), amount: amount, price: price, flags: in.Flags,
	}
	if o.cid == 0 {
		o.cid = o.created.UnixMilli() // the exchange makes one up the same way
	}
	x.nextOrder++
	acc.orders = append(acc.orders, o)
	// This notification alone carries seconds; the others carry milliseconds.
	return notify(o.created.Unix(), "on-req", rows([]order{o}), "Submitting 1 orders.")
}

// cancelMu takes one order back, by id or by cid and its day
// (docs.bitfinex.com/reference/rest-auth-cancel-order).
func cancelMu(acc *account, body []byte) answer {
	var in struct {
		ID, CID int64
		CIDDate string `json:"cid_date"`
	}
	if !decode(body, &in) || (in.ID == 0) == (in.CID == 0) {
		return refuse(codeParams, "id: invalid")
	}
	taken := acc.takeMu(func(o order) bool {
		return in.ID != 0 && o.id == in.ID || in.CID != 0 && o.cid == in.CID && o.day() == in.CIDDate
	})
	if len(taken) == 0 {
		return refuse(codeGeneric, "Order not found.")
	}
	text := fmt.Sprintf("Submitted for cancellation; waiting for confirmation (ID: %d).", taken[0].id)
	return notify(time.Now().UnixMilli(), "oc-req", taken[0].row(), text)
}

// cancelMultiMu takes back what any of its lists names, or everything
// (docs.bitfinex.com/reference/rest-auth-order-cancel-multi).
func cancelMultiMu(acc *account, body []byte) answer {
	var in struct {
		ID, GID []int64
		CID     [][2]any
		All     int
	}
	if !decode(body, &in) {
		return refuse(codeParams, "body: invalid")
	}
	taken := acc.takeMu(func(o order) bool {
		byCID := slices.ContainsFunc(in.CID, func(c [2]any) bool {
			return fmt.Sprint(c[0]) == fmt.Sprint(o.cid) && c[1] == o.day()
		})
		return in.All == 1 || byCID || slices.Contains(in.ID, o.id) || o.gid != 0 && slices.Contains(in.GID, o.gid)
	})
	text := fmt.Sprintf("Submitting %d order cancellations.", len(taken))
	return notify(time.Now().UnixMilli(), "oc_multi-req", rows(taken), text)
}

// takeMu removes the orders that match and returns them.
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
	for _, o := range taken {
		o.state = "CANCELED"
		a.past = append(a.past, o)
	}
	return taken
}

func (o order) day() string { return o.created.UTC().Format(time.DateOnly) }

// row is the order in Bitfinex's shape, 32 places.
func (o order) row() []any {
	mts := o.created.UnixMilli()
	r := make([]any, 32)
	r[0], r[2], r[3] = o.id, o.cid, o.symbol
	if o.gid != 0 {
		r[1] = o.gid
	}
	r[4], r[5] = mts, mts
	r[6], r[7] = o.amount, o.amount
	r[8], r[12], r[13] = o.kind, o.flags, cmp.Or(o.state, "ACTIVE")
	r[16], r[17], r[18], r[19] = o.price, 0, 0, 0
	r[23], r[24] = 0, flag(o.flags&64 != 0) // notify, hidden
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
func notify(mts int64, kind string, data any, text string) answer {
	return reply([]any{mts, kind, nil, nil, data, nil, "SUCCESS", text})
}

// decode reads a JSON object, keeping numbers as they were written.
func decode(body []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(into) == nil && !d.More()
}

// number accepts a decimal as clients send it: a string or a JSON number.
func number(v any) (json.Number, bool) {
	switch n := v.(type) {
	case json.Number:
		return n, true
	case string:
		plain := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
		return json.Number(n), plain.MatchString(n)
	}
	return "", false
}

func isZero(n json.Number) bool {
	digits, _, _ := strings.Cut(strings.ToLower(string(n)), "e")
	return strings.Trim(digits, "-0.") == ""
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
