package policy_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

// sometimes is a rule that may be absent.
func sometimes[T any](t *rapid.T, name string, draw func() T) (rule T) {
	if rapid.Bool().Draw(t, name) {
		return draw()
	}
	return rule
}

func subset(t *rapid.T, name string, of ...string) []string {
	list := []string{}
	for _, word := range of {
		if rapid.Bool().Draw(t, name+" "+word) {
			list = append(list, word)
		}
	}
	return list
}

func some(t *rapid.T, name string, currencies ...string) map[string]policy.Decimal {
	m := map[string]policy.Decimal{}
	for _, c := range subset(t, name, currencies...) {
		m[c] = opt(rapid.SampledFrom([]string{"0", "0.5", "1", "30000", "90000"}).Draw(t, name)).Decimal
	}
	return m
}

// drawSpec draws a grant of which requests of drawRequest are sometimes allowed.
func drawSpec(t *rapid.T) policy.GrantSpec {
	s := policy.GrantSpec{
		Key: "main", Allow: subset(t, "allow", everything...), MarketOrders: rapid.Bool().Draw(t, "market_orders"),
		Endpoints:     sometimes(t, "endpoints", func() []string { return []string{"v2/auth/w/pulse/add"} }),
		ExtraFields:   sometimes(t, "extra_fields", func() []string { return subset(t, "extra", "ui", "note") }),
		Symbols:       sometimes(t, "symbols", func() []string { return subset(t, "symbol", "tBTCUSD", "tETHUSD", "fUSD") }),
		OrderTypes:    sometimes(t, "order_types", func() []string { return subset(t, "type", "EXCHANGE LIMIT", "EXCHANGE MARKET", "STOP LIMIT") }),
		Flags:         sometimes(t, "flags", func() []string { return subset(t, "flag", "hidden", "post_only", "oco") }),
		MaxOrder:      sometimes(t, "max_order", func() map[string]policy.Decimal { return some(t, "most", "BTC", "ETH", "USD") }),
		MaxNotional:   sometimes(t, "max_notional", func() map[string]policy.Decimal { return some(t, "value", "USD", "EUR") }),
		DailyNotional: sometimes(t, "daily_notional", func() map[string]policy.Decimal { return some(t, "daily", "USD", "EUR") }),
		AffCodes:      sometimes(t, "aff_codes", func() []string { return subset(t, "code", "mine", "yours") }),
	}
	if rapid.Bool().Draw(t, "price_band") {
		s.PriceBand = map[string]policy.BandSpec{}
		for _, symbol := range subset(t, "band", "tBTCUSD", "tETHUSD") {
			s.PriceBand[symbol] = policy.BandSpec{Reference: opt("60000").Decimal, Percent: opt(rapid.SampledFrom([]string{"0", "5", "99"}).Draw(t, "percent")).Decimal}
		}
	}
	s.MaxLeverage = sometimes(t, "max_leverage", func() *uint32 { n := rapid.Uint32Range(1, 20).Draw(t, "lev"); return &n })
	s.Hours = sometimes(t, "hours", func() *string {
		h := rapid.SampledFrom([]string{"Mon-Fri 08:00-18:00 UTC", "Sun 00:00-24:00 UTC"}).Draw(t, "span")
		return &h
	})
	s.Expires = sometimes(t, "expires", func() *policy.Date {
		return &policy.Date{Year: rapid.IntRange(2025, 2027).Draw(t, "year"), Month: 11, Day: 25}
	})
	if slices.Contains(s.Allow, "withdraw") {
		s.Withdraw = sometimes(t, "withdraw", func() *policy.WithdrawSpec {
			return &policy.WithdrawSpec{
				Addresses: sometimes(t, "addresses", func() []string { return subset(t, "address", "bc1qmine", "bc1qyours") }),
				Max:       sometimes(t, "max", func() map[string]policy.Decimal { return some(t, "out", "BTC") }),
			}
		})
	}
	return s
}

func maybe(t *rapid.T, name string, texts ...string) (o policy.Optional) {
	if rapid.Bool().Draw(t, name) {
		return opt(rapid.SampledFrom(texts).Draw(t, name+" is"))
	}
	return o
}

