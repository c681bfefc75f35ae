//go:build !race

// The race detector makes sync.Pool forget at random, and mac's pool of hash
// states with it: under it, signing allocates.

package bitfinex_test

import (
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

func TestASignatureAllocatesNothing(t *testing.T) {
	var signature [bitfinex.SignatureSize]byte
	var request policy.Request
	bodyV1, escapes := []byte(orderV1), []byte(`{"\u0061":1,"b":2}`)
	state, buffer, body := newState(t), make([]byte, 0, bitfinex.MaxPayload), []byte(order)
	for name, f := range map[string]func(){
		"REST v2": func() { _ = core(&request, &signature, state, buffer, body) },
		"REST v1": func() {
			_ = bitfinex.ParseV1(&request, newOrderV1, bodyV1)
			bitfinex.Sign(&signature, state, bitfinex.AppendRestV1(buffer, newOrderV1, benchNonce, body))
		},
		"WebSocket":  func() { bitfinex.Sign(&signature, state, bitfinex.AppendWebSocket(buffer, benchNonce)) },
		"parameters": func() { _ = bitfinex.Parse(&request, "v2/auth/r/order/tBTCF0:USTF0:1234/trades", nil) },
		"escapes":    func() { _ = bitfinex.Parse(&request, "v2/auth/r/orders", escapes) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAWriteIsReadWithoutAllocating(t *testing.T) {
	for _, line := range honest {
		path, text, _ := strings.Cut(line, " ")
		var request policy.Request
		read, body := bitfinex.Parse, []byte(text)
		if strings.HasPrefix(path, "v1/") {
			read = bitfinex.ParseV1
		}
		if n := testing.AllocsPerRun(10, func() { _ = read(&request, path, body) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}
