package sim

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// wallet is what an account has of one currency in one of its three places.
type wallet struct {
	kind, currency string // "exchange", "margin" or "funding"
	balance        *big.Rat
}

// entry is a line of the ledger.
type entry struct {
	id             int64
	kind, currency string
	at             time.Time
	amount, after  *big.Rat
	why            string
}

// openingWallets is what every account begins with.
func openingWallets(market bool) []wallet {
	ws := []wallet{
		{"exchange", "USD", decimal("100000")},
		{"exchange", "BTC", decimal("2.5")},
	}
	if market {
		ws = append(ws,
			wallet{"exchange", "ETH", decimal("20")},
			wallet{"margin", "USD", decimal("20000")},
			wallet{"funding", "USD", decimal("5000")})
	}
	return ws
}

// balance is zero where there is no such wallet.
func (a *account) balance(kind, currency string) *big.Rat {
	for _, w := range a.wallets {
		if w.kind == kind && w.currency == currency {
			return w.balance
		}
	}
	return zero()
}

// moveMu changes a balance and writes the line for it.
func (x *Exchange) moveMu(a *account, kind, currency string, amount *big.Rat, why string) {
	after := plus(a.balance(kind, currency), amount)
	i := slices.IndexFunc(a.wallets, func(w wallet) bool { return w.kind == kind && w.currency == currency })
	if i < 0 {
		a.wallets = append(a.wallets, wallet{kind, currency, after})
	} else {
		a.wallets[i].balance = after
	}
	a.ledger = append(a.ledger, entry{x.idMu(), kind, currency, time.Now(), amount, after, why + " on wallet " + kind})
}

// held is what open orders and offers have a claim on.
func (a *account) held(kind, currency string) *big.Rat {
	sum := zero()
	for _, o := range a.orders {
		if spot(o.kind) && kind == "exchange" {
			if c, n := o.needs(o.price); c == currency {
				sum = plus(sum, n)
			}
		}
	}
	for _, o := range a.offers {
		if kind == "funding" && o.symbol == "f"+currency {
			sum = plus(sum, o.amount)
		}
	}
	return sum
}

func (x *Exchange) availableMu(a *account, kind, currency string) *big.Rat {
	b := a.balance(kind, currency)
	if x.opts.Market {
		b = minus(b, a.held(kind, currency))
	}
	return b
}

// walletRowsMu is [TYPE, CURRENCY, BALANCE, UNSETTLED_INTEREST, AVAILABLE, null, null], each.
func (x *Exchange) walletRowsMu(a *account) []any {
	out := []any{}
	for _, w := range a.wallets {
		free := digits(x.availableMu(a, w.kind, w.currency))
		out = append(out, []any{w.kind, w.currency, digits(w.balance), 0, free, nil, nil})
	}
	return out
}

// row is [ID, CURRENCY, null, MTS, null, AMOUNT, BALANCE, null, DESCRIPTION].
func (e entry) row() []any {
	return []any{e.id, e.currency, nil, e.at.UnixMilli(), nil, digits(e.amount), digits(e.after), nil, e.why}
}

// splitPair is BTC and USD of tBTCUSD, TESTBTC and TESTUSD of tTESTBTC:TESTUSD.
func splitPair(symbol string) (base, quoted string) {
	pair := strings.TrimPrefix(symbol, "t")
	if base, quoted, ok := strings.Cut(pair, ":"); ok {
		return base, quoted
	}
	return pair[:len(pair)/2], pair[len(pair)/2:]
}

// spot reports whether orders of this type trade in the exchange wallet.
func spot(kind string) bool { return strings.HasPrefix(kind, "EXCHANGE ") }

func (x *Exchange) idMu() int64 {
	id := x.nextOrder
	x.nextOrder++
	return id
}
