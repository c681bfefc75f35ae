package sim

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxNonce is 2^53-1, the documented ceiling of a Bitfinex nonce
// (docs.bitfinex.com/docs/ws-auth).
const maxNonce = 1<<53 - 1

// serveV2 authenticates and carries out a /v2/auth/ request. The order of the
// checks keeps a stranger from burning an API key: only a request with a good
// signature moves the key's nonce, and it does so even where the permission or
// the parameters are then refused.
func (x *Exchange) serveV2(path string, h http.Header, body []byte) answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	acc := x.accounts[h.Get("bfx-apikey")]
	if acc == nil {
		return refuse(codeAuth, "apikey: invalid")
	}
	nonce := h.Get("bfx-nonce")
	if !signed(acc.key, h.Get("bfx-signature"), "/api", path, nonce, string(body)) {
		// Bitfinex does not tell a bad signature from a bad key
		// (bitfinex-api-node issues 217 and 587).
		return refuse(codeAuth, "apikey: invalid")
	}
	if x.tooManyMu(acc) {
		return answer{http.StatusTooManyRequests, `["error",11010,"ratelimit: error"]`}
	}
	n, ok := acc.takeNonceMu(nonce)
	if !ok {
		return refuse(codeNonce, "nonce: small")
	}
	rel := strings.TrimPrefix(path, "/")
	if !x.permits(acc.key, rel) {
		return refuse(codeGeneric, "api_key: permission invalid")
	}
	a := x.executeMu(acc, rel, body)
	if a.status == http.StatusOK {
		x.accepted = append(x.accepted, Request{acc.key.ID, rel, n, string(body)})
	}
	return a
}

// serveV1 does the same for the legacy API, where everything that counts is
// inside a base64 payload (docs.bitfinex.com/v1/docs/rest-auth). Many clients
// send no HTTP body at all, so the body is not looked at.
func (x *Exchange) serveV1(path string, h http.Header) answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	acc := x.accounts[h.Get("X-BFX-APIKEY")]
	if acc == nil {
		return refuseV1(http.StatusBadRequest, "Could not find a key matching the given X-BFX-APIKEY.")
	}
	encoded := h.Get("X-BFX-PAYLOAD")
	if !signed(acc.key, h.Get("X-BFX-SIGNATURE"), encoded) {
		return refuseV1(http.StatusBadRequest, "Invalid X-BFX-SIGNATURE.")
	}
	var payload struct{ Request, Nonce string }
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(raw, &payload) != nil || payload.Request != path {
		// The wording of this one is ours; that the signed path must equal the
		// requested one is what keeps a payload from being used elsewhere.
		return refuseV1(http.StatusBadRequest, "Invalid X-BFX-PAYLOAD.")
	}
	if x.tooManyMu(acc) {
		return answer{http.StatusTooManyRequests, `{"error":"ERR_RATE_LIMIT"}`}
	}
	n, ok := acc.takeNonceMu(payload.Nonce)
	if !ok {
		return refuseV1(http.StatusBadRequest, "Nonce is too small.")
	}
	rel := strings.TrimPrefix(path, "/")
	if !x.permits(acc.key, rel) {
		return refuseV1(http.StatusForbidden, "This API key does not have permission for this action")
	}
	a := x.executeV1Mu(acc, rel, raw)
	if a.status == http.StatusOK {
		x.accepted = append(x.accepted, Request{acc.key.ID, rel, n, string(raw)})
	}
	return a
}

// signed reports whether sig is the lower-case hex HMAC-SHA384 of the parts,
// one after the other, under the key's secret.
func signed(k Key, sig string, parts ...string) bool {
	mac := hmac.New(sha512.New384, []byte(k.Secret))
	for _, p := range parts {
		mac.Write([]byte(p))
	}
	want := hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(want), []byte(sig))
}

// takeNonceMu accepts a nonce that is a decimal number above the last one of
// this API key and not above 2^53-1, and remembers it. v1, v2 and WebSocket
// share one sequence per key. The exchange's wording for a nonce that is no
// number or too large is not documented; here it is refused as "small" too.
func (a *account) takeNonceMu(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n <= a.lastNonce || n > maxNonce {
		return 0, false
	}
	a.lastNonce = n
	return n, true
}
