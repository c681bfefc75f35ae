package proxy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bfxvault/api/client"
	"bfxvault/api/upstream"
)

// Codes that clients know (docs.bitfinex.com/docs/abbreviations-glossary).
const (
	codeUnknown     = 10000
	codeGeneric     = 10001
	codeAuth        = 10100
	codeNonce       = 10114
	codeRateLimit   = 11010
	codeMaintenance = 20060
)

// refusal is an answer of our own, in the shape that Bitfinex's have, so that a client
// raises the error that it has for it: ["error",CODE,"text"] under HTTP 500, or 429; of API
// v1 {"message":"text"} under 400, or 429. With status it is ours alone.
type refusal struct {
	v1     bool
	code   int
	text   string
	status int
	wait   time.Duration // until it may pass, where that is known (RFC 9110, section 10.2.3)
}

func (a *ask) refuse(code int, text string) *refusal {
	return &refusal{v1: a.v1, code: code, text: text}
}

func (f *refusal) write(w http.ResponseWriter) {
	status, body := http.StatusInternalServerError, any([]any{"error", f.code, f.text})
	switch {
	case f.status != 0:
		status, body = f.status, []any{"error", codeGeneric, f.text}
	case f.code == codeRateLimit:
		status = http.StatusTooManyRequests
	case f.v1:
		status = http.StatusBadRequest
	}
	if f.v1 && f.status == 0 {
		body = map[string]string{"message": f.text}
	}
	text, err := json.Marshal(body)
	if err != nil { // unreachable: of texts and numbers
		text = []byte(`["error",10000,"unknown"]`)
	}
	w.Header().Set("Content-Type", "application/json")
	if f.wait > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((f.wait+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // who asked may have left
}

// denied is vaultd's no, in the words of Bitfinex.
func (a *ask) denied(err error) *refusal {
	text := "bfxvault: " + client.Text(err)
	switch client.Reason(err) {
	case "NO_GRANT":
		return a.refuse(codeAuth, "apikey: invalid (bfxvault knows no such stand-in credential, or another secret)")
	case "LIMITED", "BUSY":
		limited := a.refuse(codeRateLimit, "ratelimit: error ("+text+")")
		limited.wait = client.RetryAfter(err)
		return limited
	case "DENIED", "UNKNOWN_ORDER", "MALFORMED", "INVALID":
		if client.Rule(err) == "stand_in_nonce" {
			return a.refuse(codeNonce, a.nonceText()+" ("+text+")")
		}
		return a.refuse(codeGeneric, "api_key: permission invalid ("+text+")")
	}
	return a.refuse(codeMaintenance, "maintenance ("+text+")") // locked, or not there
}

func (a *ask) nonceText() string {
	if a.v1 {
		return "Nonce is too small."
	}
	return "nonce: small"
}

// unreached is the answer where Bitfinex gave none. Whether the request was carried out is
// the one thing that who sent it has to know.
func (a *ask) unreached(err error) *refusal {
	var e *upstream.Error
	if errors.As(err, &e) && (e.NothingLeft || e.Kind == upstream.Unsent) {
		return a.refuse(codeMaintenance, fmt.Sprintf("maintenance (bfxvault: Bitfinex cannot be reached, and nothing was sent: %v)", err))
	}
	return a.refuse(codeUnknown, fmt.Sprintf("bfxvault: Bitfinex gave no whole answer, and may have carried out the request all the same: %v", err))
}

// nonceIn is the nonce in a payload of API v1, as far as that can be read; vaultd reads it
// strictly.
func nonceIn(payload string) string {
	text, err := base64.StdEncoding.DecodeString(payload)
	var p struct {
		Nonce string `json:"nonce"`
	}
	if err != nil || json.Unmarshal(text, &p) != nil {
		return ""
	}
	return strings.TrimSpace(p.Nonce)
}
