package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ErrBadAnswer says that what came back is no signature of Bitfinex's form. It was
// not vaultd that answered, or another version of it.
var ErrBadAnswer = errors.New("client: vaultd's answer is no signature")

// Signed is what a signed request is sent with.
type Signed struct {
	APIKey       string // 1 to 128 printable ASCII characters
	RequestNonce uint64 // microseconds, 16 digits
	Signature    string // HMAC-SHA-384 in 96 lower-case hexadecimal digits
	KeyVersion   uint32 // which version of the API key signed
	AuditSeq     uint64 // the number of its record in the audit log
}

// SignedV1 is what a signed request to REST v1 is sent with.
type SignedV1 struct {
	Signed
	Payload string // base64
}

func (s SignedV1) check() error {
	if len(s.Payload) == 0 || len(s.Payload) > maxPayload || strings.Trim(s.Payload, base64Digits) != "" {
		return fmt.Errorf("%w: a payload is base64", ErrBadAnswer)
	}
	return s.Signed.check()
}

// SetHeaders sets bfx-apikey, bfx-nonce and bfx-signature, and removes whatever
// else begins with bfx- or x-bfx-, however it is spelt (A25).
func (s Signed) SetHeaders(h http.Header) {
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "bfx-") || strings.HasPrefix(lower, "x-bfx-") {
			delete(h, name)
		}
	}
	h.Set("bfx-apikey", s.APIKey)
	h.Set("bfx-nonce", strconv.FormatUint(s.RequestNonce, 10))
	h.Set("bfx-signature", s.Signature)
}

const (
	minNonce        = 1e15      // the least number of 16 digits
	maxNonce        = 1<<53 - 1 // Bitfinex takes none above it
	signatureDigits = 96
	maxAPIKey       = 128
	maxPayload      = 128 << 10
	base64Digits    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)

// check refuses what could not stand in a header, or could not be a signature
// (A19).
func (s Signed) check() error {
	switch {
	case s.RequestNonce < minNonce || s.RequestNonce > maxNonce:
		return fmt.Errorf("%w: request nonce %d", ErrBadAnswer, s.RequestNonce)
	case len(s.Signature) != signatureDigits || strings.Trim(s.Signature, "0123456789abcdef") != "":
		return fmt.Errorf("%w: not %d hexadecimal digits", ErrBadAnswer, signatureDigits)
	case len(s.APIKey) < 1 || len(s.APIKey) > maxAPIKey || strings.ContainsFunc(s.APIKey, unprintable):
		return fmt.Errorf("%w: an API key id is 1 to %d printable ASCII characters", ErrBadAnswer, maxAPIKey)
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }
