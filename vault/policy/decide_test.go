package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bfxvault/vault/policy"
)

// noon is a Wednesday.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func at(t time.Time) policy.Now { return policy.Now{Wall: t, Steady: t} }

// compile makes a grant of a spec that must be right.
func compile(t testing.TB, s policy.GrantSpec) *policy.Grant {
	t.Helper()
	g, err := s.Compile([]string{"v2/auth/w/pulse/add"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// opt is a decimal that a request carries.
func opt(text string) policy.Optional {
	d, ok := policy.ParseDecimal(text)
	if !ok {
		panic(text)
	}
	return policy.Optional{Decimal: d, Set: true}
}

func amounts(pairs ...string) map[string]policy.Decimal {
	m := map[string]policy.Decimal{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = opt(pairs[i+1]).Decimal
	}
	return m
}

func orderType(word string) policy.OrderType {
	t, ok := policy.ParseOrderType(word)
	if !ok {
		panic(word)
	}
	return t
}

// order is a limit order of 0.5 BTC at 60,000 with changes.
func order(change ...func(*policy.Op)) policy.Op {
	o := policy.Op{
		Action: policy.Submit, Class: policy.Trade, Symbol: []byte("tBTCUSD"),
		Type: orderType("EXCHANGE LIMIT"), Amount: opt("0.5"), Price: opt("60000"), CID: 1,
	}
	for _, f := range change {
		f(&o)
	}
	return o
}

// update changes an order that is known as what order makes.
func update(change ...func(*policy.Op)) policy.Op {
	was := order()
	became := was.Became()
	u := policy.Op{Action: policy.Update, Class: policy.Trade, CID: 1, Day: 20000, Symbol: became.Symbol, Type: became.Type, Was: &became}
	for _, f := range change {
		f(&u)
	}
	return u
}

// trade is a request with operations.
func trade(ops ...policy.Op) *policy.Request {
	r := &policy.Request{Endpoint: "v2/auth/w/order/multi", Write: true, Ops: ops}
	for _, o := range ops {
		r.Class |= o.Class
	}
	return r
}

// read is a request of wallets.
func read() *policy.Request {
	return &policy.Request{Endpoint: "v2/auth/r/wallets", Class: policy.Read}
}

func symbol(s string) func(*policy.Op)      { return func(o *policy.Op) { o.Symbol = []byte(s) } }
func amount(s string) func(*policy.Op)      { return func(o *policy.Op) { o.Amount = opt(s) } }
func delta(s string) func(*policy.Op)       { return func(o *policy.Op) { o.Delta = opt(s) } }
func price(s string) func(*policy.Op)       { return func(o *policy.Op) { o.Price = opt(s) } }
func auxPrice(s string) func(*policy.Op)    { return func(o *policy.Op) { o.AuxPrice = opt(s) } }
func stopPrice(s string) func(*policy.Op)   { return func(o *policy.Op) { o.StopPrice = opt(s) } }
func trailing(s string) func(*policy.Op)    { return func(o *policy.Op) { o.Trailing = opt(s) } }
func leverage(s string) func(*policy.Op)    { return func(o *policy.Op) { o.Leverage = opt(s) } }
func kind(word string) func(*policy.Op)     { return func(o *policy.Op) { o.Type = orderType(word) } }
func flags(f policy.Flags) func(*policy.Op) { return func(o *policy.Op) { o.Flags = f } }
func unpriced(o *policy.Op)                 { o.Price = policy.Optional{} }
func unknown(o *policy.Op)                  { o.Was, o.Symbol, o.Type = nil, nil, 0 }
func affCode(s string) func(*policy.Op)     { return func(o *policy.Op) { o.AffCode = []byte(s) } }
func was(order policy.Op) func(*policy.Op) {
	return func(o *policy.Op) {
		became := order.Became()
		o.Was, o.Symbol, o.Type = &became, became.Symbol, became.Type
	}
}

var (
	cancel   = policy.Op{Action: policy.Retract, Class: policy.Cancel}
	offer    = policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fUSD"), Amount: opt("500")}
	closing  = policy.Op{Class: policy.Funding}
	algo     = policy.Op{Action: policy.Algo, Class: policy.Trade, Symbol: []byte("tBTCUSD")}
	transfer = policy.Op{Action: policy.Transfer, Class: policy.Withdraw, Currency: []byte("BTC"), Amount: opt("0.1")}
	payout   = policy.Op{Action: policy.Withdrawal, Class: policy.Withdraw, Currency: []byte("BTC"), Address: []byte("bc1qmine"), Amount: opt("0.1")}
	alert    = policy.Op{Class: policy.Settings, Symbol: []byte("tXRPUSD")}
	setting  = policy.Op{Class: policy.Settings}

	collateral = policy.Op{Class: policy.Trade, Symbol: []byte("tBTCF0:USTF0"), Amount: opt("100")}
)

var everything = []string{"read", "trade", "cancel", "funding", "withdraw", "settings"}

// P3
func TestDecideDeniesByDefault(t *testing.T) {
	for name, test := range map[string]struct {
		grant   *policy.Grant
		request *policy.Request
		rule    string
	}{
		"no grant":                            {nil, trade(order()), "allow"},
		"the zero grant":                      {&policy.Grant{}, trade(order()), "allow"},
		"an empty grant":                      {compile(t, policy.GrantSpec{}), read(), "allow"},
		"another class":                       {compile(t, policy.GrantSpec{Allow: []string{"read", "cancel"}}), trade(order()), "allow"},
		"the very class":                      {compile(t, policy.GrantSpec{Allow: []string{"trade"}}), trade(order()), ""},
		"trade does not imply cancel":         {compile(t, policy.GrantSpec{Allow: []string{"trade"}}), trade(cancel), "allow"},
		"a cancel among orders needs cancel":  {compile(t, policy.GrantSpec{Allow: []string{"trade"}}), trade(order(), cancel), "allow"},
		"an order among cancels needs trade":  {compile(t, policy.GrantSpec{Allow: []string{"cancel"}}), trade(cancel, order()), "allow"},
		"minting credentials":                 {compile(t, policy.GrantSpec{Allow: everything}), &policy.Request{Write: true}, "endpoints"},
		"what must be named":                  {compile(t, policy.GrantSpec{Allow: everything}), &policy.Request{Endpoint: "v2/auth/w/pulse/add", Class: policy.Settings, ByName: true}, "endpoints"},
		"what is named":                       {compile(t, policy.GrantSpec{Allow: everything, Endpoints: []string{"v2/auth/w/pulse/add"}}), &policy.Request{Endpoint: "v2/auth/w/pulse/add", Class: policy.Settings, ByName: true}, ""},
		"what is named, without its class":    {compile(t, policy.GrantSpec{Allow: []string{"read"}, Endpoints: []string{"v2/auth/w/pulse/add"}}), &policy.Request{Endpoint: "v2/auth/w/pulse/add", Class: policy.Settings, ByName: true}, "allow"},
		"market orders unless they are meant": {compile(t, policy.GrantSpec{Allow: []string{"trade"}}), trade(order(kind("EXCHANGE MARKET"))), "market_orders"},
	} {
		t.Run(name, func(t *testing.T) {
			d := policy.Decide(test.grant, test.request, at(noon))
			if d.Allowed != (test.rule == "") || d.Rule != test.rule || d.Allowed != (d.Reason == "") {
				t.Fatalf("Decide = %+v, want rule %q", d, test.rule)
			}
		})
	}
}

// A43: of a suspended grant nothing is allowed, and it comes back as it was.
func TestASuspendedGrantDeniesEverything(t *testing.T) {
	n := uint64(7)
	g := compile(t, policy.GrantSpec{Allow: everything, DailyRequests: &n})
	suspended := g.Suspend(true)
	for name, r := range map[string]*policy.Request{
		"an order": trade(order()), "a cancel": trade(cancel), "a read": read(), "minting credentials": {Write: true},
	} {
		d := policy.Decide(suspended, r, at(noon))
		if d.Allowed || d.Rule != policy.Suspended || d.Field == "" || policy.Explain(suspended, r, d) == "" {
			t.Errorf("%s: %+v", name, d)
		}
		for _, g := range []*policy.Grant{g, suspended.Suspend(false)} {
			if d := policy.Decide(g, r, at(noon)); d.Allowed != (r.Class != 0) {
				t.Errorf("%s, not suspended: %+v", name, d)
			}
		}
	}
	if *suspended.Limits.DailyRequests != n {
		t.Error("its limits changed")
	}
}

// ruleTest is a rule beside trade, cancel, read, funding and settings, and what it
// lets through and what not.
type ruleTest struct {
	spec    policy.GrantSpec
	rule    string
	allowed map[string]*policy.Request
	denied  map[string]*policy.Request
}

func run(t *testing.T, tests map[string]ruleTest) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.spec.Allow == nil {
				test.spec.Allow = []string{"read", "trade", "cancel", "funding", "settings"}
			}
			g := compile(t, test.spec)
			for what, r := range test.allowed {
				if d := policy.Decide(g, r, at(noon)); !d.Allowed {
					t.Errorf("%s: denied: %+v", what, d)
				}
			}
			for what, r := range test.denied {
				d := policy.Decide(g, r, at(noon))
				if d.Allowed || d.Rule != test.rule || d.Reason == "" || d.Field == "" {
					t.Errorf("%s: %+v, want a denial by %s", what, d, test.rule)
				}
				if text := policy.Explain(g, r, d); text == "" {
					t.Errorf("%s: nothing to explain", what)
				}
			}
		})
	}
}

