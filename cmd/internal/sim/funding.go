package sim

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// offer is money on offer to borrowers. Nobody takes one.
type offer struct {
	id           int64
	symbol, kind string
	created      time.Time
	updated      time.Time
	amount, rate *big.Rat
	period       int64
	flags        int64
	status       string
}

// offerMu places an offer (docs.bitfinex.com/reference/rest-auth-submit-funding-offer).
func (x *Exchange) offerMu(a *account, body []byte) ([]any, *no) {
	var in struct {
		Type, Symbol  string
		Amount, Rate  any
		Period, Flags int64
	}
	if !decode(body, &in) {
		return nil, &no{codeParams, "body: invalid"}
	}
	amount, amountOK := number(in.Amount)
	rate, rateOK := number(in.Rate)
	switch {
	case !slices.Contains([]string{"LIMIT", "FRRDELTAVAR", "FRRDELTAFIX"}, in.Type):
		return nil, &no{codeParams, "type: invalid"}
	case len(in.Symbol) < 3 || in.Symbol[0] != 'f':
		return nil, &no{codeParams, "symbol: invalid"}
	case !amountOK || amount.Sign() == 0:
		return nil, &no{codeParams, "amount: invalid"}
	case !rateOK:
		return nil, &no{codeParams, "rate: invalid"}
	case in.Period < 2 || in.Period > 120:
		return nil, &no{codeParams, "period: invalid"}
	case x.opts.Market && x.availableMu(a, "funding", in.Symbol[1:]).Cmp(amount) < 0:
		return nil, &no{codeGeneric, "Invalid offer: not enough funding balance"}
	}
	now := time.Now()
	o := offer{x.idMu(), in.Symbol, in.Type, now, now, amount, rate, in.Period, in.Flags, "ACTIVE"}
	a.offers = append(a.offers, o)
	text := fmt.Sprintf("Submitting funding offer of %s %s at %s for %d days.", digits(amount), in.Symbol[1:], digits(rate), in.Period)
	return notify(now.UnixMilli(), "fon-req", o.row(), text), nil
}

func cancelOfferMu(a *account, body []byte) ([]any, *no) {
	var in struct{ ID int64 }
	if !decode(body, &in) {
		return nil, &no{codeParams, "id: invalid"}
	}
	taken := a.takeBack(func(o offer) bool { return o.id == in.ID })
	if len(taken) == 0 {
		return nil, &no{codeGeneric, "Offer not found."}
	}
	return notify(time.Now().UnixMilli(), "foc-req", taken[0].row(), "Submitted for cancellation; waiting for confirmation."), nil
}

// cancelOffersMu takes back all offers, or all in one currency.
func cancelOffersMu(a *account, body []byte) ([]any, *no) {
	var in struct{ Currency string }
	if !decode(body, &in) {
		return nil, &no{codeParams, "currency: invalid"}
	}
	a.takeBack(func(o offer) bool { return in.Currency == "" || o.symbol == "f"+in.Currency })
	return notify(time.Now().UnixMilli(), "foc_all-req", nil, "Submitted for cancellation; waiting for confirmation."), nil
}

// takeBack moves the offers that match to the history and returns them as they were.
func (a *account) takeBack(match func(offer) bool) []offer {
	var taken, rest []offer
	for _, o := range a.offers {
		if !match(o) {
			rest = append(rest, o)
			continue
		}
		taken = append(taken, o)
		o.status, o.updated = "CANCELED", time.Now()
		a.oldOffers = append(a.oldOffers, o)
	}
	a.offers = rest
	return taken
}

// row is the offer in Bitfinex's shape, 21 places.
func (o offer) row() []any {
	r := make([]any, 21)
	r[0], r[1], r[2], r[3] = o.id, o.symbol, o.created.UnixMilli(), o.updated.UnixMilli()
	r[4], r[5], r[6], r[9], r[10] = digits(o.amount), digits(o.amount), o.kind, o.flags, o.status
	r[14], r[15], r[16], r[17], r[19] = digits(o.rate), o.period, 0, flag(o.flags&flagHidden != 0), 0
	return r
}
