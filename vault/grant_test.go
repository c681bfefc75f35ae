package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func dec(t testing.TB, text string) policy.Decimal {
	t.Helper()
	d, ok := policy.ParseDecimal(text)
	if !ok {
		t.Fatalf("%q is no decimal", text)
	}
	return d
}

// maker is a grant with every rule that an order can meet.
func maker(t testing.TB) policy.GrantSpec {
	hours, leverage, requests, burst := "Mon-Sun 00:00-24:00 UTC", uint32(1), uint64(1_000_000_000), uint32(1_000_000)
	most := &policy.RateSpec{PerSecond: dec(t, "1000000"), Burst: &burst}
	return policy.GrantSpec{
		Key: "main", Allow: []string{"read", "trade", "cancel"}, Symbols: []string{"tBTCUSD", "tETHUSD"},
		OrderTypes: []string{"EXCHANGE LIMIT"}, Flags: []string{"hidden", "post_only", "reduce_only"}, MaxLeverage: &leverage,
		MaxOrder:      map[string]policy.Decimal{"BTC": dec(t, "0.5"), "ETH": dec(t, "10")},
		MaxNotional:   map[string]policy.Decimal{"USD": dec(t, "25000")},
		DailyNotional: map[string]policy.Decimal{"USD": dec(t, "100000000000000000")},
		PriceBand:     map[string]policy.BandSpec{"tBTCUSD": {Reference: dec(t, "10000"), Percent: dec(t, "5")}, "tETHUSD": {Reference: dec(t, "3000"), Percent: dec(t, "5")}},
		Rate:          most, CancelRate: most, DailyRequests: &requests, Hours: &hours,
		Expires: &policy.Date{Year: 2999, Month: time.December, Day: 31}, AffCodes: []string{"mine"},
	}
}

// write asks for the signature of a write.
func (r *rig) write(path, body string) error {
	_, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/w/" + path, Body: []byte(body)})
	return err
}

// raise adds to the amount of an order that was signed today.
func (r *rig) raise(cid int) error {
	today := time.Now().UTC().Format(time.DateOnly)
	return r.write("order/update", fmt.Sprintf(`{"cid":%d,"cid_date":%q,"delta":"0.1"}`, cid, today))
}

// wantDenied checks the kind of an error, and its rule and field as "rule field".
func wantDenied(t testing.TB, err error, kind vault.Kind, where string) {
	t.Helper()
	var e *vault.Error
	if !errors.As(err, &e) || e.Kind != kind || strings.TrimSpace(e.Rule+" "+e.Field) != where {
		t.Fatalf("%+v, want kind %d at %q", err, kind, where)
	}
}

// P3: the bot is told rule and field, the operator's log the whole.
func TestAGrantJudgesWhatAnOrderSays(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantSpec("mm-1", maker(t)))
	order := func(members string) string { return `{"type":"EXCHANGE LIMIT",` + members + `}` }
	for _, body := range []string{
		testOrder, order(`"symbol":"tETHUSD","amount":"-8","price":"3000","flags":4096,"meta":{"aff_code":"mine"}`),
	} {
		r.must(r.write("order/submit", body))
	}
	for _, test := range []struct{ path, body, where, log string }{
		{"order/submit", order(`"symbol":"tXRPUSD","amount":"1","price":"1"`), "symbols symbol", "asked tXRPUSD; allowed tBTCUSD,tETHUSD"},
		{"order/submit", order(`"symbol":"tBTCUSD","amount":"0.6","price":"10000"`), "max_order amount", "asked 0.6 of tBTCUSD; allowed BTC=0.5,ETH=10"},
		{"order/submit", order(`"symbol":"tETHUSD","amount":"-9","price":"3000"`), "max_notional amount", "asked 27000 USD; allowed USD=25000"},
		{"order/submit", order(`"symbol":"tBTCUSD","amount":"0.1","price":"10501"`), "price_band price", "asked 10501 to 10501 for tBTCUSD; allowed 9500 to 10500"},
		{"order/submit", order(`"symbol":"tBTCUSD","amount":"0.1","price":"10000","lev":2`), "max_leverage lev", "allowed 1"},
		{"order/submit", order(`"symbol":"tBTCUSD","amount":"0.1","price":"10000","flags":64,"meta":{"aff_code":"theirs"}`), "aff_codes meta.aff_code", "this affiliate code; allowed mine"},
		{"order/submit", order(`"symbol":"tBTCUSD","amount":"0.1","price":"10000","iceberg":1`), "extra_fields body", ""},
		{"order/multi", `{"ops":[["on",` + testOrder + `],["on",` + order(`"symbol":"tBTCUSD","amount":"0.6","price":"10000"`) + `]]}`, "max_order amount", "in operation 2"},
		{"funding/offer/submit", `{"type":"LIMIT","symbol":"fUSD","amount":"100","rate":"0.001","period":2}`, "allow path", "allowed read,trade,cancel"},
		{"withdraw", `{}`, "allow path", ""},
	} {
		wantDenied(t, r.write(test.path, test.body), vault.KindDenied, test.where)
		if !strings.Contains(r.log.String(), test.log) {
			t.Errorf("the log does not say %q", test.log)
		}
	}
	if strings.Contains(r.log.String(), "theirs") { // A49: any text may stand there
		t.Error("the log repeats an affiliate code that no grant lists")
	}
	wantDenied(t, r.write("order/submit", order(`"symbol":"tBTCUSD","amount":"0","price":"10000"`)), vault.KindMalformed, "amount")
}

