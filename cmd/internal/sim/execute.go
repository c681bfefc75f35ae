package sim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// executeMu carries out a request that was authenticated and is permitted.
func (x *Exchange) executeMu(acc *account, path string, body []byte) answer {
	switch path {
	case "v2/auth/w/order/submit":
		return either(x.submitMu(acc, body))
	case "v2/auth/w/order/update":
		return either(x.updateMu(acc, body))
	case "v2/auth/w/order/cancel":
		return either(cancelMu(acc, body))
	case "v2/auth/w/order/cancel/multi":
		return either(cancelMultiMu(acc, body))
	case "v2/auth/w/order/multi":
		return either(x.multiMu(acc, body))
	case "v2/auth/w/funding/offer/submit":
		return either(x.offerMu(acc, body))
	case "v2/auth/w/funding/offer/cancel":
		return either(cancelOfferMu(acc, body))
	case "v2/auth/w/funding/offer/cancel/all":
		return either(cancelOffersMu(acc, body))
	}
	if r, ok := strings.CutPrefix(path, "v2/auth/r/"); ok {
		return reply(x.readMu(acc, r, body))
	}
	return reply([]any{})
}

// readMu answers what changes nothing: lists, newest first as Bitfinex has them,
// cut down to what the path and the body ask for.
func (x *Exchange) readMu(acc *account, path string, body []byte) []any {
	parts := strings.Split(path, "/")
	w := readWish(parts, body)
	old := parts[len(parts)-1] == "hist"
	switch parts[0] {
	case "permissions":
		return acc.key.permissions()
	case "wallets":
		return x.walletRowsMu(acc)
	case "orders":
		list := acc.orders
		if old {
			list = acc.closed
		}
		return pick(w, list, func(o order) (seen, []any) { return seen{o.id, o.symbol, o.updated}, o.row() })
	case "trades":
		return pick(w, acc.trades, func(t trade) (seen, []any) { return seen{t.id, t.order.symbol, t.at}, t.row() })
	case "order": // order/tBTCUSD:ID/trades
		at := strings.LastIndex(path, ":")
		id := strings.TrimSuffix(path[at+1:], "/trades")
		of := slices.DeleteFunc(slices.Clone(acc.trades), func(t trade) bool { return strconv.FormatInt(t.order.id, 10) != id })
		return pick(wish{}, of, func(t trade) (seen, []any) { return seen{}, t.row() })
	case "ledgers":
		return pick(w, acc.ledger, func(e entry) (seen, []any) { return seen{e.id, e.currency, e.at}, e.row() })
	case "positions":
		if len(parts) > 1 {
			return []any{}
		}
		return pick(w, acc.positions, func(p position) (seen, []any) { return seen{p.id, p.symbol, p.since}, x.rowMu(p) })
	case "funding":
		if len(parts) < 2 || parts[1] != "offers" {
			return []any{}
		}
		list := acc.offers
		if old {
			list = acc.oldOffers
		}
		return pick(w, list, func(o offer) (seen, []any) { return seen{o.id, o.symbol, o.updated}, o.row() })
	}
	return []any{}
}

// wish is what a request wants of a list; the zero value wants all.
type wish struct {
	symbol     string // or a currency
	ids        []int64
	start, end int64 // milliseconds
	limit      int
}

func readWish(parts []string, body []byte) wish {
	var in struct {
		ID         []int64
		Start, End int64
		Limit      int
	}
	decode(body, &in) // what cannot be read is a wish for all
	w := wish{ids: in.ID, start: in.Start, end: in.End, limit: in.Limit}
	for _, p := range parts[1:] {
		if regexp.MustCompile(`^[tf]?[A-Z0-9]{2,}(:[A-Z0-9]+)?$`).MatchString(p) {
			w.symbol = p
		}
	}
	return w
}

// seen is what a wish goes by.
type seen struct {
	id     int64
	symbol string
	at     time.Time
}

// pick lists what the wish is for, newest first. It is never nil.
func pick[T any](w wish, all []T, view func(T) (seen, []any)) []any {
	out := []any{}
	for _, item := range slices.Backward(all) {
		s, row := view(item)
		at := s.at.UnixMilli()
		switch {
		case w.symbol != "" && w.symbol != s.symbol,
			len(w.ids) > 0 && !slices.Contains(w.ids, s.id),
			w.start > 0 && at < w.start, w.end > 0 && at > w.end:
			continue
		}
		if out = append(out, row); len(out) == w.limit {
			break
		}
	}
	return out
}
