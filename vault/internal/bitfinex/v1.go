package bitfinex

import (
	"bytes"

	"bfxvault/vault/policy"
)

// wordV1 reads a text with a grammar of REST v1. Words are in lower case there, and
// symbols and currencies in either.
func (rd *reader) wordV1(f *field, text []byte) bool {
	switch f.grammar {
	case isPairV1:
		rd.op.Symbol = rd.build("t", text)
		return isPairTextV1(text, rd.op.Symbol) || rd.refuse(f.name, "must be a pair such as btcusd")
	case isMoneyV1:
		rd.op.Currency = rd.build("", text)
		return isOneCase(text) && isMoneyText(rd.op.Currency) || rd.refuse(f.name, "must be a currency")
	case isFundV1:
		rd.op.Symbol = rd.build("f", text)
		return isOneCase(text) && isMoneyText(rd.op.Symbol[1:]) || rd.refuse(f.name, "must be a currency")
	case isTypeV1:
		t, ok := policy.ParseOrderType(typeOfV1(text))
		rd.op.Type = t
		return ok || rd.refuse(f.name, "must be an order type of REST v1")
	case isSideV1:
		rd.held.negative = string(text) == "sell"
		return rd.held.negative || string(text) == "buy" || rd.refuse(f.name, "must be buy or sell")
	case isDirectionV1:
		rd.held.negative = string(text) == "loan"
		return rd.held.negative || string(text) == "lend" || rd.refuse(f.name, "must be lend or loan")
	}
	return rd.refuse(f.name, "is not understood") // unreachable: every grammar has its case
}

// isPairTextV1 says whether text, built into symbol, is a pair: six characters, or
// two currencies and a colon, in one case. With a leading t it could be a symbol of
// REST v2, or a currency that begins with one.
func isPairTextV1(text, symbol []byte) bool {
	return (len(text) == 6 || bytes.IndexByte(text, ':') > 0) && isOneCase(text) &&
		len(symbol) <= maxSymbol && isSymbol(string(symbol))
}

// isOneCase says whether no two letters differ in case.
func isOneCase(text []byte) bool {
	lower, upper := false, false
	for _, c := range text {
		lower = lower || c >= 'a' && c <= 'z'
		upper = upper || c >= 'A' && c <= 'Z'
	}
	return !lower || !upper
}

// typeOfV1 returns REST v2's word for an order type of REST v1.
func typeOfV1(text []byte) string {
	switch string(text) {
	case "limit":
		return "LIMIT"
	case "market":
		return "MARKET"
	case "stop":
		return "STOP"
	case "trailing-stop":
		return "TRAILING STOP"
	case "fill-or-kill":
		return "FOK"
	case "exchange limit":
		return "EXCHANGE LIMIT"
	case "exchange market":
		return "EXCHANGE MARKET"
	case "exchange stop":
		return "EXCHANGE STOP"
	case "exchange trailing-stop":
		return "EXCHANGE TRAILING STOP"
	case "exchange fill-or-kill":
		return "EXCHANGE FOK"
	}
	return ""
}

// trailingStops are the types whose price is a distance.
var trailingStops = func() (set policy.OrderType) {
	for _, word := range [...]string{"TRAILING STOP", "EXCHANGE TRAILING STOP"} {
		t, _ := policy.ParseOrderType(word)
		set |= t
	}
	return set
}()

// ordersV1 reads the orders of order/new/multi.
func (rd *reader) ordersV1(f *field) bool {
	const reason = "must be an array of orders"
	if rd.token.kind != kindArray {
		return rd.refuse(f.name, reason)
	}
	given, n := rd.given, 0
	for rd.next() {
		if rd.token.kind == kindArrayEnd {
			rd.given = given
			return n > 0 || rd.refuse(f.name, "must not be empty")
		}
		if n++; n > policy.MaxOps {
			return rd.refuse(f.name, "has more orders than the vault takes")
		}
		rd.begin(newOrderV1, rd.endpoint.Class)
		if !rd.kind(f, kindObject, reason) || !rd.object(newOrderV1) {
			return false
		}
	}
	return false
}

// finishOrderV1 makes of an order's fields what REST v2 would say.
func (rd *reader) finishOrderV1() bool {
	rd.finishAmountV1()
	if rd.op.Type&trailingStops != 0 { // whose price is the distance
		rd.op.Trailing, rd.op.Price = rd.op.Price, policy.Optional{}
	}
	// Clients send 0 for a stop price that they do not mean. Which of two counts is
	// not certain, so both must be the same.
	buy, sell := rd.held.buyStop, rd.held.sellStop
	switch {
	case buy.IsZero():
		buy = sell
	case !sell.IsZero() && sell.Cmp(buy.Decimal) != 0:
		return rd.refuse("sell_price_oco", "must be 0 or the same as buy_price_oco")
	}
	if !buy.IsZero() || rd.op.Flags&policy.FlagOCO != 0 && buy.Set {
		rd.op.StopPrice = buy
	}
	return true
}

// finishAmountV1 gives the amount the sign that another field names.
func (rd *reader) finishAmountV1() {
	if rd.held.negative {
		rd.op.Amount.Decimal = rd.op.Amount.Neg()
	}
}
