package upstream

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Kind says what became of a request.
type Kind uint8

// The kinds of errors.
const (
	Unsent      Kind = iota + 1 // it never left: no server would understand it
	Unreachable                 // no answer came; it may have been carried out all the same
	Refused                     // Bitfinex said no
	Unclear                     // something answered, but not as Bitfinex does
)

// Codes that Bitfinex refuses requests with (docs.bitfinex.com/docs/abbreviations-glossary).
const (
	CodeNotPermitted = 10001 // "api_key: permission invalid", and much else
	CodeAuth         = 10100 // "apikey: invalid": unknown, or the signature is wrong
	CodeNonce        = 10114 // "nonce: small": one that is as high was accepted before
	CodeRateLimit    = 11010 // "ratelimit: error"
)

// Error is why a request has no answer that can be used.
type Error struct {
	Kind   Kind
	Status int    // of HTTP; zero where no answer came
	Code   int    // Bitfinex's, where it refused and gave one
	Text   string // Bitfinex's, where it refused: short and printable
	Err    error  // of the network, or of what an answer looks like
	// NothingLeft says that there was no connection to send over: it was not carried out.
	NothingLeft bool
}

// Error is a line that may be shown on a terminal, whoever wrote parts of it.
func (e *Error) Error() string {
	switch e.Kind {
	case Refused:
		if e.Code == 0 && e.Text != "" {
			return e.Text
		}
		return fmt.Sprintf("%d %s", e.Code, e.Text)
	case Unclear:
		return Plain(fmt.Sprintf("HTTP status %d: %v", e.Status, e.Err))
	case Unsent, Unreachable:
	}
	return Plain(fmt.Sprint(e.Err))
}

// Unwrap gives what the network said.
func (e *Error) Unwrap() error { return e.Err }

const maxPlain = 200

// Plain is what a stranger said, made fit for a terminal: printable ASCII in one line,
// and no more than 200 bytes of it. What is something else becomes a question mark.
func Plain(text string) string {
	if len(text) > maxPlain {
		text = text[:maxPlain] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.ReplaceAll(text, "\n", " "))
}

// judge says whether an answer is one: Bitfinex refuses with ["error", CODE, "text"],
// under HTTP 500 or 429 and, for some requests, under 200 (bitfinex-api-node issue 116,
// ccxt issue 6384), and writes with a notification whose status is not SUCCESS.
func judge(status int, body []byte) error {
	code, text, refused := refusal(body)
	if !refused {
		code, text, refused = notified(body)
	}
	if refused {
		return &Error{Kind: Refused, Status: status, Code: code, Text: Plain(text)}
	}
	if status != http.StatusOK {
		return &Error{Kind: Unclear, Status: status, Err: fmt.Errorf("%q", Plain(string(body)))}
	}
	return nil
}

func refusal(body []byte) (code int, text string, ok bool) {
	var parts []json.RawMessage
	if json.Unmarshal(body, &parts) != nil || len(parts) < 3 || string(parts[0]) != `"error"` {
		return 0, "", false
	}
	// The text is a list now and then: then its JSON has to do.
	if json.Unmarshal(parts[2], &text) != nil {
		text = string(parts[2])
	}
	return code, text, json.Unmarshal(parts[1], &code) == nil
}

// notified reads [MTS, "…-req", ID, null, DATA, CODE, STATUS, TEXT], with which writes are
// answered (docs.bitfinex.com/reference/rest-auth-cancel-orders-multiple).
func notified(body []byte) (code int, text string, refused bool) {
	var parts []json.RawMessage
	var kind, status string
	if json.Unmarshal(body, &parts) != nil || len(parts) < 8 || json.Unmarshal(parts[1], &kind) != nil || !strings.HasSuffix(kind, "-req") {
		return 0, "", false
	}
	if json.Unmarshal(parts[6], &status) == nil && status == "SUCCESS" {
		return 0, "", false
	}
	_ = json.Unmarshal(parts[5], &code) // null, mostly
	if json.Unmarshal(parts[7], &text) != nil || text == "" {
		text = "status " + string(parts[6])
	}
	return code, text, true
}