// P3, A34, A35
func TestRulesOnWhatIsTraded(t *testing.T) {
	leverageOf := func(n uint32) *uint32 { return &n }
	run(t, map[string]ruleTest{
		"symbols": {
			policy.GrantSpec{Symbols: []string{"tBTCUSD", "fUSD"}}, "symbols",
			map[string]*policy.Request{
				"listed": trade(order()), "an update of a listed one": trade(update()), "an offer": trade(offer), "a read without": read(),
				"a read of it": {Endpoint: "v2/auth/r/orders/{symbol}", Class: policy.Read, Symbol: "tBTCUSD"}, "a cancel": trade(cancel), "a setting": trade(setting),
			},
			map[string]*policy.Request{
				"another": trade(order(symbol("tETHUSD"))), "one of two": trade(order(), order(symbol("tETHUSD"))), "in another case": trade(order(symbol("tbtcusd"))),
				"a prefix": trade(order(symbol("tBTCUST"))), "an update of another": trade(update(was(order(symbol("tETHUSD"))))), "another offer": trade(policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fBTC"), Amount: opt("1")}),
				"a read of another": {Endpoint: "v2/auth/r/orders/{symbol}", Class: policy.Read, Symbol: "tETHUSD"}, "closing what is not named": trade(closing), "an alert on another": trade(alert),
			},
		},
		"no symbols": {policy.GrantSpec{Symbols: []string{}}, "symbols", map[string]*policy.Request{"a read": read()}, map[string]*policy.Request{"any": trade(order())}},
		"order types": {
			policy.GrantSpec{OrderTypes: []string{"EXCHANGE LIMIT", "EXCHANGE MARKET"}}, "order_types",
			map[string]*policy.Request{"listed": trade(order()), "an update": trade(update(price("1")))},
			map[string]*policy.Request{"margin": trade(order(kind("LIMIT"))), "an algo": trade(algo), "an update of another": trade(update(was(order(kind("LIMIT")))))},
		},
		"market orders": {
			policy.GrantSpec{}, "market_orders",
			map[string]*policy.Request{"a limit": trade(order()), "a stop limit": trade(order(kind("STOP LIMIT"), auxPrice("1")))},
			map[string]*policy.Request{
				"market": trade(order(kind("MARKET"))), "stop": trade(order(kind("EXCHANGE STOP"))), "trailing stop": trade(order(kind("TRAILING STOP"))),
				"an update of one": trade(update(was(order(kind("EXCHANGE MARKET"))))), "an algo": trade(algo),
				"an OCO": trade(order(flags(policy.FlagOCO), stopPrice("59000"))), "an OCO without its stop": trade(order(flags(policy.FlagOCO))), "a stop price without the flag": trade(order(stopPrice("59000"))), "a stop price of zero": trade(order(stopPrice("0"))),
				"the flag in an update": trade(update(flags(policy.FlagOCO))), "a stop price in an update": trade(update(stopPrice("59000"))), "in an update of what is not known": trade(update(unknown, stopPrice("59000"))),
			},
		},
		"market orders allowed": {policy.GrantSpec{MarketOrders: true}, "", map[string]*policy.Request{
			"market": trade(order(kind("MARKET"), unpriced)), "an OCO": trade(order(flags(policy.FlagOCO), stopPrice("1"))), "a stop in an update": trade(update(stopPrice("1"))), "an algo": trade(algo),
		}, nil},
		"order types with the stop of an OCO": {
			policy.GrantSpec{MarketOrders: true, OrderTypes: []string{"EXCHANGE LIMIT", "LIMIT", "EXCHANGE STOP"}}, "order_types",
			map[string]*policy.Request{
				"an OCO": trade(order(flags(policy.FlagOCO), stopPrice("1"))), "a stop price alone": trade(order(stopPrice("1"))), "in an update": trade(update(flags(policy.FlagOCO))), "margin": trade(order(kind("LIMIT"))),
			},
			map[string]*policy.Request{"a margin OCO": trade(order(kind("LIMIT"), flags(policy.FlagOCO))), "a margin stop price": trade(order(kind("LIMIT"), stopPrice("1"))), "in an update of a margin order": trade(update(was(order(kind("LIMIT"))), stopPrice("1")))},
		},
		"order types with the stop of a margin OCO": {
			policy.GrantSpec{MarketOrders: true, OrderTypes: []string{"EXCHANGE LIMIT", "EXCHANGE IOC", "LIMIT", "IOC", "STOP"}}, "order_types",
			map[string]*policy.Request{"an OCO": trade(order(kind("LIMIT"), flags(policy.FlagOCO))), "another type": trade(order(kind("IOC"), stopPrice("1")))},
			map[string]*policy.Request{"a spot OCO": trade(order(flags(policy.FlagOCO))), "another spot type": trade(order(kind("EXCHANGE IOC"), stopPrice("1"))), "in an update": trade(update(stopPrice("1")))},
		},
		"flags": {
			policy.GrantSpec{MarketOrders: true, Flags: []string{"post_only", "hidden"}}, "flags",
			map[string]*policy.Request{"none": trade(order()), "both": trade(order(flags(policy.FlagHidden | policy.FlagPostOnly)))},
			map[string]*policy.Request{
				"another": trade(order(flags(policy.FlagReduceOnly))), "one too many": trade(order(flags(policy.FlagHidden | policy.FlagOCO))), "in an update": trade(update(flags(policy.FlagClose))),
			},
		},
		"max_leverage": {
			policy.GrantSpec{MaxLeverage: leverageOf(5)}, "max_leverage",
			map[string]*policy.Request{
				"at it": trade(order(leverage("5"))), "none on spot": trade(order()), "on a derivative": trade(order(symbol("tBTCF0:USTF0"), leverage("3"))), "an update of a derivative's order": trade(update(was(order(symbol("tBTCF0:USTF0"))))),
				"a position that is none in a derivative": trade(with(collateral, symbol("tBTCUSD"))), "an alert on a derivative": trade(with(alert, symbol("tBTCF0:USTF0"))), "closing a loan": trade(closing),
			},
			map[string]*policy.Request{
				"above": trade(order(leverage("6"))), "in an update": trade(update(leverage("6"))), "a derivative's own 10": trade(order(symbol("tBTCF0:USTF0"))),
				"a derivative by its base alone": trade(order(symbol("tBTCF0:UST"))), "by its quote alone": trade(order(symbol("tBTC:USTF0"))), "a symbol that cannot be split": trade(order(symbol("tBTCF0USTF0"))),
				"the collateral of a position": trade(collateral), "of one that cannot be told": trade(with(collateral, symbol("tBTCF0USTF0"))), "of one that is not named": trade(with(collateral, func(o *policy.Op) { o.Symbol = nil })),
			},
		},
		"max_leverage of 10": {policy.GrantSpec{MaxLeverage: leverageOf(10)}, "", map[string]*policy.Request{"a derivative's own": trade(order(symbol("tBTCF0:USTF0"))), "one that cannot be split": trade(order(symbol("tBTCF0USTF0")))}, nil},
		"aff_codes": {
			policy.GrantSpec{AffCodes: []string{"mine"}}, "aff_codes",
			map[string]*policy.Request{"none": trade(order()), "listed": trade(order(affCode("mine")))},
			map[string]*policy.Request{"another": trade(order(affCode("yours"))), "empty": trade(order(affCode("")))},
		},
		"extra_fields": {
			policy.GrantSpec{ExtraFields: []string{"ui"}}, "extra_fields",
			map[string]*policy.Request{"listed": {Class: policy.Trade, Unread: [][]byte{[]byte("ui")}, Ops: []policy.Op{order()}}},
			map[string]*policy.Request{"another": {Class: policy.Trade, Unread: [][]byte{[]byte("ui"), []byte("UI")}, Ops: []policy.Op{order()}}, "on a cancel": {Class: policy.Cancel, Unread: [][]byte{[]byte("x")}, Ops: []policy.Op{cancel}}},
		},
	})
}

// A35: the stop that an OCO brings along is of the exchange where the order is, and of
// margin where that is.
func TestTheStopOfAnOCOIsListedByItsOwnType(t *testing.T) {
	stops := []string{"EXCHANGE STOP", "STOP"}
	for _, word := range []string{
		"LIMIT", "MARKET", "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC", "EXCHANGE LIMIT", "EXCHANGE MARKET", "EXCHANGE STOP",
		"EXCHANGE STOP LIMIT", "EXCHANGE TRAILING STOP", "EXCHANGE FOK", "EXCHANGE IOC",
	} {
		for _, listed := range stops {
			its := strings.HasPrefix(word, "EXCHANGE") == strings.HasPrefix(listed, "EXCHANGE")
			g := compile(t, policy.GrantSpec{Allow: everything, MarketOrders: true, OrderTypes: []string{word, listed}})
			d := policy.Decide(g, trade(order(kind(word), flags(policy.FlagOCO))), at(noon))
			if want := its || slices.Contains(stops, word); d.Allowed != want {
				t.Errorf("%s with its stop under %s and %s: %+v", word, word, listed, d)
			}
			if !d.Allowed && (d.Rule != "order_types" || d.Field != "price_oco_stop") {
				t.Errorf("%s with its stop: %+v", word, d)
			}
		}
	}
}

// P3, A32, A34, A35
func TestRulesOnAmountsAndPrices(t *testing.T) {
	run(t, map[string]ruleTest{
		"max_order": {
			policy.GrantSpec{MarketOrders: true, MaxOrder: amounts("BTC", "0.5", "USD", "500")}, "max_order",
			map[string]*policy.Request{
				"at it": trade(order()), "selling": trade(order(amount("-0.5"))), "at any price": trade(order(kind("EXCHANGE MARKET"), unpriced)), "an offer": trade(offer), "an update that names no amount": trade(update(price("1"))),
				"an update to less": trade(update(amount("0.1"))), "a pair with a colon": trade(order(symbol("tBTC:XAUT"))),
			},
			map[string]*policy.Request{
				"above": trade(order(amount("0.500000000000000001"))), "selling more": trade(order(amount("-0.6"))), "another currency": trade(order(symbol("tETHUSD"))), "the quote's limit does not count": trade(order(symbol("tUSTUSD"), amount("1"))),
				"an update to more": trade(update(amount("-0.6"))), "by a delta": trade(update(delta("0.000000000000000001"))), "by a negative delta": trade(update(delta("-0.1"))),
				"the second of two": trade(order(), order(amount("0.6"))), "an offer": trade(policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fUSD"), Amount: opt("501")}),
				"a pair that cannot be split": trade(order(symbol("tBTCUSDT"))), "no amount": trade(order(func(o *policy.Op) { o.Amount = policy.Optional{} })), "closing": trade(closing), "closing a position": trade(order(amount("0.1"), flags(policy.FlagClose))), "an update that closes": trade(update(flags(policy.FlagClose))),
				"an update of a close order": trade(update(was(order(amount("0.1"), flags(policy.FlagClose))))), "an amount for a close order": trade(update(was(order(flags(policy.FlagClose))), amount("0.1"))), "an update after one that closes": trade(update(was(update(flags(policy.FlagClose))), amount("0.1"))),
			},
		},
		"max_notional": {
			policy.GrantSpec{MarketOrders: true, MaxNotional: amounts("USD", "30000")}, "max_notional",
			map[string]*policy.Request{"at it": trade(order()), "selling": trade(order(amount("-0.5"))), "an offer": trade(offer), "an update to less": trade(update(price("1")))},
			map[string]*policy.Request{
				"above by amount": trade(order(amount("0.500000000000000001"))), "above by price": trade(order(price("60000.01"))), "another currency": trade(order(symbol("tBTCEUR"))),
				"without a price": trade(order(unpriced)), "a price of zero": trade(order(price("0"))), "a negative price": trade(order(price("-60000"))), "at the market": trade(order(kind("EXCHANGE MARKET"))), "a stop": trade(order(kind("STOP"))),
				"a stop limit by its limit": trade(order(kind("STOP LIMIT"), auxPrice("60001"))), "a stop limit without": trade(order(kind("STOP LIMIT"))), "an OCO by its stop": trade(order(flags(policy.FlagOCO), stopPrice("60001"))), "an OCO without": trade(order(flags(policy.FlagOCO))),
				"an OCO within": trade(order(flags(policy.FlagOCO), stopPrice("59000"))), "a stop price alone": trade(order(stopPrice("59000"))), "a stop in an update": trade(update(stopPrice("1"))), "the flag in an update": trade(update(flags(policy.FlagOCO))),
				"a price for an order without": trade(update(was(order(unpriced)), price("1"))), "a price for a trailing one": trade(update(was(order(trailing("5"))), price("1"))), "a price for an OCO": trade(update(was(order(stopPrice("1"))), price("1"))),
				"closing a position": trade(order(amount("0.1"), flags(policy.FlagClose))), "an update of a close order": trade(update(was(order(flags(policy.FlagClose))), price("1"))),
				"a trailing price": trade(order(trailing("5"))), "an update by price": trade(update(price("60001"))), "an update by delta": trade(update(delta("0.1"))),
				"an update to more at less": trade(update(amount("1"), price("1"))), "an update of a market order": trade(update(was(order(kind("EXCHANGE MARKET"))), price("1"))),
			},
		},
		"daily_notional": {
			policy.GrantSpec{DailyNotional: amounts("USD", "1")}, "daily_notional",
			map[string]*policy.Request{"as much as asked: limits counts": trade(order())},
			map[string]*policy.Request{"another currency": trade(order(symbol("tBTCEUR"))), "without a price": trade(order(unpriced)), "a close order": trade(order(flags(policy.FlagClose))), "an update of one": trade(update(was(order(flags(policy.FlagClose)))))},
		},
		"daily_notional beside market orders": {
			policy.GrantSpec{MarketOrders: true, DailyNotional: amounts("USD", "1")}, "daily_notional", nil,
			map[string]*policy.Request{"an OCO": trade(order(flags(policy.FlagOCO), stopPrice("1"))), "a stop in an update": trade(update(stopPrice("1")))},
		},
		"price_band": {
			policy.GrantSpec{MarketOrders: true, PriceBand: map[string]policy.BandSpec{"tBTCUSD": {Reference: opt("60000").Decimal, Percent: opt("5").Decimal}}}, "price_band",
			map[string]*policy.Request{"lowest": trade(order(price("57000"))), "highest": trade(order(price("63000"))), "an update within": trade(update(price("57000")))},
			map[string]*policy.Request{
				"below": trade(order(price("56999.999999999999999999"))), "above": trade(order(price("63000.000000000000000001"))), "another symbol": trade(order(symbol("tETHUSD"))), "the limit of a stop limit": trade(order(kind("STOP LIMIT"), auxPrice("1"))),
				"the stop of an OCO": trade(order(flags(policy.FlagOCO), stopPrice("60000"))), "a stop in an update": trade(update(stopPrice("60000"))), "an update of an OCO": trade(update(was(order(flags(policy.FlagOCO))), price("60000"))),
				"an update of one without a price": trade(update(was(order(unpriced)), price("60000"))), "at the market": trade(order(kind("EXCHANGE MARKET"))), "without a price": trade(order(unpriced)), "a negative price": trade(order(price("-60000"))),
				"an offer": trade(offer), "an update": trade(update(price("1"))), "an update of one that was outside": trade(update(was(order(price("1"))), price("60000"))), "an update's limit": trade(update(auxPrice("1"))),
			},
		},
		"unknown orders": {
			policy.GrantSpec{MaxOrder: amounts("BTC", "1")}, policy.UnknownOrder,
			map[string]*policy.Request{"known": trade(update())},
			map[string]*policy.Request{"unknown": trade(update(unknown)), "after a known one": trade(update(), update(unknown))},
		},
		"unknown orders without such rules": {policy.GrantSpec{}, "", map[string]*policy.Request{"unknown": trade(update(unknown))}, nil},
		"withdraw": {
			policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Addresses: []string{"bc1qmine"}}}, "withdraw.addresses",
			map[string]*policy.Request{"listed": trade(payout)},
			map[string]*policy.Request{"another": trade(with(payout, func(o *policy.Op) { o.Address = []byte("bc1qyours") })), "none": trade(with(payout, func(o *policy.Op) { o.Address = nil })), "a transfer": trade(transfer)},
		},
		"withdraw.max": {
			policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Max: amounts("BTC", "0.1")}}, "withdraw.max",
			map[string]*policy.Request{"at it": trade(payout), "a transfer": trade(transfer)},
			map[string]*policy.Request{
				"above": trade(with(payout, amount("0.11"))), "negative": trade(with(payout, amount("-0.11"))), "another currency": trade(with(transfer, func(o *policy.Op) { o.Currency = []byte("ETH") })),
				"of no currency": trade(with(payout, func(o *policy.Op) { o.Currency = nil })), "of no amount": trade(with(payout, func(o *policy.Op) { o.Amount = policy.Optional{} })),
			},
		},
	})
}

