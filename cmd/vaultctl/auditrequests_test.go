package main

import (
	"cmp"
	"encoding/json"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/policy"
)

// wide is a grant that allows whatever can be granted.
func wide(t *testing.T) *vault.Rehearsal {
	t.Helper()
	uid := uint32(1)
	r, err := vault.NewRehearsal(map[string]policy.BotSpec{"mm-1": {
		Match: []policy.Match{{UID: &uid}},
		Grants: []policy.GrantSpec{{
			Key: "main", Allow: []string{"read", "trade", "cancel", "funding", "withdraw", "settings"},
			MarketOrders: true, Endpoints: vault.NamedEndpoints(),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is rebuilt is understood, and asks for what the record says.
func TestRequestsAreRebuiltAsRulesSawThem(t *testing.T) {
	order := `"do":"submit","symbol":"tBTCF0:USTF0","type":"STOP LIMIT","amount":"-0.5","price":"30000.5"`
	for _, c := range []struct{ endpoint, symbol, ops, path, body string }{
		{"v2/auth/r/wallets", "", "", "", `{}`},
		{"v2/auth/r/orders/{symbol}/hist", "tBTCUSD", "", "v2/auth/r/orders/tBTCUSD/hist", `{}`},
		{"v2/auth/r/info/funding/{key}", "fUSD", "", "v2/auth/r/info/funding/fUSD", `{}`},
		{"v2/auth/w/order/submit", "", `[{` + order + `,"aux_price":"1","trailing":"2","leverage":"10","flags":64,"cid":7,"aff_code":"x"}]`, "",
			`{"amount":"-0.5","cid":7,"flags":64,"lev":10,"meta":{"aff_code":"x"},"price":"30000.5","price_aux_limit":"1","price_trailing":"2","symbol":"tBTCF0:USTF0","type":"STOP LIMIT"}`},
		{"v2/auth/w/order/update", "", `[{"do":"update","symbol":"tBTCUSD","type":"LIMIT","delta":"1","id":5}]`, "", `{"delta":"1","id":5}`},
		{"v2/auth/w/order/update", "", `[{"do":"update","amount":"1","price":"2","cid":5,"cid_date":"2026-11-25"}]`, "",
			`{"amount":"1","cid":5,"cid_date":"2026-11-25","price":"2"}`},
		{"v2/auth/w/order/cancel", "", `[{"do":"cancel","id":5}]`, "", `{"id":5}`},
		{"v2/auth/w/order/cancel/multi", "", `[{"do":"cancel"}]`, "", `{"all":1}`},
		{"v2/auth/w/order/multi", "", `[{` + order + `},{"do":"update","id":5,"delta":"1"},{"do":"cancel","id":6},{"do":"cancel"}]`, "",
			`{"ops":[["on",{"amount":"-0.5","price":"30000.5","symbol":"tBTCF0:USTF0","type":"STOP LIMIT"}],["ou",{"delta":"1","id":5}],["oc",{"id":6}],["oc_multi",{"all":1}]]}`},
		{"v2/auth/w/funding/offer/submit", "", `[{"do":"offer","symbol":"fUSD","amount":"100"}]`, "", `{"amount":"100","symbol":"fUSD"}`},
		{"v2/auth/w/funding/offer/cancel", "", `[{"do":"cancel","id":5}]`, "", `{"id":5}`},
		{"v2/auth/w/funding/offer/cancel/all", "", `[{"do":"cancel","symbol":"fUSD"}]`, "", `{"currency":"USD"}`},
		{"v2/auth/w/funding/offer/cancel/all", "", `[{"do":"cancel"}]`, "", `{}`},
		{"v2/auth/w/funding/close", "", `[{"do":"other","id":5}]`, "", `{"id":5}`},
		{"v2/auth/w/funding/auto", "", `[{"do":"other","symbol":"fUSD","amount":"50"}]`, "", `{"amount":"50","currency":"USD"}`},
		{"v2/auth/w/funding/keep", "", `[{"do":"other"}]`, "", `{}`},
		{"v2/auth/w/position/claim", "", `[{"do":"other","id":5,"amount":"1"}]`, "", `{"amount":"1","id":5}`},
		{"v2/auth/w/position/increase", "", `[{"do":"other","symbol":"tBTCUSD","amount":"1"}]`, "", `{"amount":"1","symbol":"tBTCUSD"}`},
		{"v2/auth/w/position/update/funding/type", "", `[{"do":"other","symbol":"tBTCUSD"}]`, "", `{"symbol":"tBTCUSD"}`},
		{"v2/auth/w/deriv/collateral/set", "", `[{"do":"other","symbol":"tBTCF0:USTF0"}]`, "", `{"symbol":"tBTCF0:USTF0"}`},
		{"v2/auth/w/ext/recurring-ao/create", "", `[{"do":"algo","symbol":"tBTCUSD"}]`, "", `{"_symbol":"tBTCUSD"}`},
		{"v2/auth/w/alert/set", "", `[{"do":"other","symbol":"tBTCUSD"}]`, "", `{"symbol":"tBTCUSD"}`},
		{"v2/auth/w/transfer", "", `[{"do":"transfer","currency":"BTC","amount":"1"}]`, "", `{"amount":"1","currency":"BTC"}`},
		{"v2/auth/w/transfer", "", `[{"do":"transfer","currency":"BTC","amount":"1","external":true}]`, "", `{"amount":"1","currency":"BTC","user_id_dst":1}`},
		{"v2/auth/w/withdraw", "", `[{"do":"withdraw","currency":"BTC","amount":"1","address":"bc1q"}]`, "", `{"address":"bc1q","amount":"1","method":"bitcoin"}`},
		{"v2/auth/w/settings/set", "", `[{"do":"other"}]`, "", `{}`},
		{"v1/balances", "", "", "", `{}`},
	} {
		e := audit.Entry{Bot: "mm-1", Key: "main", Endpoint: c.endpoint, Symbol: c.symbol, Ops: json.RawMessage(c.ops), Decision: audit.Allowed}
		r, ok := rebuild(&e)
		body, err := json.Marshal(r.Body)
		if !ok || err != nil || string(body) != c.body || r.Path != cmp.Or(c.path, c.endpoint) {
			t.Errorf("%s %s: %v %v, %s\n%s, want\n%s", c.endpoint, c.ops, ok, err, r.Path, body, c.body)
			continue
		}
		v := wide(t).Judge(r.Bot, vault.SignRequest{Label: r.Key, Path: r.Path, Body: body}, time.Now())
		if !v.Allowed {
			t.Errorf("%s %s: %+v", r.Path, body, v)
		}
	}
}

// What a record lacks is not made up.
func TestRequestsThatTheLogDoesNotHoldAreLeftOut(t *testing.T) {
	good := audit.Entry{Bot: "mm-1", Key: "main", Endpoint: "v2/auth/r/wallets", Decision: audit.Allowed}
	if _, ok := rebuild(&good); !ok {
		t.Fatal("the one that the others are changed from is left out")
	}
	for name, change := range map[string]func(*audit.Entry){
		"no bot":                     func(e *audit.Entry) { e.Bot = "" },
		"no API key":                 func(e *audit.Entry) { e.Key = "" },
		"no endpoint":                func(e *audit.Entry) { e.Endpoint = "" },
		"denials that were counted":  func(e *audit.Entry) { e.Count = 5 },
		"an id in the path":          func(e *audit.Entry) { e.Endpoint, e.Symbol = "v2/auth/r/order/{symbol}:{id}/trades", "tBTCUSD" },
		"a currency in the path":     func(e *audit.Entry) { e.Endpoint = "v2/auth/r/ledgers/{currency}/hist" },
		"a symbol that is not there": func(e *audit.Entry) { e.Endpoint = "v2/auth/r/orders/{symbol}" },
		"operations that are none":   func(e *audit.Entry) { e.Ops = json.RawMessage(`{}`) },
		"a write of REST v1": func(e *audit.Entry) {
			e.Endpoint, e.Ops = "v1/order/cancel", json.RawMessage(`[{"do":"cancel","id":5}]`)
		},
		"fields that were not known":   func(e *audit.Entry) { e.Decision, e.Rule = audit.Denied, "extra_fields" },
		"an address that was refused":  func(e *audit.Entry) { e.Decision, e.Endpoint = audit.Denied, "v2/auth/w/withdraw" },
		"an affiliate code, refused":   func(e *audit.Entry) { e.Decision, e.Rule = audit.Denied, "aff_codes" },
		"an operation of another kind": func(e *audit.Entry) { e.Endpoint, e.Ops = "v2/auth/w/order/multi", json.RawMessage(`[{"do":"offer"}]`) },
		"fields that have no place": func(e *audit.Entry) {
			e.Endpoint, e.Ops = "v2/auth/w/settings/set", json.RawMessage(`[{"do":"other","id":5}]`)
		},
	} {
		e := good
		change(&e)
		if r, ok := rebuild(&e); ok {
			t.Errorf("%s: rebuilt as %+v", name, r)
		}
	}
}
