package vault_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// enforced is one field of a grant and a request that it decides about.
type enforced struct {
	base func(s *policy.GrantSpec) // what the grant has without the field, too
	// with sets the field on a grant that allows the class of the request.
	with func(s *policy.GrantSpec)
	path string
	body string
	// rule is what denies the request with the field; or, of a permission, without.
	rule string
	// permits: it is allowed with the field only.
	permits bool
	// times is how often the request is asked for before that.
	times int
}

const (
	enforcedOrder  = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","flags":64,"lev":2,"meta":{"aff_code":"a"}}`
	enforcedPayout = `{"wallet":"exchange","method":"bitcoin","amount":"0.1","address":"bc1qmine"}`
)

// enforcedFields has a line for each field of policy.GrantSpec, and of what is in it.
func enforcedFields(t testing.TB) map[string]enforced {
	one, lev, two := uint64(1), uint32(1), uint32(2)
	text := time.Now().UTC().AddDate(0, 0, 3).Format("Mon") + " 00:00-24:00 UTC"
	day := policy.Date{Year: 2020, Month: 1, Day: 1}
	usd := map[string]policy.Decimal{"USD": dec(t, "999")}
	order := func(rule string, with func(s *policy.GrantSpec)) enforced {
		return enforced{with: with, path: "v2/auth/w/order/submit", body: enforcedOrder, rule: rule}
	}
	payout := func(rule string, with func(w *policy.WithdrawSpec)) enforced {
		return enforced{path: "v2/auth/w/withdraw", body: enforcedPayout, rule: rule, with: func(s *policy.GrantSpec) {
			s.Withdraw = &policy.WithdrawSpec{}
			with(s.Withdraw)
		}}
	}
	band := func(reference, percent string) enforced {
		return order("price_band", func(s *policy.GrantSpec) {
			s.PriceBand = map[string]policy.BandSpec{"tBTCUSD": {Reference: dec(t, reference), Percent: dec(t, percent)}}
		})
	}
	rate := func(e enforced, set func(s *policy.GrantSpec, r *policy.RateSpec), r policy.RateSpec) enforced {
		e.with, e.times = func(s *policy.GrantSpec) { set(s, &r) }, 1
		return e
	}
	setRate := func(s *policy.GrantSpec, r *policy.RateSpec) { s.Rate = r }
	slow := policy.RateSpec{PerSecond: dec(t, "0.0001")}
	limited := func(e enforced) enforced { e.times = 1; return e }
	return map[string]enforced{
		"Key":   {with: func(s *policy.GrantSpec) { s.Key = "other" }, path: "v2/auth/r/wallets", rule: "-"},
		"Allow": order("allow", func(s *policy.GrantSpec) { s.Allow = []string{"read"} }),
		"MarketOrders": {with: func(s *policy.GrantSpec) { s.MarketOrders = true }, path: "v2/auth/w/order/submit", rule: "market_orders", permits: true,
			body: `{"type":"EXCHANGE MARKET","symbol":"tBTCUSD","amount":"0.1"}`},
		"WebSocket": {with: func(s *policy.GrantSpec) { s.WebSocket = true }},
		"Endpoints": {with: func(s *policy.GrantSpec) { s.Endpoints = []string{"v2/auth/w/pulse/del"} }, path: "v2/auth/w/pulse/del", rule: "endpoints", permits: true,
			body: `{"pid":"a"}`},
		"ExtraFields": {with: func(s *policy.GrantSpec) { s.ExtraFields = []string{"iceberg"} }, path: "v2/auth/w/order/submit", rule: "extra_fields", permits: true,
			body: strings.Replace(enforcedOrder, "{", `{"iceberg":1,`, 1)},
		"Symbols":             order("symbols", func(s *policy.GrantSpec) { s.Symbols = []string{"tETHUSD"} }),
		"OrderTypes":          order("order_types", func(s *policy.GrantSpec) { s.OrderTypes = []string{"LIMIT"} }),
		"Flags":               order("flags", func(s *policy.GrantSpec) { s.Flags = []string{"post_only"} }),
		"MaxLeverage":         order("max_leverage", func(s *policy.GrantSpec) { s.MaxLeverage = &lev }),
		"MaxOrder":            order("max_order", func(s *policy.GrantSpec) { s.MaxOrder = map[string]policy.Decimal{"BTC": dec(t, "0.09")} }),
		"MaxNotional":         order("max_notional", func(s *policy.GrantSpec) { s.MaxNotional = usd }),
		"DailyNotional":       order("daily_notional", func(s *policy.GrantSpec) { s.DailyNotional = usd }),
		"PriceBand":           band("1", "0"),
		"PriceBand.Reference": band("11000", "5"),
		"PriceBand.Percent":   band("10001", "0"),
		"Rate":                rate(order("rate", nil), setRate, slow),
		"Rate.PerSecond":      rate(order("rate", nil), setRate, slow),
		"Rate.Burst": {path: "v2/auth/w/order/submit", body: enforcedOrder, rule: "rate", permits: true, times: 1,
			base: func(s *policy.GrantSpec) { s.Rate = &policy.RateSpec{PerSecond: dec(t, "0.0001")} },
			with: func(s *policy.GrantSpec) { s.Rate = &policy.RateSpec{PerSecond: dec(t, "0.0001"), Burst: &two} }},
		"CancelRate": rate(enforced{path: "v2/auth/w/order/cancel", body: `{"id":1}`, rule: "cancel_rate"},
			func(s *policy.GrantSpec, r *policy.RateSpec) { s.CancelRate = r }, slow),
		"DailyRequests":      limited(order("daily_requests", func(s *policy.GrantSpec) { s.DailyRequests = &one })),
		"Hours":              order("hours", func(s *policy.GrantSpec) { s.Hours = &text }),
		"Expires":            order("expires", func(s *policy.GrantSpec) { s.Expires = &day }),
		"AffCodes":           order("aff_codes", func(s *policy.GrantSpec) { s.AffCodes = []string{"b"} }),
		"Withdraw":           payout("withdraw.addresses", func(w *policy.WithdrawSpec) { w.Addresses = []string{} }),
		"Withdraw.Addresses": payout("withdraw.addresses", func(w *policy.WithdrawSpec) { w.Addresses = []string{"bc1qother"} }),
		"Withdraw.Max":       payout("withdraw.max", func(w *policy.WithdrawSpec) { w.Max = map[string]policy.Decimal{"BTC": dec(t, "0.09")} }),
		"Withdraw.Approval":  {with: func(s *policy.GrantSpec) { s.Withdraw = &policy.WithdrawSpec{Approval: &text} }},
	}
}

