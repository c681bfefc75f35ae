package policyfile_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

// Small pools, so that what is drawn often meets.
var (
	endpoints  = []string{"v2/auth/w/deposit/address", "v2/auth/w/pay/invoice/create"}
	currencies = []string{"BTC", "USD", "ETH", "USTF0"}
	symbols    = []string{"tBTCUSD", "tETHUSD", "tBTCF0:USTF0", "fUSD", "tDUSK:BTC"}
	types      = []string{"EXCHANGE LIMIT", "LIMIT", "MARKET", "EXCHANGE STOP LIMIT"}
	flags      = []string{"hidden", "post_only", "reduce_only", "oco"}
	codes      = []string{"abc", "d-e_f"}
	addresses  = []string{"bc1qar0", `a"b\c`}
	fields     = []string{"note", "f0", "a.b:c-d"}
	zones      = []string{"Mon-Fri 08:00-18:00 Europe/London", "Sat,Sun 22:00-04:00 UTC"}
)

func decimal(s string) policy.Decimal {
	d, ok := policy.ParseDecimal(s)
	if !ok {
		panic("not a decimal: " + s)
	}
	return d
}

func drawDecimal(t *rapid.T, pool ...string) policy.Decimal {
	return decimal(rapid.SampledFrom(pool).Draw(t, "decimal"))
}

// drawList is nil a third of the time, and else any list of the pool's words.
func drawList(t *rapid.T, pool []string) []string {
	if rapid.IntRange(0, 2).Draw(t, "absent") == 0 {
		return nil
	}
	return append([]string{}, rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), rapid.ID).Draw(t, "list")...)
}

func drawAmounts(t *rapid.T) map[string]policy.Decimal {
	list := drawList(t, currencies)
	if list == nil {
		return nil
	}
	m := map[string]policy.Decimal{}
	for _, c := range list {
		m[c] = drawDecimal(t, "0", "0.000000000000000001", "0.5", "10", "25000", "999999999999999999.999999999999999999")
	}
	return m
}

func drawPointer[T any](t *rapid.T, draw func() T) *T {
	if rapid.Bool().Draw(t, "absent") {
		return nil
	}
	v := draw()
	return &v
}

func drawRate(t *rapid.T) *policy.RateSpec {
	return drawPointer(t, func() policy.RateSpec {
		return policy.RateSpec{
			PerSecond: drawDecimal(t, "0.5", "1", "2.5", "10"),
			Burst:     drawPointer(t, func() uint32 { return rapid.SampledFrom([]uint32{1, 2, 20}).Draw(t, "burst") }),
		}
	})
}

