package main

import (
	"errors"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// grantFlags are the simple cases of a grant. What they cannot say is for a policy
// file: extra_fields, aff_codes and withdraw.
type grantFlags struct {
	allow, endpoints                     []string
	marketOrders                         bool
	symbols, orderTypes, flags           []string
	maxOrder, maxNotional, dailyNotional []string
	priceBand                            []string
	maxLeverage, burst, cancelBurst      uint32
	rate, cancelRate, hours, expires     string
	dailyRequests                        uint64
	asBefore                             bool
}

func (g *grantFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&g.asBefore, "as-before", false, "with the rules of the grant that was taken away")
	f.StringSliceVar(&g.allow, "allow", nil, "what may be signed: read, trade, cancel, funding, withdraw, settings")
	f.BoolVar(&g.marketOrders, "market-orders", false, "allow orders whose price stays open")
	f.StringSliceVar(&g.endpoints, "endpoints", nil, "further endpoints by name, such as v2/auth/w/deposit/address")
	f.StringSliceVar(&g.symbols, "symbols", nil, "only these: tBTCUSD,fUSD")
	f.StringSliceVar(&g.orderTypes, "order-types", nil, `only these: "EXCHANGE LIMIT,EXCHANGE IOC"`)
	f.StringSliceVar(&g.flags, "flags", nil, "only these order flags: "+strings.Join(policy.KnownFlags.Words(), ", "))
	f.Uint32Var(&g.maxLeverage, "max-leverage", 0, "the highest leverage")
	f.StringSliceVar(&g.maxOrder, "max-order", nil, "the largest order by base currency: BTC=0.5,ETH=10; no other currency")
	f.StringSliceVar(&g.maxNotional, "max-notional", nil, "the most an order may be worth, by quote currency: USD=25000; no other currency")
	f.StringSliceVar(&g.dailyNotional, "daily-notional", nil, "the most that a UTC day's orders may be worth: USD=500000; no other currency")
	f.StringSliceVar(&g.priceBand, "price-band", nil, "prices within so many percent of a reference: tBTCUSD=60000:5; no other symbol")
	f.StringVar(&g.rate, "rate", "", "how many operations a second: 10/s")
	f.Uint32Var(&g.burst, "burst", 0, "how many at once, with --rate; else as many as in a second")
	f.StringVar(&g.cancelRate, "cancel-rate", "", "how many cancels a second: 10/s")
	f.Uint32Var(&g.cancelBurst, "cancel-burst", 0, "how many cancels at once, with --cancel-rate")
	f.Uint64Var(&g.dailyRequests, "daily-requests", 0, "how many requests a UTC day")
	f.StringVar(&g.hours, "hours", "", `only then: "Mon-Fri 08:00-18:00 Europe/London"`)
	f.StringVar(&g.expires, "expires", "", "the last day, UTC: 2027-03-31")
}

// spec is the grant that the flags spell. A rule whose flag is not given is absent;
// one that is given empty allows nothing.
func (g *grantFlags) spec(c *cobra.Command, label string) (policy.GrantSpec, error) {
	given := c.Flags().Changed
	spec := policy.GrantSpec{Key: label, MarketOrders: g.marketOrders}
	for _, list := range []struct {
		flag string
		from []string
		to   *[]string
	}{
		{"allow", g.allow, &spec.Allow}, {"endpoints", g.endpoints, &spec.Endpoints}, {"symbols", g.symbols, &spec.Symbols},
		{"order-types", g.orderTypes, &spec.OrderTypes}, {"flags", g.flags, &spec.Flags},
	} {
		if given(list.flag) {
			*list.to = append([]string{}, list.from...)
		}
	}
	if given("max-leverage") {
		spec.MaxLeverage = &g.maxLeverage
	}
	if given("daily-requests") {
		spec.DailyRequests = &g.dailyRequests
	}
	if given("hours") {
		spec.Hours = &g.hours
	}
	if given("expires") {
		spec.Expires = new(policy.Date)
		if err := spec.Expires.UnmarshalText([]byte(g.expires)); err != nil {
			return spec, usagef("--expires: %v", err)
		}
	}
	if err := g.limits(given, &spec); err != nil {
		return spec, err
	}
	switch {
	case g.asBefore && !reflect.DeepEqual(spec, policy.GrantSpec{Key: label}):
		return spec, usagef("--as-before takes the rules that there were: leave the other flags out, or it")
	case g.asBefore:
		return spec, nil
	case !given("allow"):
		return spec, usagef("say what may be signed: --allow read,trade,cancel; or --as-before")
	}
	return spec, checkGrant(&spec)
}

