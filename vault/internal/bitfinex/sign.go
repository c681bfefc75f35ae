package bitfinex

import (
	"encoding/hex"

	"bfxvault/vault/internal/mac"
)

// SignatureSize is the length of a signature in bytes: HMAC-SHA-384 in
// lower-case hex.
const SignatureSize = 2 * 48

// Sign writes to dst the signature of payload, as the headers and the auth event
// carry it, under the mid-states that mac.Precompute made of an API secret
// (mac.StateSize bytes). It allocates nothing.
func Sign(dst *[SignatureSize]byte, state []byte, payload []byte) {
	var sum [48]byte
	mac.Sum384(&sum, state, payload)
	hex.Encode(dst[:], sum[:])
}