// spelled draws one field of a grant, valid by itself.
var spelled = map[string]func(t *rapid.T, g *policy.GrantSpec){
	"key": func(t *rapid.T, g *policy.GrantSpec) {
		g.Key = rapid.SampledFrom([]string{"main", "sub-2", "3"}).Draw(t, "key")
	},
	"allow":          func(t *rapid.T, g *policy.GrantSpec) { g.Allow = drawList(t, policy.Class(63).Words()) },
	"market_orders":  func(t *rapid.T, g *policy.GrantSpec) { g.MarketOrders = rapid.Bool().Draw(t, "market") },
	"websocket":      func(t *rapid.T, g *policy.GrantSpec) { g.WebSocket = rapid.Bool().Draw(t, "websocket") },
	"endpoints":      func(t *rapid.T, g *policy.GrantSpec) { g.Endpoints = drawList(t, endpoints) },
	"extra_fields":   func(t *rapid.T, g *policy.GrantSpec) { g.ExtraFields = drawList(t, fields) },
	"symbols":        func(t *rapid.T, g *policy.GrantSpec) { g.Symbols = drawList(t, symbols) },
	"order_types":    func(t *rapid.T, g *policy.GrantSpec) { g.OrderTypes = drawList(t, types) },
	"flags":          func(t *rapid.T, g *policy.GrantSpec) { g.Flags = drawList(t, flags) },
	"max_order":      func(t *rapid.T, g *policy.GrantSpec) { g.MaxOrder = drawAmounts(t) },
	"max_notional":   func(t *rapid.T, g *policy.GrantSpec) { g.MaxNotional = drawAmounts(t) },
	"daily_notional": func(t *rapid.T, g *policy.GrantSpec) { g.DailyNotional = drawAmounts(t) },
	"rate":           func(t *rapid.T, g *policy.GrantSpec) { g.Rate = drawRate(t) },
	"cancel_rate":    func(t *rapid.T, g *policy.GrantSpec) { g.CancelRate = drawRate(t) },
	"aff_codes":      func(t *rapid.T, g *policy.GrantSpec) { g.AffCodes = drawList(t, codes) },
	"max_leverage": func(t *rapid.T, g *policy.GrantSpec) {
		g.MaxLeverage = drawPointer(t, func() uint32 { return rapid.SampledFrom([]uint32{1, 9, 10, 100}).Draw(t, "leverage") })
	},
	"price_band": func(t *rapid.T, g *policy.GrantSpec) {
		g.PriceBand = nil
		for i, s := range drawList(t, symbols[:3]) {
			if i == 0 {
				g.PriceBand = map[string]policy.BandSpec{}
			}
			g.PriceBand[s] = policy.BandSpec{Reference: drawDecimal(t, "60000", "10"), Percent: drawDecimal(t, "0", "5", "99.9")}
		}
		if g.PriceBand == nil && rapid.Bool().Draw(t, "empty") {
			g.PriceBand = map[string]policy.BandSpec{}
		}
	},
	"daily_requests": func(t *rapid.T, g *policy.GrantSpec) {
		g.DailyRequests = drawPointer(t, func() uint64 { return rapid.SampledFrom([]uint64{0, 7, 50000, 1_000_000_000_000_000}).Draw(t, "daily") })
	},
	"hours": func(t *rapid.T, g *policy.GrantSpec) {
		g.Hours = drawPointer(t, func() string { return rapid.SampledFrom(zones).Draw(t, "hours") })
	},
	"expires": func(t *rapid.T, g *policy.GrantSpec) {
		g.Expires = drawPointer(t, func() policy.Date {
			return policy.Date{Year: rapid.IntRange(2026, 2027).Draw(t, "year"), Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Day: 28}
		})
	},
	"withdraw": func(t *rapid.T, g *policy.GrantSpec) {
		if g.Withdraw != nil && rapid.Bool().Draw(t, "one of two") {
			w := *g.Withdraw
			if rapid.Bool().Draw(t, "addresses") {
				w.Addresses = drawList(t, addresses)
			} else {
				w.Max = drawAmounts(t)
			}
			g.Withdraw = &w
			return
		}
		g.Withdraw = drawPointer(t, func() policy.WithdrawSpec {
			return policy.WithdrawSpec{Addresses: drawList(t, addresses), Max: drawAmounts(t)}
		})
	},
}

// drawGrant draws a grant that compiles.
func drawGrant(t *rapid.T) policy.GrantSpec {
	var g policy.GrantSpec
	for _, name := range sortedKeys(spelled) {
		spelled[name](t, &g)
	}
	return storable(g)
}

// storable leaves out what is refused when it is stored.
func storable(g policy.GrantSpec) policy.GrantSpec {
	g.WebSocket = false
	if allow, _ := policy.ParseClasses(g.Allow); allow&policy.Withdraw == 0 {
		g.Withdraw = nil
	}
	return g
}

func drawMatch(t *rapid.T) policy.Match {
	uid, sum := rapid.Uint32Range(0, 3).Draw(t, "uid"), policy.Digest{1, 2, byte(rapid.IntRange(0, 9).Draw(t, "sum"))}
	return rapid.SampledFrom([]policy.Match{
		{UID: &uid}, {UID: &uid, GID: &uid}, {Unit: "/system.slice/mm-1.service"}, {UID: &uid, SHA256: &sum}, {Exe: `/opt/a "b"\c`},
	}).Draw(t, "match")
}

func drawBots(t *rapid.T) map[string]policy.BotSpec {
	bots := map[string]policy.BotSpec{}
	for i := range rapid.IntRange(0, 3).Draw(t, "bots") {
		var b policy.BotSpec
		for range rapid.IntRange(0, 2).Draw(t, "matches") {
			b.Match = append(b.Match, drawMatch(t))
		}
		b.Grants = rapid.SliceOfNDistinct(rapid.Custom(drawGrant), 0, 3, func(g policy.GrantSpec) string { return g.Key }).Draw(t, "grants")
		bots[fmt.Sprintf("mm-%d", i)] = b
	}
	return bots
}

