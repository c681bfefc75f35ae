package policyfile_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/cmd/internal/policyfile"
	"bfxvault/vault/policy"
)

func widens(changes []policyfile.Change) bool {
	return slices.ContainsFunc(changes, func(c policyfile.Change) bool { return c.Widens })
}

func bots(g policy.GrantSpec) map[string]policy.BotSpec {
	return map[string]policy.BotSpec{"mm-1": {Grants: []policy.GrantSpec{g}}}
}

// drawSparse draws a grant with few rules, under which a drawn request is often allowed.
func drawSparse(t *rapid.T) policy.GrantSpec {
	g := policy.GrantSpec{Key: "main", Allow: policy.Class(63).Words(), MarketOrders: true, Endpoints: endpoints, ExtraFields: fields}
	for _, name := range compared {
		if rapid.Bool().Draw(t, name) && rapid.Bool().Draw(t, name+" as well") && rapid.Bool().Draw(t, name+" indeed") {
			spelled[name](t, &g)
		}
	}
	return storable(g)
}

// compared are the fields of a grant that Diff compares: all but the one that names it
// and the one that is refused.
var compared = slices.DeleteFunc(sortedKeys(spelled), func(name string) bool { return name == "key" || name == "websocket" })

// redraw draws a field of a grant anew, and now and then another one, so that old and
// new are near each other.
func redraw(t *rapid.T, g policy.GrantSpec, name string) policy.GrantSpec {
	spelled[name](t, &g)
	if rapid.IntRange(0, 3).Draw(t, "more") == 3 {
		spelled[rapid.SampledFrom(compared).Draw(t, "field")](t, &g)
	}
	return storable(g)
}

// asked is a request at a time.
type asked struct {
	r   *policy.Request
	now policy.Now
}

// P3: where Diff says that nothing widens, nothing is allowed that was denied. Each
// field is redrawn in turn, and must often enough decide what is allowed: a change of
// it that Diff forgot would not stay hidden.
func TestWhatDoesNotWidenAllowsNothingNew(t *testing.T) {
	for _, name := range compared {
		draws, matters, kept := 0, 0, 0
		check := func(t *rapid.T) {
			draws++
			old := drawSparse(t)
			if rapid.Bool().Draw(t, "there before") {
				spelled[name](t, &old)
				old = storable(old)
			}
			new := redraw(t, old, name)
			var list []asked
			for range 20 {
				list = append(list, asked{drawRequest(t), drawNow(t)})
			}
			forth, stays := allowsMore(t, old, new, list)
			back, _ := allowsMore(t, new, old, list)
			if forth || back {
				matters++
			}
			if stays {
				kept++
			}
		}
		rapid.Check(t, check)
		rapid.Check(t, check)
		if matters*100 < 5*draws || kept*100 < 5*draws { // far below what is usual
			t.Errorf("%s: of %d draws, it mattered in %d, and a write stayed allowed in %d", name, draws, matters, kept)
		}
	}
}

// allowsMore says whether new allows something that old does not, which Diff must have
// said, and whether it allows a write that old allows as well.
func allowsMore(t *rapid.T, old, new policy.GrantSpec, list []asked) (more, stays bool) {
	changes := policyfile.Diff(bots(old), bots(new))
	before, after := compile(t, old), compile(t, new)
	for _, a := range list {
		is, was := policy.Decide(after, a.r, a.now), policy.Decide(before, a.r, a.now)
		stays = stays || is.Allowed && was.Allowed && len(a.r.Ops) > 0
		if !is.Allowed || was.Allowed {
			continue
		}
		if more = true; !widens(changes) {
			t.Fatalf("allowed, and was denied by %s, though Diff says %v\n%+v\n%+v\n%+v", was.Rule, changes, old, new, a.r)
		}
	}
	if moreToSpend(before.Limits, after.Limits) {
		if more = true; !widens(changes) {
			t.Fatalf("more may be spent, though Diff says %v\n%+v\n%+v", changes, old, new)
		}
	}
	return more, stays
}

// moreToSpend says whether limits became wider.
func moreToSpend(old, new policy.Limits) bool {
	for _, r := range [...][2]*policy.Rate{{old.Rate, new.Rate}, {old.CancelRate, new.CancelRate}} {
		if r[0] != nil && (r[1] == nil || r[1].Interval < r[0].Interval || r[1].Burst > r[0].Burst) {
			return true
		}
	}
	if old.DailyRequests != nil && (new.DailyRequests == nil || *new.DailyRequests > *old.DailyRequests) {
		return true
	}
	for currency, most := range new.DailyNotional {
		if was, listed := old.DailyNotional[currency]; old.DailyNotional != nil && (!listed || most.Cmp(was) > 0) {
			return true
		}
	}
	return old.DailyNotional != nil && new.DailyNotional == nil
}

