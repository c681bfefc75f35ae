package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Compile turns a grant as it is spelled into one that decides. Everything that is
// spelled is enforced, or refused here with a *SpecError (A12, A63). endpoints are
// the names that `endpoints` may hold.
func (s *GrantSpec) Compile(endpoints []string) (*Grant, error) {
	g := &Grant{marketOrders: s.MarketOrders}
	for _, step := range []func(*GrantSpec, *Grant) error{
		compilePermissions, compileOrderRules, compileAmounts, compileBands, compileLimits, compileTimes, compileWithdraw,
	} {
		if err := step(s, g); err != nil {
			return nil, err
		}
	}
	for _, name := range s.Endpoints {
		if !slices.Contains(endpoints, name) {
			return nil, specError("endpoints", "unknown endpoint %s%s; only those that a class does not cover are named", quoteBrief(name), didYouMean(name, endpoints))
		}
	}
	g.endpoints = setOf(s.Endpoints)
	return g, nil
}

var (
	symbolGrammar   = regexp.MustCompile(`^(t[A-Z]{6}|t[A-Z0-9]{2,12}:[A-Z0-9]{2,12}|f[A-Z0-9]{3,12})$`)
	currencyGrammar = regexp.MustCompile(`^[A-Z0-9]{2,12}$`)
	fieldGrammar    = regexp.MustCompile(`^[A-Za-z0-9_:.-]{1,64}$`)
	addressGrammar  = regexp.MustCompile(`^[!-~]{1,256}$`)
	codeGrammar     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

func compilePermissions(s *GrantSpec, g *Grant) error {
	if s.WebSocket {
		return specError("websocket", "is not supported yet: leave it out")
	}
	allow, err := ParseClasses(s.Allow)
	if err != nil {
		return &SpecError{"allow", err.Error(), "unknown permission: use " + strings.Join(classNames[:], ", ")}
	}
	g.allow = allow
	for _, name := range s.ExtraFields {
		if !fieldGrammar.MatchString(name) {
			return specError("extra_fields", "%s is not a field's name", quoteBrief(name))
		}
		if slices.Contains(judgedFields[:], strings.ToLower(name)) {
			return specError("extra_fields", "%s is read by rules and cannot be sent unread", quoteBrief(name))
		}
	}
	g.extraFields = setOf(s.ExtraFields)
	return nil
}

// judgedFields are the fields that a rule reads, at whichever endpoint. They are
// never sent unread, in whatever case they are spelled.
var judgedFields = [...]string{
	"type", "symbol", "amount", "price", "lev", "price_trailing", "price_aux_limit", "price_oco_stop", "cid_oco",
	"gid", "cid", "cid_date", "id", "flags", "tif", "meta", "aff_code", "delta", "ops", "all", "rate", "period",
	"wallet", "method", "address", "payment_id", "invoice", "from", "to", "currency", "currency_to",
	"email_dst", "user_id_dst", "tfatoken", "collateral", "side", "exchange", "is_hidden", "is_postonly",
	"use_all_available", "ocoorder", "buy_price_oco", "sell_price_oco", "orders", "order_id", "order_ids",
	"direction", "withdraw_type", "walletselected", "wallet_from", "wallet_to", "walletfrom", "walletto",
	"request", "nonce", "fee_deduct", "beneficiary_self",
}

func compileOrderRules(s *GrantSpec, g *Grant) error {
	for _, symbol := range s.Symbols {
		if !symbolGrammar.MatchString(symbol) {
			return specError("symbols", `%s is not a symbol such as "tBTCUSD", "tBTCF0:USTF0" or "fUSD"`, quoteBrief(symbol))
		}
	}
	g.symbols = setOf(s.Symbols)
	if s.OrderTypes != nil {
		g.orderTypes = new(OrderType)
	}
	for _, word := range s.OrderTypes {
		t, ok := ParseOrderType(word)
		if !ok {
			return specError("order_types", "unknown order type %s%s", quoteBrief(word), didYouMean(word, orderTypes[:]))
		}
		*g.orderTypes |= t
	}
	if s.Flags != nil {
		g.flags = new(Flags)
	}
	for _, word := range s.Flags {
		i := slices.IndexFunc(flagNames[:], func(f flagName) bool { return f.word == word })
		if i < 0 {
			return specError("flags", "unknown flag %s%s", quoteBrief(word), didYouMean(word, KnownFlags.Words()))
		}
		*g.flags |= flagNames[i].flag
	}
	if s.MaxLeverage != nil {
		if *s.MaxLeverage < 1 || *s.MaxLeverage > 100 {
			return specError("max_leverage", "must be 1 to 100")
		}
		most := NewDecimal(uint64(*s.MaxLeverage))
		g.maxLeverage = &most
	}
	for _, code := range s.AffCodes {
		if !codeGrammar.MatchString(code) {
			return specError("aff_codes", "%s is not an affiliate code", quoteBrief(code))
		}
	}
	g.affCodes = setOf(s.AffCodes)
	return nil
}

func compileAmounts(s *GrantSpec, g *Grant) (err error) {
	if g.maxOrder, err = amounts("max_order", s.MaxOrder); err != nil {
		return err
	}
	if g.maxNotional, err = amounts("max_notional", s.MaxNotional); err != nil {
		return err
	}
	g.dailyNotional, err = amounts("daily_notional", s.DailyNotional)
	g.Limits.DailyNotional = g.dailyNotional
	return err
}

func amounts(field string, by map[string]Decimal) (map[string]Decimal, error) {
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		if !currencyGrammar.MatchString(currency) {
			return nil, specError(field, `%s is not a currency such as "BTC"`, quoteBrief(currency))
		}
		if by[currency].IsNegative() {
			return nil, specError(field+"."+currency, "must not be negative: amounts are compared without their sign")
		}
	}
	return maps.Clone(by), nil
}

