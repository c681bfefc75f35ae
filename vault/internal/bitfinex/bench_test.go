package bitfinex_test

import (
	"crypto/sha512"
	"fmt"
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/policy"
)

const benchNonce = 1764000000000000

func newState(t testing.TB) []byte {
	t.Helper()
	state := make([]byte, mac.StateSize)
	if err := mac.Precompute(state, []byte("TESTSECRET-fake-do-not-use-0000000000000000")); err != nil {
		t.Fatal(err)
	}
	return state
}

// core is this package's part of one signature: parse, payload, sign.
func core(request *policy.Request, signature *[bitfinex.SignatureSize]byte, state, buffer, body []byte) error {
	err := bitfinex.Parse(request, submit, body)
	if err == nil {
		bitfinex.Sign(signature, state, bitfinex.AppendRest(buffer[:0], submit, benchNonce, body))
	}
	return err
}

// BenchmarkTwoBareSums is the work that no HMAC can do without: the yardstick
// for the others of the same run.
func BenchmarkTwoBareSums(b *testing.B) {
	payload := bitfinex.AppendRest(nil, submit, benchNonce, []byte(order))
	for b.Loop() {
		inner := sha512.Sum384(payload)
		_ = sha512.Sum384(inner[:])
	}
}

// BenchmarkParse reads what ccxt sends for a limit order.
func BenchmarkParse(b *testing.B) { benchmarkParse(b, submit, order) }

func BenchmarkSign(b *testing.B) {
	var signature [bitfinex.SignatureSize]byte
	state, payload := newState(b), bitfinex.AppendRest(nil, submit, benchNonce, []byte(order))
	b.ReportAllocs()
	for b.Loop() {
		bitfinex.Sign(&signature, state, payload)
	}
}

func BenchmarkParseAndSign(b *testing.B) {
	var request policy.Request
	var signature [bitfinex.SignatureSize]byte
	state, buffer, body := newState(b), make([]byte, 0, bitfinex.MaxPayload), []byte(order)
	b.ReportAllocs()
	for b.Loop() {
		if err := core(&request, &signature, state, buffer, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseMulti is the most that one request can do: 75 orders.
func BenchmarkParseMulti(b *testing.B) {
	ops := strings.TrimSuffix(strings.Repeat(`["on",`+order+`],`, policy.MaxOps), ",")
	benchmarkParse(b, "v2/auth/w/order/multi", `{"ops":[`+ops+`]}`)
}

// BenchmarkParseHostile is the dearest body found within the caps: one object
// full of names as long as fit that differ at their very end, and an escape in
// each, so that all are read character by character beside each other (A18).
func BenchmarkParseHostile(b *testing.B) {
	length := (bitfinex.MaxBody-2)/bitfinex.MaxNames - len(`"\u005f00":1,`) - 1
	var members []string
	for i := range bitfinex.MaxNames - 3 {
		members = append(members, fmt.Sprintf(`"\u005f%s%02x":1`, strings.Repeat("_", length), i))
	}
	body := "{" + strings.Join(members, ",") + "}"
	b.Run("read", func(b *testing.B) { benchmarkParse(b, reads, body) })
	b.Run("write", func(b *testing.B) {
		benchmarkParse(b, submit, `{"type":"LIMIT","symbol":"tBTCUSD","amount":"1",`+body[1:])
	})
}

func benchmarkParse(b *testing.B, path, text string) {
	body := []byte(text)
	var request policy.Request
	b.ReportAllocs()
	for b.Loop() {
		if err := bitfinex.Parse(&request, path, body); err != nil {
			b.Fatal(err)
		}
	}
}
