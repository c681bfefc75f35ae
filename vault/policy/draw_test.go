package policy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

// tally counts what a property was tried on, so that none holds only because what it
// speaks of was never drawn.
type tally struct {
	draws int
	seen  map[string]int
}

func (n *tally) saw(what string) { n.seen[what]++ }

// decided counts a request that is allowed.
func (n *tally) decided(r *policy.Request, d policy.Decision) bool {
	if d.Allowed && len(r.Ops) > 0 {
		n.saw("an allowed write")
	}
	if d.Allowed && slices.ContainsFunc(r.Ops, func(o policy.Op) bool { return o.Action == policy.Update && o.Was != nil }) {
		n.saw("an allowed known update")
	}
	return d.Allowed
}

// property checks 5,000 draws, and fails where something was seen in fewer of a
// thousand than floors says.
func property(t *testing.T, floors map[string]int, check func(t *rapid.T, n *tally)) {
	t.Helper()
	n := &tally{seen: map[string]int{}}
	for range 50 {
		rapid.Check(t, func(t *rapid.T) {
			n.draws++
			check(t, n)
		})
	}
	for what, floor := range floors {
		if n.seen[what]*1000 < floor*n.draws {
			t.Errorf("%s was seen in %d of %d draws, want %d of 1000", what, n.seen[what], n.draws, floor)
		}
	}
	t.Logf("of %d draws: %v", n.draws, n.seen)
}

// half, quarter and mostly are true once in two, in four, and 15 times in 16.
func half(t *rapid.T, name string) bool    { return rapid.Bool().Draw(t, name) }
func quarter(t *rapid.T, name string) bool { return half(t, name) && half(t, name+", again") }
func mostly(t *rapid.T, name string) bool {
	return !(quarter(t, "not "+name) && quarter(t, "indeed not "+name))
}

// pick draws one of a list, the first ones more often.
func pick[T any](t *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(t, name) }

// sometimes is a rule that is mostly absent.
func sometimes[T any](t *rapid.T, name string, draw func() T) (rule T) {
	if quarter(t, name) {
		return draw()
	}
	return rule
}

// subset has each of the words three times in four.
func subset(t *rapid.T, name string, of ...string) []string {
	list := []string{}
	for _, word := range of {
		if !quarter(t, name+" without "+word) {
			list = append(list, word)
		}
	}
	return list
}

func some(t *rapid.T, name string, most []string, currencies ...string) map[string]policy.Decimal {
	m := map[string]policy.Decimal{}
	for _, c := range subset(t, name, currencies...) {
		m[c] = opt(pick(t, name, most...)).Decimal
	}
	return m
}

// drawSpec draws a grant with a few rules, of which drawRequest's are often allowed.
func drawSpec(t *rapid.T) policy.GrantSpec {
	sizes, values := []string{"600", "600", "2", "600", "1", "0.5", "0"}, []string{"300000", "300000", "90000", "300000", "30000", "0"}
	s := policy.GrantSpec{
		Key: "main", Allow: everything, MarketOrders: !quarter(t, "no market_orders"),
		Endpoints: subset(t, "endpoint", "v2/auth/w/pulse/add"), ExtraFields: subset(t, "extra", "ui", "note"),
		Symbols: sometimes(t, "symbols", func() []string { return subset(t, "symbol", "tBTCUSD", "tETHUSD", "fUSD") }),
		OrderTypes: sometimes(t, "order_types", func() []string {
			return subset(t, "type", "EXCHANGE LIMIT", "EXCHANGE MARKET", "STOP LIMIT", "EXCHANGE STOP")
		}),
		Flags:         sometimes(t, "flags", func() []string { return subset(t, "flag", "hidden", "post_only", "oco", "close") }),
		MaxOrder:      sometimes(t, "max_order", func() map[string]policy.Decimal { return some(t, "most", sizes, "BTC", "ETH", "USD") }),
		MaxNotional:   sometimes(t, "max_notional", func() map[string]policy.Decimal { return some(t, "value", values, "USD", "EUR") }),
		DailyNotional: sometimes(t, "daily_notional", func() map[string]policy.Decimal { return some(t, "daily", values, "USD", "EUR") }),
		PriceBand:     sometimes(t, "price_band", func() map[string]policy.BandSpec { return drawBands(t) }),
		MaxLeverage:   sometimes(t, "max_leverage", func() *uint32 { return new(pick[uint32](t, "lev", 10, 5, 1, 100)) }),
		Hours: sometimes(t, "hours", func() *string {
			return new(pick(t, "span", "Mon-Fri 08:00-18:00 UTC", "Mon-Fri 08:00-18:00 UTC", "Wed 12:00-12:01 UTC", "Sun 00:00-24:00 UTC"))
		}),
		Expires: sometimes(t, "expires", func() *policy.Date {
			return &policy.Date{Year: pick(t, "year", 2026, 2026, 2027, 2030, 2025), Month: 11, Day: 25}
		}),
		AffCodes: sometimes(t, "aff_codes", func() []string { return subset(t, "code", "mine", "yours") }),
	}
	if !mostly(t, "everything") {
		s.Allow = subset(t, "allow", everything...)
	}
	if slices.Contains(s.Allow, "withdraw") {
		s.Withdraw = sometimes(t, "withdraw", func() *policy.WithdrawSpec {
			return &policy.WithdrawSpec{
				Addresses: sometimes(t, "addresses", func() []string { return subset(t, "address", "bc1qmine", "bc1qyours") }),
				Max:       sometimes(t, "max", func() map[string]policy.Decimal { return some(t, "out", sizes, "BTC") }),
			}
		})
	}
	return s
}

