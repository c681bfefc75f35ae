//go:build !race

// The race detector makes sync.Pool forget at random, and mac's pool of hash
// states with it: under it, signing allocates.

package bitfinex_test

import (
	"testing"

	"bfxvault/vault/internal/bitfinex"
)

func TestASignatureAllocatesNothing(t *testing.T) {
	var signature [bitfinex.SignatureSize]byte
	state, buffer, body := newState(t), make([]byte, 0, bitfinex.MaxPayload), []byte(order)
	for name, f := range map[string]func(){
		"REST v2": func() { _, _ = core(&signature, state, buffer, body) },
		"REST v1": func() {
			_, _ = bitfinex.ParseV1(newOrderV1, body)
			bitfinex.Sign(&signature, state, bitfinex.AppendRestV1(buffer, newOrderV1, benchNonce, body))
		},
		"WebSocket":  func() { bitfinex.Sign(&signature, state, bitfinex.AppendWebSocket(buffer, benchNonce)) },
		"parameters": func() { _, _ = bitfinex.Parse("v2/auth/r/order/tBTCF0:USTF0:1234/trades", nil) },
		"escapes":    func() { _, _ = bitfinex.Parse(submit, []byte(`{"\u0061":1,"b":2}`)) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