// P3: the other way round, a rule that is taken away is said to widen, whichever it is.
func TestEveryRuleThatGoesWidensAndThatComesNarrows(t *testing.T) {
	for i, name := range tomlNames(reflect.TypeFor[policy.GrantSpec]()) {
		switch reflect.TypeFor[policy.GrantSpec]().Field(i).Type.Kind() {
		case reflect.String, reflect.Bool:
			continue
		}
		if slices.Contains([]string{"allow", "endpoints", "extra_fields"}, name) {
			continue // permissions
		}
		rapid.Check(t, func(t *rapid.T) {
			with, without := drawGrant(t), policy.GrantSpec{}
			for field := reflect.ValueOf(&with).Elem().Field(i); field.IsNil(); {
				spelled[name](t, &with)
			}
			without = with
			reflect.ValueOf(&without).Elem().Field(i).SetZero()
			expect(t, policyfile.Diff(bots(with), bots(without)), name, true)
			expect(t, policyfile.Diff(bots(without), bots(with)), name, false)
		})
	}
}

func expect(t *rapid.T, changes []policyfile.Change, field string, widens bool) {
	if len(changes) != 1 || changes[0].Field != field || changes[0].Widens != widens || changes[0].Bot != "mm-1" {
		t.Fatalf("%v, want one change of %s, widening %v", changes, field, widens)
	}
}

// A12: a field that changes alone is named, whichever it is, so that no later field
// can be forgotten here.
func TestEveryFieldThatChangesIsNamed(t *testing.T) {
	names := tomlNames(reflect.TypeFor[policy.GrantSpec]())
	if len(names) != len(spelled) {
		t.Fatalf("the fields are %v, and drawn are %v", names, sortedKeys(spelled))
	}
	for i, name := range names {
		rapid.Check(t, func(t *rapid.T) {
			old := drawGrant(t)
			new := old
			spelled[name](t, &new)
			if sameMeaning(reflect.ValueOf(old).Field(i), reflect.ValueOf(new).Field(i)) {
				return
			}
			named := slices.ContainsFunc(policyfile.Diff(bots(old), bots(new)), func(c policyfile.Change) bool {
				return c.Field == name || strings.HasPrefix(c.Field, name+".")
			})
			if !named {
				t.Fatalf("%s changed from %s to %s and is not named", name, policyfile.PrintGrant(old), policyfile.PrintGrant(new))
			}
		})
	}
}

// sameMeaning compares fields; order and, in permissions, absence mean nothing.
func sameMeaning(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true // of a rule, the test above tells nil from empty
	}
	if words, ok := a.Interface().([]string); ok {
		return slices.Equal(slices.Sorted(slices.Values(words)), slices.Sorted(slices.Values(b.Interface().([]string))))
	}
	if rate, ok := a.Interface().(*policy.RateSpec); ok && rate != nil && !b.IsNil() {
		other := b.Interface().(*policy.RateSpec)
		return rate.PerSecond == other.PerSecond // a burst may be spelled that is the same unspelled
	}
	if w, ok := a.Interface().(*policy.WithdrawSpec); ok && w != nil && !b.IsNil() {
		one, other := *w, *b.Interface().(*policy.WithdrawSpec)
		one.Addresses, other.Addresses = inOrder(one.Addresses), inOrder(other.Addresses)
		return reflect.DeepEqual(one, other)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// inOrder sorts a copy of a list, and leaves nil for nil.
func inOrder(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func tomlNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ",")
		names = append(names, name)
	}
	return names
}