func drawOp(t *rapid.T) policy.Op {
	whole := rapid.SampledFrom([]policy.Op{order(), order(), update(), update(), cancel, offer, closing, transfer, payout, alert, setting}).Draw(t, "kind")
	if whole.Action != policy.Submit && whole.Action != policy.Update {
		return whole
	}
	o := order(symbol(rapid.SampledFrom([]string{"tBTCUSD", "tETHUSD", "tBTCEUR", "tBTCF0:USTF0", "tODDPAIR"}).Draw(t, "symbol")),
		kind(rapid.SampledFrom([]string{"EXCHANGE LIMIT", "EXCHANGE MARKET", "STOP LIMIT", "EXCHANGE STOP"}).Draw(t, "type")))
	o.Amount = opt(rapid.SampledFrom([]string{"0.5", "-0.5", "1", "2"}).Draw(t, "amount"))
	o.Price = maybe(t, "price", "60000", "63001", "1", "0", "-1")
	if whole.Action == policy.Update {
		o = update(was(o))
		o.Amount, o.Delta = maybe(t, "amount", "0.1", "-5"), maybe(t, "delta", "0.1", "-0.1")
		o.Price = maybe(t, "new price", "60000", "64000", "-1")
		if rapid.Bool().Draw(t, "unknown") {
			unknown(&o)
		}
	}
	o.AuxPrice, o.StopPrice = maybe(t, "aux", "60000", "70000"), maybe(t, "oco", "59000", "1")
	o.Trailing, o.Leverage = maybe(t, "trailing", "5"), maybe(t, "leverage", "1", "10", "100")
	o.Flags = rapid.SampledFrom([]policy.Flags{0, policy.FlagHidden, policy.FlagOCO, policy.FlagHidden | policy.FlagPostOnly}).Draw(t, "flags")
	if rapid.Bool().Draw(t, "affiliate") {
		o.AffCode = []byte(rapid.SampledFrom([]string{"mine", "theirs"}).Draw(t, "code"))
	}
	return o
}

func drawRequest(t *rapid.T) *policy.Request {
	switch rapid.IntRange(0, 5).Draw(t, "request") {
	case 0:
		return read()
	case 1:
		return &policy.Request{Endpoint: "v2/auth/r/orders/{symbol}", Class: policy.Read, Symbol: rapid.SampledFrom([]string{"tBTCUSD", "tXRPUSD"}).Draw(t, "of")}
	}
	r := trade(drawOp(t))
	for rapid.Bool().Draw(t, "more") && len(r.Ops) < 4 {
		o := drawOp(t)
		r.Class |= o.Class
		r.Ops = append(r.Ops, o)
	}
	if rapid.IntRange(0, 4).Draw(t, "unread") == 0 {
		r.Unread = [][]byte{[]byte(rapid.SampledFrom([]string{"ui", "other"}).Draw(t, "field"))}
	}
	r.ByName = rapid.IntRange(0, 9).Draw(t, "by name") == 0
	if r.ByName {
		r.Endpoint = "v2/auth/w/pulse/add"
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

// permissions are the fields that widen; all others narrow.
var permissions = []string{"Key", "Allow", "MarketOrders", "WebSocket", "Endpoints", "ExtraFields"}

// P3, A28: take any rule away, and nothing that was allowed is denied.
func TestAddingARuleNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		wider := s
		fields := reflect.ValueOf(&wider).Elem()
		for i := range fields.NumField() {
			name := fields.Type().Field(i).Name
			if !slices.Contains(permissions, name) && rapid.Bool().Draw(t, "without "+name) {
				fields.Field(i).SetZero()
			}
		}
		r := drawRequest(t)
		if policy.Decide(mustCompile(t, s), r, at(noon)).Allowed {
			if d := policy.Decide(mustCompile(t, wider), r, at(noon)); !d.Allowed {
				t.Fatalf("allowed under more rules than under fewer: %+v", d)
			}
		}
	})
}

// P3: take any permission away, and nothing that was denied is allowed.
func TestAPermissionLessNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		narrower := s
		narrower.MarketOrders = s.MarketOrders && rapid.Bool().Draw(t, "keep market_orders")
		narrower.Endpoints, narrower.ExtraFields = nil, nil
		if s.Withdraw == nil && len(s.Allow) > 0 {
			narrower.Allow = s.Allow[1:]
		}
		r := drawRequest(t)
		if policy.Decide(mustCompile(t, narrower), r, at(noon)).Allowed && !policy.Decide(mustCompile(t, s), r, at(noon)).Allowed {
			t.Fatal("fewer permissions allowed more")
		}
	})
}

