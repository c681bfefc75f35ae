package bitfinex_test

import (
	"errors"
	"net/url"
	stdpath "path"
	"regexp"
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
)

// grammars says again, in another language, what a parameter may be.
var grammars = func() map[string]*regexp.Regexp {
	const (
		symbol  = `[tf][A-Z0-9]{3,}(:[A-Z0-9]+)?`
		id      = `[1-9][0-9]{0,17}`
		decimal = `-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?`
	)
	m := make(map[string]*regexp.Regexp)
	for segment, text := range map[string]string{
		"{symbol}":                symbol,
		"{currency}":              `[A-Z0-9]{2,12}`,
		"{algoOrderId}":           id,
		"{key}":                   `f[A-Z0-9]{3,}(:[A-Z0-9]+)?`,
		"{symbol}:{id}":           symbol + ":" + id,
		"price:{symbol}:{price}":  "price:" + symbol + ":" + decimal,
		"{type}:{symbol}:{price}": "price:" + symbol + ":" + decimal,
	} {
		m[segment] = regexp.MustCompile(`\A(` + text + `)\z`)
	}
	return m
}()

// matches says by the table and the grammars whether pattern covers path.
func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if r := grammars[want[i]]; r != nil && !r.MatchString(got[i]) || r == nil && want[i] != got[i] {
			return false
		}
	}
	return true
}