func (g *grantFlags) limits(given func(string) bool, spec *policy.GrantSpec) (err error) {
	for _, table := range []struct {
		flag string
		from []string
		to   *map[string]policy.Decimal
	}{
		{"max-order", g.maxOrder, &spec.MaxOrder}, {"max-notional", g.maxNotional, &spec.MaxNotional},
		{"daily-notional", g.dailyNotional, &spec.DailyNotional},
	} {
		if !given(table.flag) {
			continue
		}
		if *table.to, err = amountsOf(table.flag, table.from); err != nil {
			return err
		}
	}
	if given("price-band") {
		if spec.PriceBand, err = bandsOf(g.priceBand); err != nil {
			return err
		}
	}
	for _, r := range []struct {
		flag, burstFlag, text string
		burst                 *uint32
		to                    **policy.RateSpec
	}{
		{"rate", "burst", g.rate, &g.burst, &spec.Rate}, {"cancel-rate", "cancel-burst", g.cancelRate, &g.cancelBurst, &spec.CancelRate},
	} {
		switch {
		case given(r.flag):
			if *r.to, err = rateOf(r.flag, r.text); err != nil {
				return err
			}
			if given(r.burstFlag) {
				(*r.to).Burst = r.burst
			}
		case given(r.burstFlag):
			return usagef("--%s goes with --%s", r.burstFlag, r.flag)
		}
	}
	return nil
}

// amountsOf reads BTC=0.5,ETH=10.
func amountsOf(flag string, list []string) (map[string]policy.Decimal, error) {
	amounts := make(map[string]policy.Decimal, len(list))
	for _, item := range list {
		currency, text, _ := strings.Cut(item, "=")
		amount, ok := policy.ParseDecimal(text)
		if _, twice := amounts[currency]; !ok || twice {
			return nil, usagef("--%s: %q is not a currency with an amount, each currency once: BTC=0.5,ETH=10", flag, item)
		}
		amounts[currency] = amount
	}
	return amounts, nil
}

// bandsOf reads tBTCUSD=60000:5.
func bandsOf(list []string) (map[string]policy.BandSpec, error) {
	bands := make(map[string]policy.BandSpec, len(list))
	for _, item := range list {
		at := strings.LastIndexByte(item, '=') // a symbol may have a colon
		symbol, text := item[:max(at, 0)], item[at+1:]
		reference, percent, _ := strings.Cut(text, ":")
		var band policy.BandSpec
		var ok1, ok2 bool
		band.Reference, ok1 = policy.ParseDecimal(reference)
		band.Percent, ok2 = policy.ParseDecimal(percent)
		if _, twice := bands[symbol]; at < 0 || !ok1 || !ok2 || twice {
			return nil, usagef("--price-band: %q is not a symbol with a reference and a percentage, each symbol once: tBTCUSD=60000:5", item)
		}
		bands[symbol] = band
	}
	return bands, nil
}

// rateOf reads 10/s.
func rateOf(flag, text string) (*policy.RateSpec, error) {
	number, perSecond := strings.CutSuffix(text, "/s")
	rate, ok := policy.ParseDecimal(number)
	if !ok || !perSecond {
		return nil, usagef("--%s: %q is not a rate such as 10/s or 0.5/s", flag, text)
	}
	return &policy.RateSpec{PerSecond: rate}, nil
}

// checkGrant says what the vault would refuse, before anything is typed in vain.
func checkGrant(spec *policy.GrantSpec) error {
	if len(spec.Allow) == 0 {
		return usagef("a grant without any permission allows nothing").withHint("--allow read,trade,cancel")
	}
	_, err := spec.Compile(vault.NamedEndpoints())
	var wrong *policy.SpecError
	if errors.As(err, &wrong) {
		field, rest, _ := strings.Cut(wrong.Field, ".")
		return usagef("--%s: %s", strings.ReplaceAll(field, "_", "-"), strings.TrimPrefix(rest+" "+wrong.Reason, " "))
	}
	return err
}
