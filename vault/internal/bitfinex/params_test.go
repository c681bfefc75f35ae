package bitfinex_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
)

const (
	newOrderV1 = "v1/order/new"
	readsV1    = "v1/mytrades" // whose params need only be well-formed
)

// orderV1 is what bfx-api-node-rest sends for a limit order.
const orderV1 = `{"symbol":"btcusd","amount":"0.01","price":"1","exchange":"bitfinex","side":"buy","type":"exchange limit"}`

var goodParams = []string{
	"", "{}", "{ }", "{\n}\n", `{"symbol":"btcusd","amount":"0.01","price":"1","side":"buy","type":"exchange limit"}`,
	`{ "order_id": 1 }`, "{\"order_id\":1}\n", "{\r\n\t\"order_id\":1}", `{"orders":[{"symbol":"btcusd"}]}`,
	`{"a":{"request":1,"nonce":2}}`, `{"a":[{"nonce":1}],"b":"request"}`, // inside they mean nothing
	`{"requests":1,"request_":2,"nonces":3,"non":4,"":5}`, `{"\u0061":"\u00e4"}`,
}

// badParams would speak for the vault's own members, or are no object.
var badParams = []string{
	"[]", `[{"a":1}]`, " {}", "\n{}", "null", "{", `{"a":1`, `{"a":1}}`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":1},"nonce":"1"`,
	`{"request":"/v1/withdraw"}`, `{"nonce":"9007199254740991"}`, `{"a":1,"request":"/v1/withdraw"}`, `{"a":{"b":1},"nonce":1}`, `{"a":[[1]],"nonce":1}`,
	`{"\u0072equest":1}`, `{"reques\u0074":1}`, `{"\u006e\u006f\u006e\u0063\u0065":1}`, `{"non\u0063e":1}`, `{"non\u0063\u0065":1,"a":2}`,
	`{"Request":1}`, `{"REQUEST":1}`, `{"Nonce":1}`, `{"NONCE":1}`, `{"\u004eonce":1}`, // for a reader that ignores case
	"{\"reque\u017ft\":1}", `{"reque\u017ft":1}`, "{\"nonc\u0435\":1}", "{\"\u00e4\":1}", "{\"nonce\u200b\":1}", // or folds letters
	`{"nonce\u0000":1}`,
}

func TestParamsOfRestV1AreAnObjectWithoutTheVaultsMembers(t *testing.T) { // P3, P6, A31
	for _, params := range goodParams {
		if _, err := parseV1(readsV1, []byte(params)); err != nil {
			t.Errorf("%q: %v", params, err)
		}
	}
	for _, params := range badParams {
		_, err := parseV1(readsV1, []byte(params))
		var syntax *bitfinex.SyntaxError
		if !errors.As(err, &syntax) || syntax.Field != "params" {
			t.Errorf("%q: error %v, want a *SyntaxError about the params", params, err)
		}
	}
	if _, err := parseV1(readsV1, []byte(sized(bitfinex.MaxBody+1))); err == nil {
		t.Error("params above the cap were taken")
	}
}

// checkParams asks that accepted params make a payload in which every reader
// finds the path and the nonce that the vault wrote, and the members as sent.
func checkParams(t *testing.T, params string) {
	t.Helper()
	if _, err := parseV1(readsV1, []byte(params)); err != nil {
		return
	}
	const prefix = "kept"
	payload := string(bitfinex.AppendRestV1([]byte(prefix), newOrderV1, 1764000000000000, []byte(params)))
	if len(payload) > bitfinex.MaxPayload+len(prefix) {
		t.Errorf("%.40q: a payload of %d bytes is above MaxPayload", params, len(payload))
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(payload, prefix))
	if err != nil {
		t.Fatalf("%q: %v", params, err)
	}
	if !strings.HasPrefix(string(text), `{"request":"/v1/order/new","nonce":"1764000000000000"`) {
		t.Errorf("%q: the payload does not begin with the vault's members: %q", params, text)
	}
	got, sent := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%q: the payload is not JSON: %v", params, err)
	}
	if params != "" {
		if err := json.Unmarshal([]byte(params), &sent); err != nil {
			t.Fatal(err)
		}
	}
	if string(got["request"]) != `"/v1/order/new"` || string(got["nonce"]) != `"1764000000000000"` {
		t.Errorf("%q: request %s, nonce %s", params, got["request"], got["nonce"])
	}
	if len(got) != len(sent)+2 {
		t.Errorf("%q: %d members, want %d", params, len(got), len(sent)+2)
	}
	for name, value := range sent {
		if string(got[name]) != string(value) {
			t.Errorf("%q: member %q is %s, want %s", params, name, got[name], value)
		}
	}
}

func TestAPayloadOfRestV1KeepsWhatWasSentAndWhatTheVaultWrote(t *testing.T) { // A31
	for _, params := range goodParams {
		checkParams(t, params)
	}
	checkParams(t, object(bitfinex.MaxNames))
	checkParams(t, sized(bitfinex.MaxBody))
	for n := range 300 { // every alignment of base64's groups and the encoder's pieces
		checkParams(t, sized(8+n))
	}
}

func FuzzParseV1(f *testing.F) { // P3, A31
	addAll(f, goodParams)
	addAll(f, badParams)
	f.Fuzz(checkParams)
}