// P3, A35: an update is judged as the order that it could lead to, also after a
// restart.
func TestAnUpdateIsJudgedByWhatItUpdates(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantSpec("mm-1", maker(t)))
	today := time.Now().UTC().Format(time.DateOnly)
	update := func(cid int, members string) error {
		return r.write("order/update", fmt.Sprintf(`{"cid":%d,"cid_date":%q,%s}`, cid, today, members))
	}
	r.must(r.write("order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.3","price":"10000","cid":7}`))
	wantDenied(t, update(8, `"price":"10001"`), vault.KindUnknownOrder, policy.UnknownOrder+" id")
	wantDenied(t, update(7, `"price":"20000"`), vault.KindDenied, "price_band price")
	wantDenied(t, update(7, `"amount":"0.6"`), vault.KindDenied, "max_order amount")
	r.must(update(7, `"delta":"0.1"`), update(7, `"price":"10001"`))
	r.reopen(nil)
	r.must(r.unlock())
	wantDenied(t, update(7, `"delta":"-0.11"`), vault.KindDenied, "max_order amount")
	r.must(update(7, `"delta":"0.1"`))
	r.must(r.write("order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":7}`))
	wantDenied(t, update(7, `"price":"10001"`), vault.KindUnknownOrder, policy.UnknownOrder+" id")
	wantDenied(t, r.write("order/update", `{"id":12345,"price":"10001"}`), vault.KindUnknownOrder, policy.UnknownOrder+" id")
}

// A39
func TestExactlyAsManyPassAsTheLimitSays(t *testing.T) {
	const limit = 40
	r := newRig(t).ready()
	daily := uint64(limit)
	r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"trade"}, DailyRequests: &daily}))
	var passed, limited atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			switch _, err := r.sign(uid(1001), "main"); {
			case err == nil:
				passed.Add(1)
			case vault.KindOf(err) == vault.KindLimited:
				limited.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if passed.Load() != limit || limited.Load() != 100-limit {
		t.Errorf("%d passed and %d were limited", passed.Load(), limited.Load())
	}
}

// A40: neither a restart, nor another grant, nor a new bot of the old name gives
// anything back.
func TestWhatWasSpentStaysSpent(t *testing.T) {
	r := newRig(t).ready()
	daily := uint64(4)
	spec := policy.GrantSpec{Key: "main", Allow: []string{"trade"}, DailyRequests: &daily, DailyNotional: map[string]policy.Decimal{"USD": dec(t, "2500")}}
	r.must(r.grantSpec("mm-1", spec))
	for range 2 {
		_, err := r.sign(uid(1001), "main") // 0.1 at 10,000
		r.must(err)
	}
	spent := func(when string) {
		t.Helper()
		_, err := r.sign(uid(1001), "main")
		wantDenied(t, err, vault.KindLimited, "daily_notional")
		bot, err := r.v.Bot("mm-1")
		r.must(err)
		if left := bot.Grants[0].Left; *left.Requests > 2 || left.Notional["USD"].Cmp(dec(t, "500")) > 0 {
			t.Errorf("%s, %d requests and %s USD are left", when, *left.Requests, left.Notional["USD"])
		}
	}
	spent("at first")
	r.reopen(nil)
	r.must(r.unlock())
	spent("after a restart")
	_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
	r.must(err, r.grantSpec("mm-1", spec))
	spent("under another grant")
	_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
	r.must(err)
	r.reopen(nil)
	r.must(r.unlock(), r.addBot("mm-1", 1001), r.grantSpec("mm-1", spec))
	spent("as another bot")
}

