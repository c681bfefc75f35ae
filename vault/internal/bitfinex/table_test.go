package bitfinex_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

// source is one line of testdata/endpoints.json.
type source struct {
	Path, Class, Subclass, Scope string
}

func readSources(t testing.TB) []source {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/endpoints.json")
	if err != nil {
		t.Fatal(err)
	}
	var sources []source
	if err := json.Unmarshal(text, &sources); err != nil {
		t.Fatal(err)
	}
	if len(sources) != 141 {
		t.Fatalf("endpoints.json has %d endpoints, want 141", len(sources))
	}
	return sources
}

// Where the table departs from its source, and why.
var departures = map[string]policy.Class{
	// The source says read, and that it is to be taken as trade until proven:
	// the path stands under /w/ and Bitfinex documents it nowhere.
	"v2/auth/w/deriv/collateral/limits": policy.Trade,
}

// The source has one class for all of legacy v1; these are its exceptions.
var (
	v1Cancels = []string{"v1/order/cancel", "v1/order/cancel/all", "v1/order/cancel/multi", "v1/offer/cancel"}
	v1Funding = []string{"v1/offer/new", "v1/swap/close"}
	v1ByName  = []string{"v1/position/claim", "v1/deposit/new"} // as their v2 twins
)

// expected derives a table line from its source by the rules for classes.
func expected(s source) bitfinex.Endpoint {
	e := bitfinex.Endpoint{Pattern: s.Path, Version: bitfinex.V2, Scope: s.Scope, Write: s.Class != "read"}
	if strings.HasPrefix(s.Path, "v1/") {
		e.Version = bitfinex.V1
	}
	e.Class = map[string]policy.Class{
		"read": policy.Read, "trade": policy.Trade, "withdraw": policy.Withdraw, "account-settings": policy.Settings,
	}[s.Class]
	if e.Write {
		switch s.Subclass {
		case "cancel":
			e.Class = policy.Cancel
		case "funding":
			e.Class = policy.Funding
		case "credential-mint", "credential-revoke":
			e.Class = 0
		case "pay", "deposit", "social", "algo", "position", "eaas":
			e.ByName = true
		}
	}
	e.ByName = e.ByName || contains(v1ByName, s.Path)
	switch {
	case contains(v1Cancels, s.Path):
		e.Class = policy.Cancel
	case contains(v1Funding, s.Path):
		e.Class = policy.Funding
	}
	if class, ok := departures[s.Path]; ok {
		e.Class, e.Write = class, true
	}
	return e
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func byPattern(endpoints []bitfinex.Endpoint) map[string]bitfinex.Endpoint {
	m := make(map[string]bitfinex.Endpoint)
	for _, e := range endpoints {
		m[e.Pattern] = e
	}
	return m
}

func TestTableSaysWhatItsSourceSays(t *testing.T) { // P3
	var want []bitfinex.Endpoint
	for _, s := range readSources(t) {
		want = append(want, expected(s))
	}
	got := bitfinex.Endpoints()
	if len(got) != len(want) {
		t.Errorf("the table has %d lines, its source %d", len(got), len(want))
	}
	if diff := cmp.Diff(byPattern(want), byPattern(got)); diff != "" {
		t.Errorf("the table departs from its source (-want +got):\n%s", diff)
	}
}

func TestTableIsTheCallersCopy(t *testing.T) {
	bitfinex.Endpoints()[0].Class = 0
	if bitfinex.Endpoints()[0].Class == 0 {
		t.Error("a caller changed the table")
	}
}

func TestNoGrantCanAllowEndpointsThatMakeCredentials(t *testing.T) { // P3
	for _, path := range []string{"v2/auth/w/token", "v2/auth/w/token/del"} {
		request, err := parse(path, []byte(`{"scope":"api","writePermission":true,"caps":["wd"]}`))
		if err != nil {
			t.Fatal(err)
		}
		if request.Class != 0 || !request.Write {
			t.Errorf("%s: %+v, want a write without a class", path, request)
		}
	}
}

// examples has a value for each parameter segment of the table.
var examples = map[string][]string{
	"{symbol}":                {"tBTCUSD", "tTESTBTC:TESTUSD", "tBTCF0:USTF0", "fUSD"},
	"{currency}":              {"USD", "BTC", "UST", "LUNA2"},
	"{algoOrderId}":           {"1", "20", "123456789012345678"},
	"{key}":                   {"fUSD", "fUST"},
	"{symbol}:{id}":           {"tBTCUSD:123456789", "tBTCF0:USTF0:1"},
	"price:{symbol}:{price}":  {"price:tBTCUSD:600.5", "price:tBTCF0:USTF0:60000", "price:tBTCUSD:0.00000001"},
	"{type}:{symbol}:{price}": {"price:tETHUSD:1"},
}

// pathsOf returns paths that pattern is meant for.
func pathsOf(t testing.TB, pattern string) []string {
	t.Helper()
	paths := []string{""}
	for segment := range strings.SplitSeq(pattern, "/") {
		values := examples[segment]
		if values == nil {
			if strings.ContainsAny(segment, "{}") {
				t.Fatalf("%s: no example for the segment %s", pattern, segment)
			}
			values = []string{segment}
		}
		var longer []string
		for _, p := range paths {
			for _, v := range values {
				longer = append(longer, strings.TrimPrefix(p+"/"+v, "/"))
			}
		}
		paths = longer
	}
	return paths
}

// shadowed are lines that another line always comes before.
var shadowed = map[string]string{
	"v2/auth/r/info/margin/{key}":                 "v2/auth/r/info/margin/{symbol}",
	"v2/auth/w/alert/{type}:{symbol}:{price}/del": "v2/auth/w/alert/price:{symbol}:{price}/del",
}

func TestEveryEndpointIsReachedByItsPaths(t *testing.T) {
	for _, e := range bitfinex.Endpoints() {
		for _, path := range pathsOf(t, e.Pattern) {
			want := policy.Request{Endpoint: e.Pattern, Class: e.Class, ByName: e.ByName, Write: e.Write}
			if other := shadowed[e.Pattern]; other != "" {
				want.Endpoint = other
			}
			got, err := parseAny(path, leastOf(e.Pattern))
			got.Symbol, got.Ops, got.Scratch = "", nil, nil // fields_test.go
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got)\n%s", path, err, diff)
			}
		}
	}
}

// The tree of segments never goes back to try a parameter after a literal. That
// is right as long as no literal could be a parameter's value.
func TestNoLiteralSegmentLooksLikeAParameter(t *testing.T) {
	for _, e := range bitfinex.Endpoints() {
		for segment := range strings.SplitSeq(e.Pattern, "/") {
			if strings.Contains(segment, "{") {
				continue
			}
			for parameter, r := range grammars {
				if r.MatchString(segment) {
					t.Errorf("%s: the literal %s is also a %s", e.Pattern, segment, parameter)
				}
			}
		}
	}
}