func compileBands(s *GrantSpec, g *Grant) error {
	if s.PriceBand == nil {
		return nil
	}
	g.priceBand = make(map[string]band, len(s.PriceBand))
	for _, symbol := range slices.Sorted(maps.Keys(s.PriceBand)) {
		spec := s.PriceBand[symbol]
		field := "price_band." + symbol
		switch {
		case !symbolGrammar.MatchString(symbol) || symbol[0] != 't':
			return specError("price_band", `%s is not a pair such as "tBTCUSD"`, quoteBrief(symbol))
		case !spec.Reference.IsPositive():
			return specError(field+".reference", "must be above 0")
		case spec.Percent.IsNegative() || spec.Percent.Cmp(NewDecimal(100)) >= 0:
			return specError(field+".percent", "must be at least 0 and below 100")
		}
		width := spec.Reference.percentOf(spec.Percent)
		g.priceBand[symbol] = band{spec.Reference.SubAbs(width), spec.Reference.AddAbs(width)}
	}
	return nil
}

func compileLimits(s *GrantSpec, g *Grant) (err error) {
	if g.Limits.Rate, err = s.Rate.compile("rate"); err != nil {
		return err
	}
	const most = 1_000_000_000_000_000 // TOML has no more than 2^63-1
	if s.DailyRequests != nil && *s.DailyRequests > most {
		return specError("daily_requests", "must be at most %d", uint64(most))
	}
	g.Limits.DailyRequests = s.DailyRequests
	g.Limits.CancelRate, err = s.CancelRate.compile("cancel_rate")
	return err
}

func (r *RateSpec) compile(field string) (*Rate, error) {
	if r == nil {
		return nil, nil
	}
	slowest, _ := ParseDecimal("0.0001")
	if r.PerSecond.Cmp(slowest) < 0 || r.PerSecond.Cmp(NewDecimal(1_000_000)) > 0 {
		return nil, specError(field+".per_second", "must be 0.0001 to 1000000")
	}
	// The interval is rounded up to a nanosecond: never more than was granted.
	var interval time.Duration
	second := NewDecimal(uint64(time.Second))
	for step := time.Duration(1) << 44; step > 0; step >>= 1 {
		if NewDecimal(uint64(interval+step)).MulUp(r.PerSecond).Cmp(second) < 0 {
			interval += step
		}
	}
	rate := &Rate{Interval: interval + 1, Burst: 1}
	if whole := uint64(time.Second / rate.Interval); whole > 1 {
		rate.Burst = uint32(whole)
	}
	if r.Burst != nil {
		if *r.Burst < 1 || *r.Burst > 1_000_000 {
			return nil, specError(field+".burst", "must be 1 to 1000000")
		}
		rate.Burst = *r.Burst
	}
	const most = 10 * 365 * 24 * time.Hour
	if uint64(rate.Burst) > uint64(most)/uint64(rate.Interval) {
		return nil, specError(field+".burst", "takes more than ten years to be earned back: it would be no limit")
	}
	return rate, nil
}

func compileTimes(s *GrantSpec, g *Grant) (err error) {
	if s.Expires != nil {
		if s.Expires.Year < 2000 {
			return specError("expires", "is long past: take the grant away instead")
		}
		g.expires = s.Expires.start().AddDate(0, 0, 1)
	}
	if s.Hours != nil {
		g.hours, err = parseHours(*s.Hours)
	}
	return err
}

func compileWithdraw(s *GrantSpec, g *Grant) error {
	if s.Withdraw == nil {
		return nil
	}
	switch {
	case s.Withdraw.Approval != nil:
		return specError("withdraw.approval", "is not supported yet: leave it out, and withdraw out of allow, where it matters")
	case g.allow&Withdraw == 0:
		return specError("withdraw", `restricts what "withdraw" in allow permits, which is not there`)
	}
	for _, address := range s.Withdraw.Addresses {
		if !addressGrammar.MatchString(address) {
			return specError("withdraw.addresses", "%s is not an address", quoteBrief(address))
		}
	}
	most, err := amounts("withdraw.max", s.Withdraw.Max)
	g.withdraw = &withdrawal{addresses: setOf(s.Withdraw.Addresses), max: most}
	return err
}

// setOf is nil for nil and empty for empty: they mean the opposite.
func setOf(words []string) map[string]struct{} {
	if words == nil {
		return nil
	}
	set := make(map[string]struct{}, len(words))
	for _, w := range words {
		set[w] = struct{}{}
	}
	return set
}
