package sim

import (
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"
)

// servePublic answers what anyone may read, with the quotes of the market and
// otherwise little: as much as stock clients load when they start.
func (x *Exchange) servePublic(path string, query url.Values) answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	parts := strings.Split(strings.TrimPrefix(path, "/v2/"), "/")
	switch {
	case path == "/v2/platform/status":
		return reply([]any{1})
	case path == "/v2/tickers":
		return reply(x.tickersMu(strings.Split(query.Get("symbols"), ",")))
	case len(parts) < 2 || !strings.HasPrefix(path, "/v2/"):
		return notFound()
	}
	switch symbol, _ := url.PathUnescape(parts[1]); parts[0] {
	case "conf":
		return reply(x.confMu(strings.Split(symbol, ",")))
	case "ticker":
		if rows := x.tickersMu([]string{symbol}); len(rows) == 1 {
			return reply(rows[0].([]any)[1:])
		}
		return refuse(codeParams, "symbol: invalid")
	case "book":
		q, ok := x.quotes[symbol]
		if !ok {
			return refuse(codeParams, "symbol: invalid")
		}
		return reply([]any{[]any{digits(q.bid), 1, 1000}, []any{digits(q.ask), 1, -1000}})
	case "trades":
		q, ok := x.quotes[symbol]
		if !ok {
			return reply([]any{})
		}
		return reply([]any{[]any{1, time.Now().UnixMilli(), 0.01, digits(q.ask)}})
	case "candles", "stats1", "status":
		return reply([]any{})
	}
	return notFound()
}

// symbolsMu are those with a market, in order.
func (x *Exchange) symbolsMu() []string {
	var all []string
	for s := range x.quotes {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// tickersMu has a row for each symbol that there is, the symbol first. A funding
// currency has 17 places, a pair 11.
func (x *Exchange) tickersMu(symbols []string) []any {
	wanted := func(s string) bool { return slices.Contains(symbols, s) || slices.Contains(symbols, "ALL") }
	out := []any{}
	for _, s := range x.symbolsMu() {
		if q := x.quotes[s]; wanted(s) {
			last := times(plus(q.bid, q.ask), big.NewRat(1, 2))
			out = append(out, []any{s, digits(q.bid), 1000, digits(q.ask), 1000, 0, 0, digits(last), 1000, digits(q.ask), digits(q.bid)})
		}
	}
	if wanted("fUSD") {
		out = append(out, []any{"fUSD", 0.0003, 0.0003, 30, 100000, 0.00031, 2, 100000, 0, 0, 0.0003, 1000000, 0.0004, 0.0002, nil, nil, 1000000})
	}
	return out
}

// confMu answers each of the lists that were asked for; one that there is not is
// empty (docs.bitfinex.com/reference/rest-public-conf).
func (x *Exchange) confMu(names []string) []any {
	var pairs, info []any
	for _, s := range x.symbolsMu() {
		pair := s[1:]
		pairs = append(pairs, pair)
		// The fourth and fifth place are the least and the largest order.
		info = append(info, []any{pair, []any{nil, nil, nil, "0.00004", "2000", nil, nil, nil, 0.2, 0.1, nil, nil}})
	}
	known := map[string][]any{
		"pub:list:pair:exchange":   pairs,
		"pub:list:pair:margin":     pairs,
		"pub:info:pair":            info,
		"pub:list:currency":        {"BTC", "ETH", "USD"},
		"pub:list:currency:margin": {"BTC", "ETH", "USD"},
		"pub:map:currency:label":   {[]any{"BTC", "Bitcoin"}, []any{"ETH", "Ethereum"}, []any{"USD", "US Dollar"}},
		"pub:map:currency:pool":    {[]any{"BTC", "BTC"}, []any{"ETH", "ETH"}},
		"pub:map:currency:tx:fee":  {[]any{"BTC", []any{0, 0.0004}}, []any{"ETH", []any{0, 0.002}}},
		"pub:map:tx:method":        {[]any{"BITCOIN", []any{"BTC"}}, []any{"ETHEREUM", []any{"ETH"}}},
		"pub:info:tx:status":       {[]any{"BITCOIN", 1, 1}, []any{"ETHEREUM", 1, 1}},
	}
	out := []any{}
	for _, n := range names {
		list := known[n]
		if list == nil {
			list = []any{}
		}
		out = append(out, list)
	}
	return out
}