// hostilePaths are spellings that some server, proxy or library would take for
// an endpoint. None is in the table.
var hostilePaths = []string{ // A26, A27
	"", "/", ".", "..", "v2", "v2/", "v2/auth", "v2/auth/w",
	"/v2/auth/w/order/submit", "//v2/auth/w/order/submit", "v2/auth/w/order/submit/", "v2/auth/w/order/submit//",
	"v2//auth/w/order/submit", "v2/auth//w/order/submit", "v2/auth/w/order//submit",
	"v2/auth/w/order/../withdraw", "v2/auth/w/order/../../w/withdraw", "v2/auth/w/./withdraw", "./v2/auth/w/withdraw",
	"v2/auth/w/order/submit/..", "v2/auth/w/order/submit/.", "v2/auth/r/wallets/../../w/withdraw",
	"v2/auth/r/orders/../wallets", "v2/auth/r/ledgers/../hist", "v2/auth/r/ledgers/./hist",
	"v2/auth/w/order/%2e%2e/withdraw", "v2/auth/w/order/%2E%2E/withdraw", "v2/auth/w/order%2f..%2fwithdraw",
	"v2/auth/w%2Fwithdraw", "v2%2Fauth%2Fw%2Fwithdraw", "v2/auth/w/withdra%77", "v2/auth/w/%77ithdraw",
	"v2/auth/w/withdraw%00", "v2/auth/w/withdraw%20", "v2/auth/w/withdraw%0a", "v2/auth/w/withdraw%252f",
	"v2/auth/w/withdraw\x00", "v2/auth/w/withdraw\n", "v2/auth/w/withdraw\r\n", "v2/auth/w/withdraw ", " v2/auth/w/withdraw",
	"v2/auth/w/withdraw\t", "v2/auth/w/with\x00draw", "\ufeffv2/auth/w/withdraw", "v2/auth/w/withdraw\u200b",
	"v2/auth/w/order/submit;x", "v2/auth/w/order/submit;x=1", "v2/auth/w/order;x/submit", "v2;/auth/w/order/submit",
	"v2/auth/w/order/submit?", "v2/auth/w/order/submit?a=1", "v2/auth/w/order/submit#", "v2/auth/w/order/submit#a",
	"v2/auth/r/wallets?x=/v2/auth/w/withdraw", "v2/auth/r/orders/tBTCUSD?limit=1", "v2/auth/r/orders/tBTCUSD#hist",
	`v2\auth\w\withdraw`, `v2/auth/w\withdraw`, `v2/auth/w/..\withdraw`,
	"V2/auth/w/withdraw", "v2/AUTH/w/withdraw", "v2/auth/W/withdraw", "v2/auth/w/Withdraw", "v2/auth/w/WITHDRAW",
	"v2/auth/w/withdraw:", "v2/auth/w/withdraw@", "https://api.bitfinex.com/v2/auth/w/withdraw", "api/v2/auth/w/withdraw",
	"/api/v2/auth/w/withdraw", "v2/auth/w/order/submit1764000000000000", "v2/auth/w/order/submit{}",
	// dots, slashes and letters that look like others or normalise to them
	"v2/auth/w/order/\uff0e\uff0e/withdraw", "v2/auth/w/order/\u2025/withdraw", "v2/auth/w\uff0fwithdraw",
	"v2/auth/w\u2215withdraw", "v2/auth/w/w\u0456thdraw", "v2/auth/w/\u0175ithdraw", "v2/auth/w/\uff57ithdraw",
	"v2/auth/w/\u202ewardhtiw", "v2/auth/w/wi\u00adthdraw", "v2/auth/r/orders/\u0442BTCUSD", "v2/auth/r/orders/tBTCU\u017fD",
	"v2/auth/r/orders/tBTC\u200bUSD", "v2/auth/r/ledgers/\u212aUSD/hist", "v2/auth/w/withdraw\xff", "v2/auth/w/withdraw\xc0\xaf",
	// endpoints that do not exist, of the other version, or public
	"v2/auth/w/order/cancel/all", "v2/auth/w/order", "v2/auth/w/order/submit/tBTCUSD", "v2/auth/r/order/submit",
	"v2/auth/w/wallets", "v2/platform/status", "v2/ticker/tBTCUSD", "v3/auth/w/withdraw", "ws/2", "v1/ticker/btcusd",
	"v2/auth/w/token/../order/submit", "v2/auth/r/tokens",
	// parameters that are close
	"v2/auth/r/orders/", "v2/auth/r/orders//hist", "v2/auth/r/orders/{symbol}", "v2/auth/r/orders/{symbol}/hist", "v2/auth/r/orders/*",
	"v2/auth/r/orders/BTCUSD", "v2/auth/r/orders/tbtcusd", "v2/auth/r/orders/tBT", "v2/auth/r/orders/t", "v2/auth/r/orders/TBTCUSD",
	"v2/auth/r/orders/tBTC:", "v2/auth/r/orders/tBTC:USD:", "v2/auth/r/orders/tBTC::USD", "v2/auth/r/orders/t:BTCUSD",
	"v2/auth/r/orders/tBTC:USD:EUR", "v2/auth/r/orders/tBTC/USD", "v2/auth/r/orders/tBTC-USD", "v2/auth/r/orders/tBTC_USD", "v2/auth/r/orders/tBTC USD",
	"v2/auth/r/orders/tBTCUSD,tETHUSD", "v2/auth/r/orders/ tBTCUSD", "v2/auth/r/orders/tBTCUSD\n", "v2/auth/r/orders/gBTCUSD",
	"v2/auth/r/order/tBTCUSD/trades", "v2/auth/r/order/tBTCUSD:/trades", "v2/auth/r/order/:1/trades", "v2/auth/r/order/tBTCUSD:0/trades",
	"v2/auth/r/order/tBTCUSD:01/trades", "v2/auth/r/order/tBTCUSD:-1/trades", "v2/auth/r/order/tBTCUSD:+1/trades", "v2/auth/r/order/tBTCUSD:1e3/trades",
	"v2/auth/r/order/tBTCUSD:1234567890123456789/trades", "v2/auth/r/order/tBTCUSD:1:/trades", "v2/auth/r/order/tBTCUSD:\u0661/trades",
	"v2/auth/r/order/tA:B:C:1/trades", "v2/auth/r/order/tBTCUSD:USD/trades", "v2/auth/r/order/1/trades",
	"v2/auth/r/ledgers/U/hist", "v2/auth/r/ledgers/usd/hist", "v2/auth/r/ledgers/ABCDEFGHIJKLM/hist", "v2/auth/r/ledgers/US-D/hist", "v2/auth/r/ledgers//hist",
	"v2/auth/r/info/margin/", "v2/auth/r/info/margin/BASE", "v2/auth/r/info/margin/sym_all ", "v2/auth/r/info/margin/sym", "v2/auth/r/info/margin/all",
	"v2/auth/r/info/funding/tBTCUSD", "v2/auth/r/info/funding/base", "v2/auth/r/info/funding/USD", "v2/auth/r/info/funding/fU",
	"v2/auth/w/alert/price:tBTCUSD/del", "v2/auth/w/alert/price:tBTCUSD:/del", "v2/auth/w/alert/price::1/del", "v2/auth/w/alert/price:1/del",
	"v2/auth/w/alert/volume:tBTCUSD:1/del", "v2/auth/w/alert/:tBTCUSD:1/del", "v2/auth/w/alert/Price:tBTCUSD:1/del", "v2/auth/w/alert/priceprice:tBTCUSD:1/del",
	"v2/auth/w/alert/price:tBTCUSD:01/del", "v2/auth/w/alert/price:tBTCUSD:1./del", "v2/auth/w/alert/price:tBTCUSD:.1/del", "v2/auth/w/alert/price:tBTCUSD:1e3/del",
	"v2/auth/w/alert/price:tBTCUSD:+1/del", "v2/auth/w/alert/price:tBTCUSD:--1/del", "v2/auth/w/alert/price:tBTCUSD:1,5/del", "v2/auth/w/alert/price:tBTCUSD:NaN/del",
	"v2/auth/w/alert/price:tBTCUSD:1.1234567890123456789/del", "v2/auth/w/alert/price:tBTCUSD:1234567890123456789/del", "v2/auth/w/alert/price:tBTCUSD:1.2.3/del",
	"v2/auth/w/alert/del/del", "v2/auth/w/alert/price:tBTCUSD:1", "v2/auth/w/alert/price:tBTCUSD:1/set",
	"v2/auth/w/ext/recurring-ao/cancel/", "v2/auth/w/ext/recurring-ao/cancel/0", "v2/auth/w/ext/recurring-ao/cancel/01", "v2/auth/w/ext/recurring-ao/cancel/abc",
	"v2/auth/w/ext/recurring-ao/cancel/1/", "v2/auth/w/ext/recurring-ao/cancel/..", "v2/auth/w/ext/recurring-ao/cancel", "v2/auth/w/ext/recurring-ao/cancel/1 ",
	"v2/auth/r/orders/t" + strings.Repeat("A", bitfinex.MaxPath),
}