// A40: a restart fills no bucket.
func TestATokenBucketStartsEmptyAtUnlock(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"trade"}, Rate: &policy.RateSpec{PerSecond: dec(t, "0.001")}}))
	_, err := r.sign(uid(1001), "main")
	r.must(err)
	r.reopen(nil)
	r.must(r.unlock())
	_, err = r.sign(uid(1001), "main")
	wantDenied(t, err, vault.KindLimited, "rate")
	var e *vault.Error
	if errors.As(err, &e); e.RetryAfter <= 0 || e.RetryAfter > 1000*time.Second {
		t.Errorf("told to wait for %v", e.RetryAfter)
	}
}

// P4: a selector that cannot be checked here is not stored.
func TestAMatchThatCannotBeCheckedIsRefused(t *testing.T) {
	r := newRig(t).ready()
	r.uncheckable = errors.New("no executable can be read here")
	err := r.addBot("mm-2", 1002)
	wantKind(t, err, vault.KindInvalid)
	if !strings.Contains(err.Error(), r.uncheckable.Error()) {
		t.Errorf("%v does not say why", err)
	}
	policyOf := vault.ApplyPolicy{Bots: map[string]policy.BotSpec{"mm-2": {Match: []policy.Match{{Exe: "/bot"}}}}}
	_, err = r.v.ApplyPolicy(ctx, r.by, policyOf, r.prove(r.by, policyOf.Operation()))
	wantKind(t, err, vault.KindInvalid)
}

type service struct {
	unit string
	sum  [32]byte
	err  error
}

func (s service) Exe() (string, error)      { return "", errors.New("unreadable") }
func (s service) Unit() (string, error)     { return s.unit, s.err }
func (s service) SHA256() ([32]byte, error) { return s.sum, s.err }

// P4, A5: one match of several is enough, and what cannot be told is no match.
func TestABotIsWhoFitsOneOfItsMatches(t *testing.T) {
	r := newRig(t)
	one := uint32(1001)
	bot := vault.AddBot{Name: "both", Match: []policy.Match{
		{UID: &one, Unit: "/system.slice/mm-1.service"}, {SHA256: &policy.Digest{7}},
	}}
	_, err := r.v.AddBot(ctx, r.by, bot, r.prove(r.by, bot.Operation()))
	r.must(err, r.addKey("main", "KEY-1", testSecret), r.grant("both", "main", policy.Trade))
	no := errors.New("no")
	for name, test := range map[string]struct {
		uid     uint32
		process vault.Process
		is      bool
	}{
		"its unit":                 {1001, service{unit: "/system.slice/mm-1.service"}, true},
		"both":                     {1001, service{unit: "/system.slice/mm-1.service", sum: [32]byte{7}}, true},
		"its unit under another":   {1002, service{unit: "/system.slice/mm-1.service"}, false},
		"another unit":             {1001, service{unit: "/system.slice/mm-2.service"}, false},
		"its content":              {5, service{sum: [32]byte{7}}, true},
		"other content":            {5, service{sum: [32]byte{8}}, false},
		"a unit that is not told":  {1001, service{unit: "/system.slice/mm-1.service", err: no}, false},
		"content that is not told": {5, service{sum: [32]byte{7}, err: no}, false},
		"nothing known":            {1001, nil, false},
	} {
		caller := uid(test.uid)
		caller.Process = test.process
		if _, err := r.sign(caller, "main"); (err == nil) != test.is {
			t.Errorf("%s: %v", name, err)
		}
	}
}
