package sim_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bfxvault/cmd/internal/sim"
)

func load(t testing.TB, file string, into any) {
	t.Helper()
	b, err := os.ReadFile("../../../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// The vectors were made by running real clients with made-up keys.
func TestEveryRESTVectorOfARealClientIsAccepted(t *testing.T) {
	var vectors []struct {
		ID, Kind, Path, Nonce, Body string
		Headers                     map[string]string
		Key                         string `json:"api_key"`
		Secret                      string `json:"api_secret"`
	}
	load(t, "vectors.json", &vectors)
	// Well signed, but what they ask for is no order, and no offer.
	refused := map[string]string{
		"go-html-escape": `["error",10020,"price: invalid"]`,
		"go-float":       `["error",10020,"type: invalid"]`,
	}
	ran := 0
	for _, v := range vectors {
		if v.Kind != "rest_v2" && v.Kind != "rest_v1" {
			continue
		}
		ran++
		t.Run(v.ID, func(t *testing.T) {
			x := sim.New(sim.Key{ID: v.Key, Secret: v.Secret, Read: sim.All, Write: sim.All})
			body := v.Body
			if v.Kind == "rest_v1" {
				body = ""
			}
			code, got := post(t, x, v.Path, body, v.Headers)
			if want, ok := refused[v.ID]; ok {
				if code != 500 || got != want {
					t.Fatalf("got %d %s, want 500 %s", code, got, want)
				}
				return
			}
			if code != 200 && got != `["error",10001,"Order not found."]` { // there is none to cancel
				t.Fatalf("got %d %s", code, got)
			}
			if code == 200 {
				n, _ := strconv.ParseUint(v.Nonce, 10, 64)
				want := sim.Request{Key: v.Key, Path: v.Path, Nonce: n, Body: v.Body}
				if a := x.Accepted(); len(a) != 1 || a[0] != want {
					t.Errorf("accepted %v, want %v", a, want)
				}
			}
			code, got = post(t, x, v.Path, body, v.Headers)
			if code == 200 || !strings.Contains(strings.ToLower(got), "nonce") {
				t.Errorf("the same request again got %d %s", code, got)
			}
		})
	}
	if ran < 30 {
		t.Errorf("only %d vectors ran", ran)
	}
}

func TestEveryEndpointNeedsTheScopeOfItsFamily(t *testing.T) {
	var endpoints []struct {
		Path, Scope string
		RW          string `json:"scope_rw"`
	}
	load(t, "endpoints.json", &endpoints)
	scopes := map[string]sim.Scopes{
		"account": sim.Account, "history": sim.History, "orders": sim.Orders, "positions": sim.Positions,
		"funding": sim.Funding, "settings": sim.Settings, "wallets": sim.Wallets, "withdraw": sim.Withdraw,
		"orders or history": sim.Orders, "eaas_deposit": sim.Withdraw, "eaas_withdraw": sim.Withdraw, "eaas": sim.Wallets,
	}
	param := regexp.MustCompile(`\{[^}]*\}`)
	for _, e := range endpoints {
		path := param.ReplaceAllString(e.Path, "tBTCUSD")
		scope, known := scopes[strings.TrimSuffix(e.Scope, "?")]
		if !known && e.Scope != "bfxpay" {
			continue // permissions and tokens: any API key
		}
		only, without := sim.Key{ID: "k", Read: scope}, sim.Key{ID: "k", Read: sim.All &^ scope, Write: sim.All}
		if e.RW == "w" {
			only, without = sim.Key{ID: "k", Write: scope}, sim.Key{ID: "k", Read: sim.All, Write: sim.All &^ scope}
		}
		if known && !permitted(t, only, path) {
			t.Errorf("%s: %s %s does not suffice", e.Path, e.Scope, e.RW)
		}
		if permitted(t, without, path) {
			t.Errorf("%s: goes through without %s %s", e.Path, e.Scope, e.RW)
		}
	}
	if len(endpoints) < 100 {
		t.Errorf("only %d endpoints", len(endpoints))
	}
}

// permitted sends an empty request and reports whether permission was no issue.
func permitted(t *testing.T, k sim.Key, path string) bool {
	t.Helper()
	headers := sign(k, path, 1, "{}")
	if strings.HasPrefix(path, "v1/") {
		headers = signV1(k, `{"request":"/`+path+`","nonce":"1"}`)
	}
	_, body := post(t, sim.New(k), path, "{}", headers)
	return !strings.Contains(body, "permission")
}
