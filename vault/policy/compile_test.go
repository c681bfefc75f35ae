package policy_test

import (
	"errors"
	"strings"
	"testing"

	"bfxvault/vault/policy"
)

// A12, A29, A63: what cannot be enforced cannot be stored, and the error says where.
func TestCompileRefusesWhatItCouldNotEnforce(t *testing.T) {
	text := func(s string) *string { return &s }
	beyond := uint64(1) << 63
	count := func(n uint32) *uint32 { return &n }
	rate := func(perSecond string, burst *uint32) *policy.RateSpec {
		d, _ := policy.ParseDecimal(perSecond)
		return &policy.RateSpec{PerSecond: d, Burst: burst}
	}
	for name, test := range map[string]struct {
		spec          policy.GrantSpec
		field, reason string
	}{
		"websocket":                 {policy.GrantSpec{WebSocket: true}, "websocket", "not supported"},
		"an unknown permission":     {policy.GrantSpec{Allow: []string{"Read"}}, "allow", "unknown permission"},
		"an unknown endpoint":       {policy.GrantSpec{Endpoints: []string{"v2/auth/w/pulse/ad"}}, "endpoints", `did you mean "v2/auth/w/pulse/add"`},
		"a judged field unread":     {policy.GrantSpec{ExtraFields: []string{"Amount"}}, "extra_fields", "read by rules"},
		"a field of a stand-in":     {policy.GrantSpec{ExtraFields: []string{"$F33"}}, "extra_fields", "not a field"},
		"the end in 1999":           {policy.GrantSpec{Expires: &policy.Date{Year: 1999, Month: 12, Day: 31}}, "expires", "long past"},
		"the end in no year":        {policy.GrantSpec{Expires: &policy.Date{Month: 1, Day: 1}}, "expires", "long past"},
		"the end of no day":         {policy.GrantSpec{Expires: &policy.Date{}}, "expires", "long past"},
		"a field that is none":      {policy.GrantSpec{ExtraFields: []string{"a b"}}, "extra_fields", "not a field"},
		"a symbol in lower case":    {policy.GrantSpec{Symbols: []string{"tbtcusd"}}, "symbols", "not a symbol"},
		"a pair without its t":      {policy.GrantSpec{Symbols: []string{"BTCUSD"}}, "symbols", "not a symbol"},
		"a pattern":                 {policy.GrantSpec{Symbols: []string{"t*"}}, "symbols", "not a symbol"},
		"an order type":             {policy.GrantSpec{OrderTypes: []string{"EXCHANGE LIMITS"}}, "order_types", `did you mean "EXCHANGE LIMIT"`},
		"a flag":                    {policy.GrantSpec{Flags: []string{"postonly"}}, "flags", `did you mean "post_only"`},
		"leverage of 0":             {policy.GrantSpec{MaxLeverage: count(0)}, "max_leverage", "1 to 100"},
		"leverage of 101":           {policy.GrantSpec{MaxLeverage: count(101)}, "max_leverage", "1 to 100"},
		"a negative amount":         {policy.GrantSpec{MaxOrder: amounts("BTC", "-1")}, "max_order.BTC", "negative"},
		"a currency in lower case":  {policy.GrantSpec{MaxNotional: amounts("usd", "1")}, "max_notional", "not a currency"},
		"a daily currency":          {policy.GrantSpec{DailyNotional: amounts("U$D", "1")}, "daily_notional", "not a currency"},
		"a band for a loan":         {policy.GrantSpec{PriceBand: map[string]policy.BandSpec{"fUSD": {Reference: opt("1").Decimal}}}, "price_band", "not a pair"},
		"a band around nothing":     {policy.GrantSpec{PriceBand: map[string]policy.BandSpec{"tBTCUSD": {}}}, "price_band.tBTCUSD.reference", "above 0"},
		"a band of everything":      {policy.GrantSpec{PriceBand: map[string]policy.BandSpec{"tBTCUSD": {Reference: opt("1").Decimal, Percent: opt("100").Decimal}}}, "price_band.tBTCUSD.percent", "below 100"},
		"a rate of nothing":         {policy.GrantSpec{Rate: rate("0", nil)}, "rate.per_second", "0.0001"},
		"a negative rate":           {policy.GrantSpec{Rate: rate("-1", nil)}, "rate.per_second", "0.0001"},
		"a rate of everything":      {policy.GrantSpec{CancelRate: rate("1000001", nil)}, "cancel_rate.per_second", "1000000"},
		"requests beyond TOML":      {policy.GrantSpec{DailyRequests: &beyond}, "daily_requests", "at most"},
		"a burst of nothing":        {policy.GrantSpec{Rate: rate("1", count(0))}, "rate.burst", "1 to 1000000"},
		"empty hours":               {policy.GrantSpec{Hours: text("")}, "hours", "must look like"},
		"hours without a zone":      {policy.GrantSpec{Hours: text("Mon-Fri 08:00-18:00")}, "hours", "must look like"},
		"hours of a wrong day":      {policy.GrantSpec{Hours: text("Mon-Fry 08:00-18:00 UTC")}, "hours", "not a day"},
		"hours of a wrong time":     {policy.GrantSpec{Hours: text("Mon-Fri 8:00-18:00 UTC")}, "hours", "not a span"},
		"hours of no time":          {policy.GrantSpec{Hours: text("Mon-Fri 08:00-08:00 UTC")}, "hours", "not a span"},
		"hours of minute 60":        {policy.GrantSpec{Hours: text("Mon-Fri 08:60-18:00 UTC")}, "hours", "not a span"},
		"hours of an unknown zone":  {policy.GrantSpec{Hours: text("Mon-Fri 08:00-18:00 Europe/Atlantis")}, "hours", "not a time zone"},
		"hours of the machine":      {policy.GrantSpec{Hours: text("Mon-Fri 08:00-18:00 Local")}, "hours", "not a time zone"},
		"hours of a file":           {policy.GrantSpec{Hours: text("Mon-Fri 08:00-18:00 ../../etc/passwd")}, "hours", "not a time zone"},
		"an affiliate code":         {policy.GrantSpec{AffCodes: []string{"a b"}}, "aff_codes", "not an affiliate code"},
		"withdraw without its word": {policy.GrantSpec{Allow: []string{"trade"}, Withdraw: &policy.WithdrawSpec{}}, "withdraw", "which is not there"},
		"approval":                  {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Approval: text("totp")}}, "withdraw.approval", "not supported"},
		"an address with a space":   {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Addresses: []string{"bc1 q"}}}, "withdraw.addresses", "not an address"},
		"a look-alike address":      {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Addresses: []string{"bс1q"}}}, "withdraw.addresses", "not an address"},
		"a currency of withdrawals": {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Max: amounts("btc", "1")}}, "withdraw.max", "not a currency"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.spec.Compile([]string{"v2/auth/w/pulse/add"})
			var spec *policy.SpecError
			if !errors.As(err, &spec) || spec.Field != test.field || !strings.Contains(spec.Reason, test.reason) {
				t.Fatalf("%v, want %q about %s", err, test.reason, test.field)
			}
		})
	}
}