func TestDiffSaysWhatWidens(t *testing.T) {
	uid, other := uint32(1001), uint32(1002)
	ten, twenty := uint32(10), uint32(20)
	approval := "totp"
	grant := func(change func(*policy.GrantSpec)) policy.BotSpec {
		g := policy.GrantSpec{
			Key: "main", Allow: []string{"read", "trade"}, Symbols: []string{"tBTCUSD"},
			MaxOrder:  map[string]policy.Decimal{"BTC": decimal("0.5")},
			PriceBand: map[string]policy.BandSpec{"tBTCUSD": {Reference: decimal("60000"), Percent: decimal("5")}},
			Rate:      &policy.RateSpec{PerSecond: decimal("10")}, Expires: &policy.Date{Year: 2027, Month: 3, Day: 31},
			Withdraw: &policy.WithdrawSpec{Addresses: []string{"a"}, Approval: &approval},
		}
		if change != nil {
			change(&g)
		}
		return policy.BotSpec{Match: []policy.Match{{UID: &uid}}, Grants: []policy.GrantSpec{g}}
	}
	base := grant(nil)
	none := policy.BotSpec{Match: base.Match}
	tests := map[string]struct {
		old, new policy.BotSpec
		want     []string
	}{
		"the same": {base, base, nil},
		"a class":  {base, grant(func(g *policy.GrantSpec) { g.Allow = []string{"trade", "cancel"} }), []string{"+ mm-1 main: allow adds cancel", "- mm-1 main: allow drops read"}},
		"market":   {base, grant(func(g *policy.GrantSpec) { g.MarketOrders = true }), []string{"+ mm-1 main: market_orders changes from false to true"}},
		"empty list for none": {grant(func(g *policy.GrantSpec) { g.Symbols = nil }), grant(func(g *policy.GrantSpec) { g.Symbols = []string{} }),
			[]string{"- mm-1 main: symbols becomes a rule"}},
		"symbols":       {base, grant(func(g *policy.GrantSpec) { g.Symbols = []string{"tETHUSD"} }), []string{"+ mm-1 main: symbols adds tETHUSD", "- mm-1 main: symbols drops tBTCUSD"}},
		"a lower limit": {base, grant(func(g *policy.GrantSpec) { g.MaxOrder = map[string]policy.Decimal{"BTC": decimal("0.1")} }), []string{"- mm-1 main: max_order.BTC changes from 0.5 to 0.1"}},
		"another currency": {base, grant(func(g *policy.GrantSpec) { g.MaxOrder = map[string]policy.Decimal{"ETH": decimal("0.1")} }),
			[]string{"- mm-1 main: max_order.BTC is dropped", "+ mm-1 main: max_order.ETH is added"}},
		"a reference, narrower": {base, grant(func(g *policy.GrantSpec) {
			g.PriceBand = map[string]policy.BandSpec{"tBTCUSD": {Reference: decimal("59000"), Percent: decimal("1")}}
		}), []string{"+ mm-1 main: price_band.tBTCUSD.reference changes from 60000 to 59000", "- mm-1 main: price_band.tBTCUSD.percent changes from 5 to 1"}},
		"a burst that was unspelled": {base, grant(func(g *policy.GrantSpec) { g.Rate = &policy.RateSpec{PerSecond: decimal("10"), Burst: &twenty} }),
			[]string{"+ mm-1 main: rate.burst changes from 10 to 20"}},
		"a burst that is the same": {base, grant(func(g *policy.GrantSpec) { g.Rate = &policy.RateSpec{PerSecond: decimal("10"), Burst: &ten} }), nil},
		"a later end":              {base, grant(func(g *policy.GrantSpec) { g.Expires = &policy.Date{Year: 2027, Month: 4, Day: 1} }), []string{"+ mm-1 main: expires changes from 2027-03-31 to 2027-04-01"}},
		"other hours": {grant(func(g *policy.GrantSpec) { g.Hours = &zones[0] }), grant(func(g *policy.GrantSpec) { g.Hours = &zones[1] }),
			[]string{"+ mm-1 main: hours changes from " + zones[0] + " to " + zones[1]}},
		"withdrawals": {base, grant(func(g *policy.GrantSpec) { g.Withdraw = &policy.WithdrawSpec{} }),
			[]string{"+ mm-1 main: withdraw.addresses is no longer a rule", "+ mm-1 main: withdraw.approval is no longer a rule"}},
		"another key":  {base, grant(func(g *policy.GrantSpec) { g.Key = "sub" }), []string{"- mm-1 main: key loses its grant", `+ mm-1 sub: key gets a grant: allow ["read", "trade"]`}},
		"a grant more": {none, base, []string{`+ mm-1 main: key gets a grant: allow ["read", "trade"]`}},
		"another uid":  {none, policy.BotSpec{Match: []policy.Match{{UID: &other}}}, []string{"+ mm-1: match changes from { uid = 1001 } to { uid = 1002 }"}},
		"another role": {none, policy.BotSpec{Match: none.Match, Role: "proxy"}, []string{`+ mm-1: role changes from "" to "proxy"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range policyfile.Diff(map[string]policy.BotSpec{"mm-1": test.old}, map[string]policy.BotSpec{"mm-1": test.new}) {
				got = append(got, c.String())
			}
			if !slices.Equal(got, test.want) {
				t.Fatalf("%q, want %q", got, test.want)
			}
		})
	}
	all := map[string]policy.BotSpec{"mm-1": base}
	if c := policyfile.Diff(all, nil); len(c) != 1 || c[0].Field != "bot" || c[0].Widens {
		t.Errorf("a bot that goes: %v", c)
	}
	if c := policyfile.Diff(nil, all); len(c) != 2 || !c[0].Widens || !c[1].Widens {
		t.Errorf("a bot that comes: %v", c)
	}
}

func TestMergeKeepsWhatTheFileDoesNotName(t *testing.T) {
	grant := func(key string, allow ...string) policy.GrantSpec { return policy.GrantSpec{Key: key, Allow: allow} }
	had := map[string]policy.BotSpec{
		"a": {Grants: []policy.GrantSpec{grant("main", "read"), grant("sub", "read")}},
		"b": {Grants: []policy.GrantSpec{grant("main", "trade")}},
	}
	file := map[string]policy.BotSpec{
		"a": {Match: []policy.Match{{Exe: "/a"}}, Grants: []policy.GrantSpec{grant("main", "cancel")}},
		"c": {},
	}
	want := map[string]policy.BotSpec{
		"a": {Match: file["a"].Match, Grants: []policy.GrantSpec{grant("main", "cancel"), grant("sub", "read")}},
		"b": had["b"], "c": {},
	}
	if got := policyfile.Merge(had, file); !reflect.DeepEqual(got, want) || len(had["a"].Grants) != 2 || len(file["a"].Grants) != 1 {
		t.Fatalf("%+v", got)
	}
	if got := policyfile.Merge(nil, file); !reflect.DeepEqual(got, file) {
		t.Fatalf("into nothing: %+v", got)
	}
}