// fieldsOf lists the fields of a grant, and of the structs and maps of structs in it.
func fieldsOf(of reflect.Type, under string) (list []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		list = append(list, under+f.Name)
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		sealed := inner == reflect.TypeFor[policy.Decimal]() || inner == reflect.TypeFor[policy.Date]()
		if inner.Kind() == reflect.Struct && !sealed && f.Name != "CancelRate" { // Rate's fields stand for both
			list = append(list, fieldsOf(inner, f.Name+".")...)
		}
	}
	return list
}

// P3, A12, A63: whatever a grant can say decides about a request, or cannot be stored.
func TestEveryFieldOfAGrantIsEnforcedOrRefused(t *testing.T) {
	table := enforcedFields(t)
	for _, name := range fieldsOf(reflect.TypeFor[policy.GrantSpec](), "") {
		test, ok := table[name]
		if !ok {
			t.Errorf("nothing shows that %s is enforced", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t).ready()
			r.must(r.addKey("other", "KEY-2", testSecret))
			without := policy.GrantSpec{Key: "main", Allow: []string{"read", "trade", "cancel", "withdraw", "settings"}}
			if test.base != nil {
				test.base(&without)
			}
			with := without
			test.with(&with)
			ask := func(spec policy.GrantSpec) error {
				r.must(r.grantSpec("mm-1", spec))
				request := vault.SignRequest{Label: "main", Path: test.path, Body: []byte(test.body)}
				var err error
				for range 1 + test.times {
					if _, err = r.v.Sign(uid(1001), request); err != nil {
						break
					}
				}
				return err
			}
			if test.rule == "" {
				wantKind(t, r.grantSpec("mm-1", with), vault.KindInvalid)
				return
			}
			if test.rule == "-" { // a grant on another API key
				r.must(r.grantSpec("mm-1", with), ask(without))
				return
			}
			allowed, denied := without, with
			if test.permits {
				allowed, denied = with, without
			}
			r.must(ask(allowed))
			var e *vault.Error
			if err := ask(denied); !errors.As(err, &e) || e.Rule != test.rule {
				t.Errorf("%v, want a denial by %s", err, test.rule)
			}
		})
	}
}