func TestABotIsCheckedAsAWhole(t *testing.T) {
	uid := uint32(1001)
	for name, bot := range map[string]policy.BotSpec{
		"an empty match":         {Match: []policy.Match{{UID: &uid}, {}}},
		"an unknown role":        {Role: "admin"},
		"the role of a proxy":    {Role: "proxy"},
		"two grants for one key": {Grants: []policy.GrantSpec{{Key: "main"}, {Key: "other"}, {Key: "main"}}},
	} {
		if err := bot.Check(); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
	bot := policy.BotSpec{Match: []policy.Match{{UID: &uid}}, Grants: []policy.GrantSpec{{Key: "main"}, {Key: "other"}}}
	if err := bot.Check(); err != nil {
		t.Error(err)
	}
}

// A rate never gives more than it says, whatever it is rounded to.
func TestARateIsNeverRoundedUp(t *testing.T) {
	for text, want := range map[string]int64{"1": 1e9, "10": 1e8, "3": 333333334, "0.5": 2e9, "100000": 1e4, "0.0001": 1e13} {
		d := opt(text).Decimal
		g := compile(t, policy.GrantSpec{Rate: &policy.RateSpec{PerSecond: d}})
		if got := g.Limits.Rate.Interval.Nanoseconds(); got != want {
			t.Errorf("%s a second: one in %d ns, want %d", text, got, want)
		}
	}
}

func TestClassesPrintAndParse(t *testing.T) {
	for c := range policy.Class(64) {
		back, err := policy.ParseClasses(c.Words())
		if err != nil || back != c {
			t.Fatalf("%v read back as %v: %v", c, back, err)
		}
	}
	if _, err := policy.ParseClasses([]string{"Read"}); err == nil { // A30
		t.Fatal("Read in another case was taken")
	}
}

// Six letters, or a colon; nothing is guessed.
func TestCurrenciesAreOnlyToldWhereTheyAreCertain(t *testing.T) {
	for symbol, want := range map[string][2]string{
		"tBTCUSD": {"BTC", "USD"}, "tDUSK:USD": {"DUSK", "USD"}, "tBTCF0:USTF0": {"BTCF0", "USTF0"}, "fUSD": {"USD", ""},
		"tBTCUSDT": {}, "tB2CUSD": {}, "tBTC": {}, "BTCUSD": {}, "": {}, "t:USD": {}, "tBTC:": {}, "xBTCUSD": {},
	} {
		base, quote, ok := policy.Currencies([]byte(symbol))
		if ok != (want[0] != "") || ok && (string(base) != want[0] || string(quote) != want[1]) {
			t.Errorf("%q: %q and %q, %t", symbol, base, quote, ok)
		}
	}
}
