package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Explain says in full why a request was denied and what would have been allowed.
// It is for the operator: it repeats values of the request that their grammar leaves
// no room in for a secret. An address or an affiliate code may be anything, also one that
// was pasted into the wrong place: those are not repeated (A49).
func Explain(g *Grant, r *Request, d Decision) string {
	if d.Allowed {
		return "allowed"
	}
	text := d.Reason
	if d.Op < len(r.Ops) {
		if asked := r.Ops[d.Op].asked(d); asked != "" {
			text += "; asked " + asked
		}
		if len(r.Ops) > 1 {
			text += fmt.Sprintf(" in operation %d", d.Op+1)
		}
	}
	if g != nil {
		if granted := g.granted(r, d); granted != "" {
			text += "; allowed " + granted
		}
	}
	return text
}

// asked is what an operation asked for, as far as the rule looked.
func (o *Op) asked(d Decision) string {
	switch d.Rule {
	case "symbols":
		return brief(o.Symbol)
	case "order_types", "market_orders":
		return o.Type.String()
	case "flags":
		return strings.Join(o.Flags.Words(), ",")
	case "max_leverage":
		return o.Leverage.String()
	case "max_order":
		amount, known := o.amount()
		if !known {
			return "an amount that cannot be told of " + string(o.Symbol)
		}
		return amount.String() + " of " + string(o.Symbol)
	case "max_notional", "daily_notional":
		if currency, value, ok := o.Notional(); ok {
			return value.String() + " " + string(currency)
		}
		return string(o.Symbol) + " without a price"
	case "price_band":
		low, high, ok := o.prices()
		if !ok {
			return string(o.Symbol) + " without a price"
		}
		return low.String() + " to " + high.String() + " for " + string(o.Symbol)
	case "withdraw.addresses":
		if o.External {
			return "another account"
		}
	case "withdraw.max":
		return o.Amount.String() + " " + string(o.Currency)
	}
	return ""
}

// brief keeps what a bot sends from filling the log.
func brief(value []byte) string {
	const most = 100
	if len(value) > most {
		return string(value[:most]) + "…"
	}
	return string(value)
}

// granted is what the grant has to say under the rule that denied.
func (g *Grant) granted(r *Request, d Decision) string {
	switch d.Rule {
	case "allow":
		return g.allow.String()
	case "order_types":
		if g.orderTypes != nil {
			return g.orderTypes.words()
		}
	case "flags":
		if g.flags != nil {
			return orNothing(strings.Join(g.flags.Words(), ","))
		}
	case "max_leverage":
		if g.maxLeverage != nil {
			return g.maxLeverage.String()
		}
	case "withdraw.addresses":
		if g.withdraw != nil {
			return words(g.withdraw.addresses)
		}
	case "withdraw.max":
		if g.withdraw != nil {
			return perCurrency(g.withdraw.max)
		}
	case "endpoints":
		return words(g.endpoints)
	case "extra_fields":
		return words(g.extraFields)
	case "symbols":
		return words(g.symbols)
	case "max_order":
		return perCurrency(g.maxOrder)
	case "max_notional":
		return perCurrency(g.maxNotional)
	case "daily_notional":
		return perCurrency(g.dailyNotional)
	case "price_band":
		return g.bandOf(r, d)
	case "expires":
		return "until " + g.expires.Format("2006-01-02 15:04 MST")
	case "aff_codes":
		return words(g.affCodes)
	}
	return ""
}

func (g *Grant) bandOf(r *Request, d Decision) string {
	if d.Op < len(r.Ops) {
		if b, ok := g.priceBand[string(r.Ops[d.Op].Symbol)]; ok {
			return b.low.String() + " to " + b.high.String()
		}
	}
	return orNothing(strings.Join(slices.Sorted(maps.Keys(g.priceBand)), ","))
}

func (t OrderType) words() string {
	var list []string
	for i, word := range orderTypes {
		if t&(1<<i) != 0 {
			list = append(list, word)
		}
	}
	return orNothing(strings.Join(list, ","))
}

func words(set map[string]struct{}) string {
	return orNothing(strings.Join(slices.Sorted(maps.Keys(set)), ","))
}

func perCurrency(by map[string]Decimal) string {
	var list []string
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		list = append(list, currency+"="+by[currency].String())
	}
	return orNothing(strings.Join(list, ","))
}

func orNothing(list string) string {
	if list == "" {
		return "nothing"
	}
	return list
}