func with(o policy.Op, change func(*policy.Op)) policy.Op { change(&o); return o }

// A40: what depends on the time is allowed only where both clocks allow it.
func TestRulesOnTheTime(t *testing.T) {
	hours := func(s string) policy.GrantSpec { return policy.GrantSpec{Allow: []string{"read", "cancel"}, Hours: &s} }
	day := policy.GrantSpec{Allow: []string{"read", "cancel"}, Expires: &policy.Date{Year: 2026, Month: 11, Day: 25}}
	utc := func(text string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, test := range map[string]struct {
		spec    policy.GrantSpec
		time    string
		allowed bool
	}{
		"on the last day":                   {day, "2026-11-25 23:59:59", true},
		"after the last day":                {day, "2026-11-26 00:00:00", false},
		"within":                            {hours("Mon-Fri 08:00-18:00 UTC"), "2026-11-25 08:00:00", true},
		"the end is outside":                {hours("Mon-Fri 08:00-18:00 UTC"), "2026-11-25 18:00:00", false},
		"another day":                       {hours("Mon,Tue 08:00-18:00 UTC"), "2026-11-25 12:00:00", false},
		"a week that wraps":                 {hours("Sat-Wed 08:00-18:00 UTC"), "2026-11-25 12:00:00", true},
		"past midnight, before":             {hours("Wed 22:00-02:00 UTC"), "2026-11-25 23:00:00", true},
		"past midnight, after":              {hours("Wed 22:00-02:00 UTC"), "2026-11-26 01:59:59", true},
		"past midnight, the day before":     {hours("Wed 22:00-02:00 UTC"), "2026-11-25 01:00:00", false},
		"to the end of the day":             {hours("Wed 00:00-24:00 UTC"), "2026-11-25 23:59:59", true},
		"London in winter":                  {hours("Wed 08:00-18:00 Europe/London"), "2026-11-25 08:00:00", true},
		"London in summer":                  {hours("Wed 08:00-18:00 Europe/London"), "2026-07-22 07:00:00", true},
		"London in summer, too early":       {hours("Wed 08:00-18:00 Europe/London"), "2026-07-22 06:59:59", false},
		"New York, the day is not UTC's":    {hours("Tue 20:00-24:00 America/New_York"), "2026-11-25 04:00:00", true},
		"the hour that is skipped in March": {hours("Sun 01:00-03:00 Europe/London"), "2026-03-29 01:30:00", true},
	} {
		t.Run(name, func(t *testing.T) {
			g, moment := compile(t, test.spec), utc(test.time)
			if d := policy.Decide(g, read(), at(moment)); d.Allowed != test.allowed {
				t.Fatalf("%+v", d)
			}
			outside := policy.Now{Wall: moment, Steady: moment.AddDate(0, 0, 4)}
			if test.spec.Hours != nil {
				outside.Steady = moment.Add(12 * time.Hour)
			}
			for _, now := range []policy.Now{outside, {Wall: outside.Steady, Steady: outside.Wall}} {
				if test.spec.Expires != nil && policy.Decide(g, read(), now).Allowed {
					t.Error("one clock alone was believed")
				}
			}
			if d := policy.Decide(g, trade(cancel), at(moment)); d.Allowed != (test.allowed || test.spec.Hours != nil) {
				t.Errorf("a cancel: %+v", d)
			}
		})
	}
	spec := hours("Wed 08:00-18:00 UTC")
	if policy.Decide(compile(t, spec), read(), policy.Now{Wall: noon, Steady: noon.Add(8 * time.Hour)}).Allowed ||
		policy.Decide(compile(t, spec), read(), policy.Now{Wall: noon.Add(8 * time.Hour), Steady: noon}).Allowed {
		t.Error("hours believed one clock alone")
	}
}