func drawBands(t *rapid.T) map[string]policy.BandSpec {
	bands := map[string]policy.BandSpec{}
	for _, symbol := range subset(t, "band", "tBTCUSD", "tETHUSD") {
		bands[symbol] = policy.BandSpec{Reference: opt("60000").Decimal, Percent: opt(pick(t, "percent", "20", "20", "5", "99", "0")).Decimal}
	}
	return bands
}

// maybe is a decimal that is there once in four.
func maybe(t *rapid.T, name string, texts ...string) (o policy.Optional) {
	if quarter(t, name) {
		return opt(pick(t, name+" is", texts...))
	}
	return o
}

func drawOp(t *rapid.T) policy.Op {
	if quarter(t, "another kind") {
		return pick(t, "kind", cancel, offer, transfer, payout, closing, alert, setting, algo, collateral)
	}
	o := order(symbol(pick(t, "symbol", "tBTCUSD", "tBTCUSD", "tBTCUSD", "tBTCUSD", "tBTCUSD", "tBTCUSD", "tETHUSD", "tBTCEUR", "tBTCF0:USTF0", "tODDPAIR")),
		kind(pick(t, "type", "EXCHANGE LIMIT", "EXCHANGE LIMIT", "EXCHANGE LIMIT", "EXCHANGE LIMIT", "STOP LIMIT", "EXCHANGE MARKET", "EXCHANGE STOP")))
	o.Amount = opt(pick(t, "amount", "0.5", "-0.5", "0.5", "1", "2"))
	if mostly(t, "price") {
		o.Price = opt(pick(t, "price is", "60000", "60000", "60000", "59000", "63000", "63001", "1", "0", "-1"))
	}
	drawDetails(t, &o)
	if half(t, "update") {
		o.Flags &^= policy.FlagClose | policy.FlagOCO // mostly: an order that had them stays unbounded
		o = update(was(o))
		o.Amount, o.Delta = maybe(t, "new amount", "0.1", "0.2", "-5"), maybe(t, "delta", "0.1", "-0.1")
		o.Price = maybe(t, "new price", "60000", "61000", "64000", "-1")
		drawDetails(t, &o)
		if quarter(t, "unknown") && half(t, "really unknown") {
			unknown(&o)
		}
	}
	return o
}

// drawDetails draws what orders and updates carry beside amount and price.
func drawDetails(t *rapid.T, o *policy.Op) {
	o.AuxPrice, o.Leverage = maybe(t, "aux", "60000", "70000"), maybe(t, "leverage", "1", "1", "10", "100")
	if quarter(t, "flags") {
		o.Flags = pick(t, "flags are", policy.FlagHidden, policy.FlagHidden, policy.FlagHidden|policy.FlagPostOnly, policy.FlagOCO, policy.FlagClose)
	}
	if quarter(t, "open") {
		o.StopPrice, o.Trailing = maybe(t, "oco", "59000", "1"), maybe(t, "trailing", "5")
	}
	if quarter(t, "affiliate") {
		o.AffCode = []byte(pick(t, "code", "mine", "mine", "theirs"))
	}
}

func drawRequest(t *rapid.T) *policy.Request {
	if !mostly(t, "write") {
		r := read()
		if half(t, "of a symbol") {
			r = &policy.Request{Endpoint: "v2/auth/r/orders/{symbol}", Class: policy.Read, Symbol: pick(t, "of", "tBTCUSD", "tXRPUSD")}
		}
		return r
	}
	r := trade(drawOp(t))
	for quarter(t, "more") && len(r.Ops) < 4 {
		o := drawOp(t)
		r.Class |= o.Class
		r.Ops = append(r.Ops, o)
	}
	if !mostly(t, "all read") {
		r.Unread = [][]byte{[]byte(pick(t, "field", "ui", "ui", "other"))}
	}
	if !mostly(t, "by class") {
		r.ByName, r.Endpoint = true, "v2/auth/w/pulse/add"
	}
	return r
}

func mustCompile(t *rapid.T, s policy.GrantSpec) *policy.Grant {
	g, err := s.Compile([]string{"v2/auth/w/pulse/add"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