func TestAPathThatIsNotInTheTableIsRefused(t *testing.T) { // P3, A26, A27
	for _, path := range hostilePaths {
		if request, err := parse(path, []byte("{}")); err == nil {
			t.Errorf("Parse(%q) took it for %s", path, request.Endpoint)
		}
		if request, err := parseV1(path, nil); err == nil {
			t.Errorf("ParseV1(%q) took it for %s", path, request.Endpoint)
		}
	}
}

func TestEachVersionHasItsOwnPaths(t *testing.T) {
	if _, err := parse("v1/withdraw", []byte("{}")); err == nil {
		t.Error("Parse took a path of REST v1")
	}
	if _, err := parseV1("v2/auth/w/withdraw", []byte("{}")); err == nil {
		t.Error("ParseV1 took a path of REST v2")
	}
}

func TestEveryChangedByteOfAPathChangesTheEndpointOrIsRefused(t *testing.T) { // A26
	for _, path := range []string{"v2/auth/w/order/submit", "v2/auth/w/withdraw", "v1/withdraw"} {
		for i := range path {
			for b := range 256 {
				changed := path[:i] + string([]byte{byte(b)}) + path[i+1:]
				if changed == path {
					continue
				}
				if request, err := parseAny(changed, leastOf(changed)); err == nil {
					t.Errorf("%q is taken for %s", changed, request.Endpoint)
				}
			}
		}
	}
}

// checkPath is what FuzzPath asks of any text.
func checkPath(t *testing.T, path string) {
	t.Helper()
	request, err := parsePath(path)
	covered := false
	for _, e := range bitfinex.Endpoints() {
		if !matches(e.Pattern, path) {
			continue
		}
		covered = true
		if err == nil && request.Endpoint == e.Pattern && request.Class != e.Class {
			t.Errorf("%q: class %v, the table says %v", path, request.Class, e.Class)
		}
	}
	if covered = covered && len(path) <= bitfinex.MaxPath; covered != (err == nil) {
		t.Fatalf("%q: the table says %v, the parser %v", path, covered, err)
	}
	if err != nil {
		var syntax *bitfinex.SyntaxError
		if !errors.As(err, &syntax) || syntax.Field != "path" {
			t.Errorf("%q: error %v, want a *SyntaxError about the path", path, err)
		}
		return
	}
	if !matches(request.Endpoint, path) {
		t.Errorf("%q was taken for %s", path, request.Endpoint)
	}
	if strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:._-/") != "" {
		t.Errorf("%q has a character that a URL might encode", path)
	}
	u, err := url.Parse("https://api.bitfinex.com/" + path)
	if err != nil || u.Path != "/"+path || u.EscapedPath() != "/"+path || u.RawQuery != "" || u.Fragment != "" || stdpath.Clean(u.Path) != u.Path {
		t.Errorf("net/url reads %q otherwise: %+v, %v", path, u, err)
	}
	if shorter := strings.TrimRight(path, "0"); shorter != path { // border.go
		if r, err := parsePath(shorter); err == nil && r.Endpoint != request.Endpoint {
			t.Errorf("%q without its zeros is another endpoint: %s", path, r.Endpoint)
		}
	}
}

func FuzzPath(f *testing.F) { // P3, A26
	seeds := append([]string(nil), hostilePaths...)
	for _, e := range bitfinex.Endpoints() {
		seeds = append(seeds, pathsOf(f, e.Pattern)...)
	}
	addAll(f, seeds)
	f.Fuzz(checkPath)
}

// addAll adds the seeds, and fails if there are none: a list that went missing
// would leave a target that only looks like one.
func addAll(f *testing.F, seeds []string) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
	}
}
