package bitfinex_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"

	"bfxvault/vault/internal/bitfinex"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestAPayloadOfAClientIsTakenApart(t *testing.T) {
	for text, want := range map[string]string{
		`{"request":"/v1/balances","nonce":"1700000000000"}`:                                            `{}`,
		`{"nonce":"1700000000000","request":"/v1/balances"}`:                                            `{}`,
		`{"a":1,"request":"/v1/balances","b":{"nonce":"x"},"nonce":"1700000000000","c":[1,"}"]}`:        `{"a":1,"b":{"nonce":"x"},"c":[1,"}"]}`,
		`{ "request" : "/v1/balances" , "a" : "," , "nonce" : "1700000000000" }`:                        `{"a" : ","}`,
		`{"symbol":"btcusd","amount":"0.1","request":"/v1/balances","nonce":"1700000000000","x":false}`: `{"symbol":"btcusd","amount":"0.1","x":false}`,
	} {
		p, err := bitfinex.OpenPayloadV1(encoded(text))
		if err != nil || p.Path != "v1/balances" || p.Nonce != "1700000000000" || string(p.Params) != want {
			t.Errorf("%s: %s, %s, %s: %v", text, p.Path, p.Nonce, p.Params, err)
		}
	}
	for _, text := range []string{
		``, `{}`, `[]`, `{"request":"/v1/balances"}`, `{"nonce":"1"}`, `{"request":"/v1/balances","nonce":1}`, `{"request":"v1/balances","nonce":"1"}`,
		`{"request":"/v1/balances","nonce":"1","nonce":"2"}`, `{"request":"\/v1/balances","nonce":"1"}`, `{"request":{"x":1},"nonce":"1"}`,
		`{"request":"/v1/balances","nonce":""}`, `{"request":"/","nonce":"1"}`, `{"request":"/v1/balances","nonce":"1"`, `{"request":"/v1/balances","nonce":"1"}x`,
		` {"request":"/v1/balances","nonce":"1"}`, `{"\u0072equest":"/v1/balances","nonce":"1"}`,
	} {
		if p, err := bitfinex.OpenPayloadV1(encoded(text)); err == nil {
			t.Errorf("%s: %+v", text, p)
		}
	}
	for _, payload := range []string{"e30", "e30=\n", "!", encoded(`{"request":"/v1/x","nonce":"1"}`) + "\n"} {
		if p, err := bitfinex.OpenPayloadV1(payload); err == nil {
			t.Errorf("%q: %+v", payload, p)
		}
	}
}

// What is taken apart says what the whole said, and nothing else.
func FuzzPayloadV1(f *testing.F) {
	f.Add(`{"a":1,"request":"/v1/balances","b":{"nonce":"x"},"nonce":"1700000000000","c":[1,"}"]}`)
	f.Add(`{ "request" : "/v1/balances" , "a" : "," , "nonce" : "1" }`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := bitfinex.OpenPayloadV1(encoded(text))
		if err != nil {
			return
		}
		var whole, rest map[string]any
		if json.Unmarshal([]byte(text), &whole) != nil || json.Unmarshal(p.Params, &rest) != nil {
			t.Fatalf("%q: %s", text, p.Params)
		}
		if whole["request"] != "/"+p.Path || whole["nonce"] != p.Nonce {
			t.Fatalf("%q: %+v", text, p)
		}
		delete(whole, "request")
		delete(whole, "nonce")
		if !reflect.DeepEqual(whole, rest) {
			t.Fatalf("%q: %s", text, p.Params)
		}
	})
}