// A28: in which order a list stands never matters.
func TestTheOrderOfListsNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		turned := s
		fields := reflect.ValueOf(&turned).Elem()
		for i := range fields.NumField() {
			if list, ok := fields.Field(i).Interface().([]string); ok && list != nil {
				list = slices.Clone(list)
				slices.Reverse(list)
				fields.Field(i).Set(reflect.ValueOf(list))
			}
		}
		r := drawRequest(t)
		if policy.Decide(mustCompile(t, s), r, at(noon)) != policy.Decide(mustCompile(t, turned), r, at(noon)) {
			t.Fatal("a list decides otherwise when it is turned round")
		}
	})
}

// P3
func TestAnEmptyGrantAllowsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if r := drawRequest(t); policy.Decide(compileEmpty(t), r, at(noon)).Allowed {
			t.Fatalf("allowed: %+v", r)
		}
	})
}

func compileEmpty(t *rapid.T) *policy.Grant { return mustCompile(t, policy.GrantSpec{}) }

// P3: one operation of several that is denied denies the whole.
func TestARequestIsAllowedOnlyIfEachOfItsOperationsIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, r := mustCompile(t, drawSpec(t)), drawRequest(t)
		whole := policy.Decide(g, r, at(noon)).Allowed
		for _, o := range r.Ops {
			one := *r
			one.Ops, one.Class = []policy.Op{o}, o.Class
			if whole && !policy.Decide(g, &one, at(noon)).Allowed {
				t.Fatalf("allowed with others, denied alone: %+v", o)
			}
		}
	})
}

// What a rule judges of an update is never less than any order it could lead to.
func TestAnUpdateIsJudgedAsTheMostThatItCouldLeadTo(t *testing.T) { // A35
	rapid.Check(t, func(t *rapid.T) {
		first := order(amount(rapid.SampledFrom([]string{"0.1", "-2"}).Draw(t, "first")), price(rapid.SampledFrom([]string{"1", "9"}).Draw(t, "at")))
		became := first.Became()
		u := update(was(first))
		u.Amount, u.Delta = maybe(t, "amount", "0.5", "-3"), maybe(t, "delta", "0.2", "-4")
		u.Price, u.AuxPrice = maybe(t, "price", "3", "10"), maybe(t, "aux", "2", "20")
		after := u.Became()
		for _, could := range []policy.Decimal{became.Amount, u.Amount.Abs(), became.Amount.AddAbs(u.Delta.Decimal)} {
			if after.Amount.CmpAbs(could) < 0 {
				t.Fatalf("judged as %s, and could become %s", after.Amount, could)
			}
		}
		for _, p := range []policy.Optional{u.Price, u.AuxPrice, first.Price} {
			if p.Set && (after.Low.Cmp(p.Decimal) > 0 || after.High.Cmp(p.Decimal) < 0) {
				t.Fatalf("judged at %s to %s, and could be at %s", after.Low, after.High, p)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	hours, lev, requests, burst := "Mon-Fri 08:00-18:00 Europe/London", uint32(1), uint64(50000), uint32(20)
	g := compile(b, policy.GrantSpec{
		Key: "main", Allow: []string{"read", "trade", "cancel"}, Symbols: []string{"tBTCUSD", "tETHUSD"}, OrderTypes: []string{"EXCHANGE LIMIT"},
		Flags: []string{"hidden", "post_only", "reduce_only"}, MaxLeverage: &lev, MaxOrder: amounts("BTC", "0.5", "ETH", "10"),
		MaxNotional: amounts("USD", "30000"), DailyNotional: amounts("USD", "500000"),
		PriceBand: map[string]policy.BandSpec{"tBTCUSD": {Reference: opt("60000").Decimal, Percent: opt("5").Decimal}},
		Rate:      &policy.RateSpec{PerSecond: opt("10").Decimal, Burst: &burst}, DailyRequests: &requests, Hours: &hours,
		Expires: &policy.Date{Year: 2027, Month: 3, Day: 31}, AffCodes: []string{},
	})
	r, now := trade(order(flags(policy.FlagPostOnly))), at(noon)
	b.ReportAllocs()
	for b.Loop() {
		if d := policy.Decide(g, r, now); !d.Allowed {
			b.Fatal(d)
		}
	}
}
