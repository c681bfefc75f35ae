package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

// permissions are the fields that widen; all others narrow.
var permissions = []string{"Key", "Allow", "MarketOrders", "WebSocket", "Endpoints", "ExtraFields"}

// P3, A28: take any rule away, and nothing that was allowed is denied.
func TestAddingARuleNeverAllowsMore(t *testing.T) {
	floors := map[string]int{"an allowed write": 240, "an allowed known update": 60}
	for f := range reflect.TypeFor[policy.GrantSpec]().Fields() {
		if !slices.Contains(permissions, f.Name) && !slices.Contains(limits, f.Name) {
			floors["an allowed write under "+f.Name] = 15
		}
	}
	for _, name := range []string{"Flags", "MaxOrder", "MaxNotional", "DailyNotional", "PriceBand", "Symbols", "OrderTypes"} {
		floors["an allowed known update under "+name] = 1
	}
	property(t, floors, func(t *rapid.T, n *tally) {
		s, r := drawSpec(t), drawRequest(t)
		if !n.decided(r, policy.Decide(mustCompile(t, s), r, at(noon))) {
			return
		}
		fields := reflect.TypeFor[policy.GrantSpec]()
		for i := range fields.NumField() {
			name, wider := fields.Field(i).Name, s
			rule := reflect.ValueOf(&wider).Elem().Field(i)
			if slices.Contains(permissions, name) || rule.IsNil() {
				continue
			}
			rule.SetZero()
			d := policy.Decide(mustCompile(t, wider), r, at(noon))
			if !d.Allowed {
				t.Fatalf("allowed under %s, and denied without: %+v", name, d)
			}
			under := &tally{seen: map[string]int{}}
			under.decided(r, d)
			for what := range under.seen {
				n.saw(what + " under " + name)
			}
		}
	})
}

// limits are the rules that Decide does not judge.
var limits = []string{"Rate", "CancelRate", "DailyRequests"}

// P3: take any permission away, and nothing that was denied is allowed.
func TestAPermissionLessNeverAllowsMore(t *testing.T) {
	floors := map[string]int{
		"an allowed write": 240, "an allowed known update": 60,
		"allowed without MarketOrders": 150, "allowed without Endpoints": 150, "allowed without ExtraFields": 150, "allowed without a class": 150,
	}
	property(t, floors, func(t *rapid.T, n *tally) {
		s, r := drawSpec(t), drawRequest(t)
		wide := policy.Decide(mustCompile(t, s), r, at(noon))
		n.decided(r, wide)
		less := map[string]policy.GrantSpec{}
		change := func(name string, narrow func(*policy.GrantSpec)) {
			narrower := s
			narrow(&narrower)
			less[name] = narrower
		}
		if s.MarketOrders {
			change("MarketOrders", func(g *policy.GrantSpec) { g.MarketOrders = false })
		}
		if len(s.Endpoints) > 0 {
			change("Endpoints", func(g *policy.GrantSpec) { g.Endpoints = nil })
		}
		if len(s.ExtraFields) > 0 {
			change("ExtraFields", func(g *policy.GrantSpec) { g.ExtraFields = nil })
		}
		if class := pick(t, "class", "read", "settings", "funding", "cancel", "trade"); slices.Contains(s.Allow, class) {
			change("a class", func(g *policy.GrantSpec) {
				g.Allow = slices.DeleteFunc(slices.Clone(s.Allow), func(c string) bool { return c == class })
			})
		}
		for name, narrower := range less {
			if !policy.Decide(mustCompile(t, narrower), r, at(noon)).Allowed {
				continue
			}
			if n.saw("allowed without " + name); !wide.Allowed {
				t.Fatalf("allowed without %s, and denied with it: %+v", name, wide)
			}
		}
	})
}

// A28: in which order a list stands never matters.
func TestTheOrderOfListsNeverMatters(t *testing.T) {
	floors := map[string]int{"an allowed write": 240, "an allowed known update": 60}
	property(t, floors, func(t *rapid.T, n *tally) {
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
		d := policy.Decide(mustCompile(t, s), r, at(noon))
		n.decided(r, d)
		if d != policy.Decide(mustCompile(t, turned), r, at(noon)) {
			t.Fatal("a list decides otherwise when it is turned round")
		}
	})
}

// P3: an empty grant allows nothing of what a grant of everything does.
func TestAnEmptyGrantAllowsNothing(t *testing.T) {
	floors := map[string]int{"an allowed write": 500, "an allowed known update": 200}
	property(t, floors, func(t *rapid.T, n *tally) {
		r := drawRequest(t)
		all := mustCompile(t, policy.GrantSpec{
			Allow: everything, MarketOrders: true, Endpoints: []string{"v2/auth/w/pulse/add"}, ExtraFields: []string{"ui", "other"},
		})
		n.decided(r, policy.Decide(all, r, at(noon)))
		if policy.Decide(mustCompile(t, policy.GrantSpec{}), r, at(noon)).Allowed {
			t.Fatalf("allowed: %+v", r)
		}
	})
}

// P3: one operation of several that is denied denies the whole, and nothing else does.
func TestARequestIsAllowedOnlyIfEachOfItsOperationsIs(t *testing.T) {
	floors := map[string]int{"an allowed write": 240, "an allowed known update": 60, "several that are allowed": 25, "one of several that is denied": 40}
	property(t, floors, func(t *rapid.T, n *tally) {
		g, r := mustCompile(t, drawSpec(t)), drawRequest(t)
		whole := n.decided(r, policy.Decide(g, r, at(noon)))
		alone := 0
		for _, o := range r.Ops {
			one := *r
			one.Ops, one.Class = []policy.Op{o}, o.Class
			if policy.Decide(g, &one, at(noon)).Allowed {
				alone++
			}
		}
		switch {
		case len(r.Ops) > 0 && whole != (alone == len(r.Ops)):
			t.Fatalf("allowed is %t, and of its %d operations alone %d are: %+v", whole, len(r.Ops), alone, r)
		case len(r.Ops) > 1 && whole:
			n.saw("several that are allowed")
		case alone > 0 && alone < len(r.Ops):
			n.saw("one of several that is denied")
		}
	})
}

// P3: a denial is explained whatever the grant has to say of its rule, and whichever
// operation it is of.
func TestEveryDenialIsExplained(t *testing.T) {
	rules := []string{"withdraw.addresses", "withdraw.max", policy.UnknownOrder, "a rule of later"}
	for f := range reflect.TypeFor[policy.GrantSpec]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		rules = append(rules, name)
	}
	property(t, map[string]int{"a grant": 500, "an operation": 500}, func(t *rapid.T, n *tally) {
		var g *policy.Grant
		if mostly(t, "a grant") {
			g = mustCompile(t, drawSpec(t))
			n.saw("a grant")
		}
		r := drawRequest(t)
		if len(r.Ops) > 0 {
			n.saw("an operation")
		}
		for _, rule := range rules {
			for op := range len(r.Ops) + 1 {
				if text := policy.Explain(g, r, policy.Decision{Rule: rule, Op: op, Reason: "no"}); !strings.HasPrefix(text, "no") {
					t.Fatalf("%s is explained as %q", rule, text)
				}
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
