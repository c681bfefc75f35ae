package sim

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// quote is the whole market of a symbol: anyone may sell at bid and buy at ask,
// as much as they like.
type quote struct{ bid, ask *big.Rat }

// openingQuotes are made up, and stay until [Exchange.Quote].
func openingQuotes() map[string]quote {
	return map[string]quote{
		"tBTCUSD": {decimal("89990"), decimal("90010")},
		"tETHUSD": {decimal("2999"), decimal("3001")},
	}
}

// trade is one execution.
type trade struct {
	id          int64
	order       order
	at          time.Time
	price, fee  *big.Rat // fee is below zero: it was paid
	feeCurrency string
	maker       bool
}

// position is what an account holds on margin.
type position struct {
	id           int64
	symbol       string
	amount, base *big.Rat // amount is below zero for a short one
	since        time.Time
}

// Quote moves the market of a symbol, and fills the orders that it reaches. It is
// for exchanges with a market; the numbers are decimals, such as "90010".
func (x *Exchange) Quote(symbol, bid, ask string) error {
	b, okB := number(bid)
	a, okA := number(ask)
	if !okB || !okA || b.Sign() <= 0 || b.Cmp(a) >= 0 {
		return fmt.Errorf("sim: no quote: %s, %s", bid, ask)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.quotes[symbol] = quote{b, a}
	for _, acc := range x.accounts {
		for _, o := range acc.takeMu(func(o order) bool { return x.reachedMu(o) }) {
			x.fillMu(acc, o, o.price, true)
		}
	}
	return nil
}

// reachedMu reports whether the market trades at the order's own price. Stop orders
// and the like rest for ever.
func (x *Exchange) reachedMu(o order) bool {
	q, ok := x.quotes[o.symbol]
	if !ok || !x.opts.Market {
		return false
	}
	switch strings.TrimPrefix(o.kind, "EXCHANGE ") {
	case "MARKET":
		return true
	case "LIMIT", "FOK", "IOC":
		return o.amount.Sign() > 0 && o.price.Cmp(q.ask) >= 0 || o.amount.Sign() < 0 && o.price.Cmp(q.bid) <= 0
	}
	return false
}

// takes is the price at which the market takes the order.
func (q quote) takes(o order) *big.Rat {
	if o.amount.Sign() > 0 {
		return q.ask
	}
	return q.bid
}

// placeMu fills an order, lets it rest, or refuses it, and returns what has become
// of it.
func (x *Exchange) placeMu(a *account, o order) (order, *no) {
	if !x.opts.Market {
		a.orders = append(a.orders, o)
		return o, nil
	}
	q, known := x.quotes[o.symbol]
	if !known {
		return o, &no{codeParams, "symbol: invalid"}
	}
	if n := x.coveredMu(a, o, q); n != nil {
		return o, n
	}
	reached := x.reachedMu(o)
	switch {
	case reached && o.flags&flagPostOnly != 0:
		return a.close(o, "POSTONLY CANCELED"), nil
	case reached:
		return x.fillMu(a, o, q.takes(o), false), nil
	case strings.HasSuffix(o.kind, "FOK"), strings.HasSuffix(o.kind, "IOC"):
		return a.close(o, "CANCELED"), nil
	}
	a.orders = append(a.orders, o)
	return o, nil
}

// needs is the currency that a spot order spends, and how much of it.
func (o order) needs(price *big.Rat) (string, *big.Rat) {
	base, quoted := splitPair(o.symbol)
	if o.amount.Sign() > 0 {
		return quoted, times(o.amount, price)
	}
	return base, size(o.amount)
}

// coveredMu refuses what the account cannot pay: all of a spot order, three tenths
// of one on margin.
func (x *Exchange) coveredMu(a *account, o order, q quote) *no {
	price := o.price
	if price.Sign() <= 0 {
		price = q.takes(o)
	}
	kind := "margin"
	_, currency := splitPair(o.symbol)
	need := times(times(size(o.amount), price), decimal("0.3"))
	if spot(o.kind) {
		kind = "exchange"
		currency, need = o.needs(price)
	}
	if x.availableMu(a, kind, currency).Cmp(need) >= 0 {
		return nil
	}
	text := fmt.Sprintf("Invalid order: not enough %s balance for %s %s at %s", kind, digits(o.amount), o.symbol[1:], digits(price))
	return &no{codeGeneric, text}
}

// fillMu executes an order as a whole. A maker pays 0.1 %, a taker 0.2 %, of what
// they receive; on margin of what they trade.
func (x *Exchange) fillMu(a *account, o order, price *big.Rat, maker bool) order {
	rate := decimal("0.002")
	if maker {
		rate = decimal("0.001")
	}
	base, quoted := splitPair(o.symbol)
	value := times(o.amount, price)
	t := trade{id: x.idMu(), order: o, at: time.Now(), price: price, maker: maker, feeCurrency: quoted}
	kind := "margin"
	if spot(o.kind) {
		kind = "exchange"
		why := fmt.Sprintf("Exchange %s %s for %s @ %s", digits(o.amount), base, quoted, digits(price))
		x.moveMu(a, kind, base, o.amount, why)
		x.moveMu(a, kind, quoted, new(big.Rat).Neg(value), why)
	} else {
		x.holdMu(a, o, price)
	}
	t.fee = new(big.Rat).Neg(times(size(value), rate))
	if spot(o.kind) && o.amount.Sign() > 0 {
		t.fee, t.feeCurrency = new(big.Rat).Neg(times(o.amount, rate)), base
	}
	x.moveMu(a, kind, t.feeCurrency, t.fee, fmt.Sprintf("Trading fees for %s %s @ %s", digits(o.amount), o.symbol[1:], digits(price)))
	a.trades = append(a.trades, t)
	o.average = price
	return a.close(o, fmt.Sprintf("EXECUTED @ %s(%s)", digits(price), digits(o.amount)))
}

// holdMu changes the position of the order's symbol. What it takes off is settled
// into the margin wallet.
func (x *Exchange) holdMu(a *account, o order, price *big.Rat) {
	i := slices.IndexFunc(a.positions, func(p position) bool { return p.symbol == o.symbol })
	if i < 0 {
		a.positions = append(a.positions, position{x.idMu(), o.symbol, o.amount, price, time.Now()})
		return
	}
	p := &a.positions[i]
	after := plus(p.amount, o.amount)
	if p.amount.Sign() == o.amount.Sign() {
		spent := plus(times(p.amount, p.base), times(o.amount, price))
		p.amount, p.base = after, new(big.Rat).Quo(spent, after)
		return
	}
	off := p.amount // all of it, or as much as the order has
	if size(o.amount).Cmp(size(p.amount)) < 0 {
		off = new(big.Rat).Neg(o.amount)
	}
	_, quoted := splitPair(o.symbol)
	x.moveMu(a, "margin", quoted, times(off, minus(price, p.base)), "Settlement @ "+string(digits(price)))
	if after.Sign() != p.amount.Sign() {
		p.base = price
	}
	p.amount = after
	if after.Sign() == 0 {
		a.positions = slices.Delete(a.positions, i, i+1)
	}
}

// close puts an order that is no longer open into the history.
func (a *account) close(o order, status string) order {
	o.status, o.updated = status, time.Now()
	if strings.HasPrefix(status, "EXECUTED") {
		o.left = zero()
	}
	a.closed = append(a.closed, o)
	return o
}

// row is the trade in Bitfinex's shape.
func (t trade) row() []any {
	return []any{
		t.id, t.order.symbol, t.at.UnixMilli(), t.order.id, digits(t.order.amount), digits(t.price),
		t.order.kind, digits(t.order.price), makerFlag(t.maker), digits(t.fee), t.feeCurrency, t.order.cid,
	}
}

func makerFlag(maker bool) int {
	if maker {
		return 1
	}
	return -1
}

// rowMu is the position in Bitfinex's shape, with what it has won by now.
func (x *Exchange) rowMu(p position) []any {
	now := x.quotes[p.symbol].takes(order{amount: new(big.Rat).Neg(p.amount)})
	won := times(p.amount, minus(now, p.base))
	share := new(big.Rat).Quo(won, times(size(p.amount), p.base))
	r := make([]any, 20)
	r[0], r[1], r[2], r[3], r[4], r[5] = p.symbol, "ACTIVE", digits(p.amount), digits(p.base), 0, 0
	r[6], r[7], r[8], r[9] = digits(won), digits(share), nil, nil
	r[11], r[12], r[13], r[15] = p.id, p.since.UnixMilli(), p.since.UnixMilli(), 0
	r[17], r[18], r[19] = 0, 0, map[string]any{"reason": "TRADE"}
	return r
}
