package policyfile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"bfxvault/vault/policy"
)

// permissions compares what widens where it is there.
func (d *differ) permissions(old, new *policy.GrantSpec) {
	d.words("allow", old.Allow, new.Allow)
	d.permission("market_orders", old.MarketOrders, new.MarketOrders)
	d.permission("websocket", old.WebSocket, new.WebSocket)
	d.words("endpoints", old.Endpoints, new.Endpoints)
	d.words("extra_fields", old.ExtraFields, new.ExtraFields)
}

// rules compares what narrows where it is there.
func (d *differ) rules(old, new *policy.GrantSpec) {
	d.listRule("symbols", old.Symbols, new.Symbols)
	d.listRule("order_types", old.OrderTypes, new.OrderTypes)
	d.listRule("flags", old.Flags, new.Flags)
	limit(d, "max_leverage", old.MaxLeverage, new.MaxLeverage, ordered[uint32])
	d.amounts("max_order", old.MaxOrder, new.MaxOrder)
	d.amounts("max_notional", old.MaxNotional, new.MaxNotional)
	d.amounts("daily_notional", old.DailyNotional, new.DailyNotional)
	d.bands(old.PriceBand, new.PriceBand)
	d.rate("rate", old.Rate, new.Rate)
	d.rate("cancel_rate", old.CancelRate, new.CancelRate)
	limit(d, "daily_requests", old.DailyRequests, new.DailyRequests, ordered[uint64])
	limit(d, "hours", old.Hours, new.Hours, unordered)
	limit(d, "expires", old.Expires, new.Expires, func(a, b policy.Date) int { return dayOf(a).Compare(dayOf(b)) })
	d.listRule("aff_codes", old.AffCodes, new.AffCodes)
	d.withdraw(old.Withdraw, new.Withdraw)
}

func (d *differ) permission(field string, old, new bool) {
	if old != new {
		d.add(new, field, "changes from %t to %t", old, new)
	}
}

// words compares two lists of what is allowed.
func (d *differ) words(field string, old, new []string) {
	if added := missingFrom(old, new); len(added) > 0 {
		d.widen(field, "adds %s", strings.Join(added, ", "))
	}
	if removed := missingFrom(new, old); len(removed) > 0 {
		d.narrow(field, "drops %s", strings.Join(removed, ", "))
	}
}

// missingFrom are the words of list that base lacks, sorted.
func missingFrom(base, list []string) []string {
	var words []string
	for _, w := range list {
		if !slices.Contains(base, w) {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// presence compares whether a rule is there, and says whether it is in both.
func (d *differ) presence(field string, was, is bool) (both bool) {
	switch {
	case was && !is:
		d.widen(field, "is no longer a rule")
	case is && !was:
		d.narrow(field, "becomes a rule")
	}
	return was && is
}

func (d *differ) listRule(field string, old, new []string) {
	if d.presence(field, old != nil, new != nil) {
		d.words(field, old, new)
	}
}

// limit compares two limits by an order in which more is wider.
func limit[T comparable](d *differ, field string, old, new *T, compare func(a, b T) int) {
	if d.presence(field, old != nil, new != nil) && *old != *new {
		d.add(compare(*old, *new) <= 0, field, "changes from %s to %s", spell(*old), spell(*new))
	}
}

// unordered is for values of which nobody can tell which one is wider.
func unordered(_, _ string) int { return 0 }

func ordered[T uint32 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func dayOf(d policy.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

func spell(v any) string {
	switch v := v.(type) {
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case policy.Date:
		return dayOf(v).Format(time.DateOnly)
	case policy.Decimal:
		return v.String()
	case string:
		return v
	}
	return "something else"
}

// entries compares tables of what is allowed, of which each entry has its own limit.
func entries[V any](d *differ, field string, old, new map[string]V, compare func(field string, a, b V)) {
	if !d.presence(field, old != nil, new != nil) {
		return
	}
	for _, name := range unionOf(old, new) {
		a, was := old[name]
		b, is := new[name]
		switch {
		case !was:
			d.widen(field+"."+name, "is added")
		case !is:
			d.narrow(field+"."+name, "is dropped")
		default:
			compare(field+"."+name, a, b)
		}
	}
}

func (d *differ) amounts(field string, old, new map[string]policy.Decimal) {
	entries(d, field, old, new, d.decimal)
}

func (d *differ) decimal(field string, old, new policy.Decimal) {
	limit(d, field, &old, &new, policy.Decimal.Cmp)
}

func (d *differ) bands(old, new map[string]policy.BandSpec) {
	entries(d, "price_band", old, new, func(field string, a, b policy.BandSpec) {
		if a.Reference != b.Reference { // other prices than before, whatever the width
			d.widen(field+".reference", "changes from %s to %s", a.Reference, b.Reference)
		}
		d.decimal(field+".percent", a.Percent, b.Percent)
	})
}

func (d *differ) rate(field string, old, new *policy.RateSpec) {
	if !d.presence(field, old != nil, new != nil) {
		return
	}
	d.decimal(field+".per_second", old.PerSecond, new.PerSecond)
	a, b := burstOf(old), burstOf(new)
	switch {
	case a != 0 && b != 0:
		limit(d, field+".burst", &a, &b, ordered[uint32])
	case old.Burst != nil || new.Burst != nil:
		d.widen(field+".burst", "cannot be judged")
	}
}

// burstOf is how many may come at once, whether spelled or not; 0 where the rate is
// none that could be stored.
func burstOf(r *policy.RateSpec) uint32 {
	g, err := (&policy.GrantSpec{Rate: r}).Compile(nil)
	if err != nil {
		return 0
	}
	return g.Limits.Rate.Burst
}

func (d *differ) withdraw(old, new *policy.WithdrawSpec) {
	if !d.presence("withdraw", old != nil, new != nil) {
		return
	}
	d.listRule("withdraw.addresses", old.Addresses, new.Addresses)
	d.amounts("withdraw.max", old.Max, new.Max)
	limit(d, "withdraw.approval", old.Approval, new.Approval, unordered)
}
