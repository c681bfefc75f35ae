package bitfinex_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/bitfinex"
)

const (
	nonceDigits = 16
	cancelAlgo  = "v2/auth/w/ext/recurring-ao/cancel/"
)

// maxNonce is the largest nonce that Bitfinex takes: 2^53-1.
const maxNonce = 1<<53 - 1

// accepted says whether the vault would sign this request.
func accepted(path, nonce, body string) bool {
	if len(nonce) != nonceDigits || nonce[0] == '0' || strings.Trim(nonce, "0123456789") != "" {
		return false
	}
	_, err := parse(path, []byte(body))
	return err == nil
}

// splits returns every request that the vault would sign with this payload.
func splits(payload string) []string {
	text, ok := strings.CutPrefix(payload, "/api/")
	if !ok {
		return nil
	}
	var found []string
	for i := 0; i+nonceDigits <= len(text) && i <= bitfinex.MaxPath; i++ {
		path, nonce, body := text[:i], text[i:i+nonceDigits], text[i+nonceDigits:]
		if accepted(path, nonce, body) {
			found = append(found, path+" "+nonce+" "+body)
		}
	}
	return found
}

// anyRequest draws a request that the vault would sign.
func anyRequest(t *rapid.T) (path string, nonce uint64, body string) {
	symbol := rapid.StringMatching(`[tf][A-Z0-9]{3,6}(:[A-Z0-9]{1,6})?`)
	digits := rapid.StringMatching(`t[0-9]{3,20}(:?[0-9E]{1,20})?`)
	id := rapid.StringMatching(`[1-9][0-9]{0,17}`)
	path = rapid.OneOf(
		rapid.Just(submit),
		rapid.Map(symbol, func(s string) string { return "v2/auth/r/orders/" + s }),
		rapid.Map(symbol, func(s string) string { return "v2/auth/r/info/margin/" + s }),
		rapid.Map(digits, func(s string) string { return "v2/auth/r/info/margin/" + s }),
		rapid.Map(symbol, func(s string) string { return "v2/auth/r/trades/" + s + "/hist" }),
		rapid.Map(id, func(s string) string { return cancelAlgo + s }),
	).Draw(t, "path")
	nonce = rapid.Uint64Range(1_700_000_000_000_000, maxNonce).Draw(t, "nonce")
	body = rapid.SampledFrom([]string{"", "{}", "[]", "[7]", `{"id":1764000000000000}`, order, "{\"a\":\"1764000000000000{}\"}\n"}).Draw(t, "body")
	if !accepted(path, strconv.FormatUint(nonce, 10), body) {
		t.Skip("an empty body behind digits")
	}
	return path, nonce, body
}

func TestAPayloadBelongsToOneRequestOnly(t *testing.T) { // A36
	rapid.Check(t, func(t *rapid.T) {
		path, nonce, body := anyRequest(t)
		payload := string(bitfinex.AppendRest(nil, path, nonce, []byte(body)))
		if found := splits(payload); len(found) != 1 {
			t.Fatalf("%q can be read as %q", payload, found)
		}
	})
}

func TestTwoRequestsNeverShareAPayload(t *testing.T) { // A36
	rapid.Check(t, func(t *rapid.T) {
		path, nonce, body := anyRequest(t)
		path2, nonce2, body2 := anyRequest(t)
		if path == path2 && nonce == nonce2 && body == body2 {
			t.Skip("the same request")
		}
		a := bitfinex.AppendRest(nil, path, nonce, []byte(body))
		if b := bitfinex.AppendRest(nil, path2, nonce2, []byte(body2)); string(a) == string(b) {
			t.Fatalf("both sign %q", a)
		}
	})
}

// The exchange is taken at its laxest: any path, a nonce of any length that is
// not below the last one and not above 2^53, any JSON value for a body. Whoever
// holds a signature then gains nothing from sending the payload with other
// borders: at most the parameter at the path's end loses zeros.
func checkMovedBorders(t interface{ Fatalf(string, ...any) }, path string, nonce uint64, body string) {
	text := strings.TrimPrefix(string(bitfinex.AppendRest(nil, path, nonce, []byte(body))), "/api/")
	for i := range text {
		for j := i + 1; j <= len(text) && text[j-1] >= '0' && text[j-1] <= '9'; j++ {
			movedPath, movedNonce, movedBody := text[:i], text[i:j], text[j:]
			n, err := strconv.ParseUint(movedNonce, 10, 64)
			if err != nil || n < nonce || n > maxNonce || movedBody != "" && !json.Valid([]byte(movedBody)) {
				continue
			}
			if n != nonce || movedBody != body || strings.TrimRight(path, "0") != strings.TrimRight(movedPath, "0") {
				t.Fatalf("%q is also %q, %s, %q", text, movedPath, movedNonce, movedBody)
			}
		}
	}
}