func drawOptional(t *rapid.T, pool ...string) policy.Optional {
	if rapid.IntRange(0, 3).Draw(t, "unset") == 0 {
		return policy.Optional{}
	}
	return policy.Optional{Decimal: drawDecimal(t, pool...), Set: true}
}

func drawClass(t *rapid.T) policy.Class { return 1 << rapid.IntRange(0, 5).Draw(t, "class") }

func drawBytes(t *rapid.T, pool []string) []byte {
	if rapid.IntRange(0, 4).Draw(t, "unset") == 0 {
		return nil
	}
	return []byte(rapid.SampledFrom(pool).Draw(t, "word"))
}

// actions are all, and orders more often than others, each with its class.
var actions = []struct {
	action policy.Action
	class  policy.Class
}{
	{policy.Submit, policy.Trade}, {policy.Update, policy.Trade}, {policy.Withdrawal, policy.Withdraw}, {policy.Submit, policy.Trade},
	{policy.Offer, policy.Funding}, {policy.Transfer, policy.Withdraw}, {policy.Update, policy.Trade}, {policy.Retract, policy.Cancel},
	{policy.Other, policy.Settings}, {policy.Other, policy.Trade}, {policy.Algo, policy.Trade},
}

func drawOp(t *rapid.T) policy.Op {
	a := rapid.SampledFrom(actions).Draw(t, "action")
	op := policy.Op{
		Action: a.action, Class: a.class,
		Symbol: drawBytes(t, symbols), Amount: drawOptional(t, "0.3", "-0.5", "10", "30000"), Leverage: drawOptional(t, "1", "10", "50"), AffCode: drawBytes(t, codes),
		Currency: drawBytes(t, currencies), Address: drawBytes(t, addresses),
	}
	if a.class == policy.Trade {
		drawOrder(t, &op)
	}
	return op
}

// drawOrder draws the fields of orders and updates.
func drawOrder(t *rapid.T, op *policy.Op) {
	prices := []string{"60000", "59000", "10", "0", "-1"}
	op.Delta, op.Price, op.AuxPrice = drawOptional(t, "1"), drawOptional(t, prices...), drawOptional(t, prices[:3]...)
	op.Type, _ = policy.ParseOrderType(rapid.SampledFrom(append(types, "none")).Draw(t, "type"))
	op.Flags = rapid.SampledFrom([]policy.Flags{0, policy.FlagHidden, policy.FlagPostOnly, policy.FlagReduceOnly, policy.FlagClose, policy.FlagOCO | policy.FlagHidden}).Draw(t, "flags")
	if rapid.IntRange(0, 7).Draw(t, "oco") == 7 {
		op.StopPrice = drawOptional(t, prices...)
	}
	if rapid.IntRange(0, 2).Draw(t, "known") > 0 {
		low := drawDecimal(t, "59000", "10", "0")
		op.Was = &policy.Order{Symbol: op.Symbol, Type: op.Type, Amount: drawDecimal(t, "0.1", "5"), Low: low, High: low}
	}
}

func drawRequest(t *rapid.T) *policy.Request {
	r := &policy.Request{Endpoint: rapid.SampledFrom(endpoints).Draw(t, "endpoint"), ByName: rapid.IntRange(0, 3).Draw(t, "byName") == 3}
	for range rapid.SampledFrom([]int{1, 1, 2, 0}).Draw(t, "ops") {
		op := drawOp(t)
		r.Class |= op.Class
		r.Ops = append(r.Ops, op)
	}
	if len(r.Ops) == 0 {
		r.Class, r.Symbol = drawClass(t), string(drawBytes(t, symbols))
	}
	if rapid.IntRange(0, 3).Draw(t, "unread") == 3 {
		r.Unread = append(r.Unread, []byte(rapid.SampledFrom(fields).Draw(t, "field")))
	}
	return r
}

func drawNow(t *rapid.T) policy.Now {
	day := func(name string) time.Time {
		return time.Date(2026, 1, 1, rapid.IntRange(0, 23).Draw(t, name), 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 720).Draw(t, name))
	}
	now := policy.Now{Wall: day("wall")}
	now.Steady = now.Wall
	if rapid.IntRange(0, 3).Draw(t, "stepped") == 0 {
		now.Steady = day("steady")
	}
	return now
}