func TestMovingTheBordersOfASignedRequestGainsNothing(t *testing.T) { // P6, A36
	rapid.Check(t, func(t *rapid.T) {
		path, nonce, body := anyRequest(t)
		checkMovedBorders(t, path, nonce, body)
	})
}

func TestAnEmptyBodyBehindDigitsIsRefused(t *testing.T) { // P6, A36
	for path, ok := range map[string]bool{
		cancelAlgo + "8": false, cancelAlgo + "18": false, cancelAlgo + "80": false, cancelAlgo + "8000": false,
		"v2/auth/r/orders/fLUNA2": false, "v2/auth/r/orders/f020": false,
		"v2/auth/r/orders/t17700000000000000E": false, "v2/auth/r/orders/t9007199254740991:E": false,
		"v2/auth/r/orders/t100000000000000E": true, "v2/auth/r/orders/tBTCF0:USTF0": true, "v2/auth/r/orders/tBTCUSD": true, "v2/auth/r/orders/tA00": true,
	} {
		if _, err := parse(path, nil); (err == nil) != ok {
			t.Errorf("%s without a body: %v", path, err)
		}
		if _, err := parse(path, []byte("{}")); err != nil {
			t.Errorf("%s with {}: %v", path, err)
		}
	}
	// What they would have been good for: the path loses its last digits, the
	// nonce gains them in front, and the body is a bare JSON number.
	for _, path := range []string{cancelAlgo + "18", "v2/auth/r/orders/f020", "v2/auth/r/orders/t17700000000000000E"} {
		var moved checked
		if checkMovedBorders(&moved, path, 1764000000000017, ""); moved == "" {
			t.Errorf("%s: the check for moved borders does not see the attack", path)
		}
	}
}

// checked keeps what a check has to say.
type checked string

func (c *checked) Fatalf(format string, args ...any) { *c = checked(fmt.Sprintf(format, args...)) }

// The three kinds of payload never overlap: a WebSocket auth payload cannot be
// had through REST, nor the other way round.
func TestKindsOfPayloadDifferInTheirFirstBytes(t *testing.T) { // A37
	rapid.Check(t, func(t *rapid.T) {
		path, nonce, body := anyRequest(t)
		params := rapid.SampledFrom(goodParams).Draw(t, "params")
		for payload, want := range map[string]string{
			string(bitfinex.AppendRest(nil, path, nonce, []byte(body))):           "/api/v2/",
			string(bitfinex.AppendRestV1(nil, newOrderV1, nonce, []byte(params))): "eyJyZXF1ZXN0Ijoi", // {"request":"
			string(bitfinex.AppendWebSocket(nil, nonce)):                          "AUTH",
		} {
			if !strings.HasPrefix(payload, want) {
				t.Fatalf("%q does not start with %q", payload, want)
			}
		}
	})
	for _, path := range []string{"AUTH1764000000000000", "AUTH", "ws/2", "eyJyZXF1ZXN0Ijoi", "v2/AUTH1764000000000000"} {
		if _, err := parse(path, nil); err == nil {
			t.Errorf("Parse took %q", path)
		}
	}
}

func FuzzSplit(f *testing.F) { // A36, A37
	var seeds []string
	for _, e := range bitfinex.Endpoints() {
		for _, path := range pathsOf(f, e.Pattern) {
			seeds = append(seeds, "/api/"+path+"1764000000000000{}", "/api/"+path+"1764000000000000")
		}
	}
	for _, v := range readVectors(f) {
		seeds = append(seeds, v.Payload)
	}
	addAll(f, seeds)
	f.Fuzz(func(t *testing.T, payload string) {
		found := splits(payload)
		if len(found) > 1 {
			t.Fatalf("%q can be read as %q", payload, found)
		}
		for _, request := range found {
			parts := strings.SplitN(request, " ", 3)
			nonce, err := strconv.ParseUint(parts[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(bitfinex.AppendRest(nil, parts[0], nonce, []byte(parts[2]))); got != payload {
				t.Errorf("%q was built again as %q", payload, got)
			}
			if nonce <= maxNonce && len(payload) < 1024 {
				checkMovedBorders(t, parts[0], nonce, parts[2])
			}
		}
	})
}
