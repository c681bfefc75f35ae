package bitfinex

import (
	"bytes"
	"encoding/base64"
)

// PayloadV1 is what the X-BFX-PAYLOAD header of a client says.
type PayloadV1 struct {
	Path   string // without its leading slash
	Nonce  string
	Params []byte // the object without "request" and "nonce", as [ParseV1] reads it
}

// OpenPayloadV1 reads a payload that a client has signed: base64 (standard, padded, of one
// spelling) of a JSON object whose members "request" and "nonce" stand there once. The error
// is a *SyntaxError.
func OpenPayloadV1(payload string) (p PayloadV1, err error) {
	if len(payload) > MaxPayload {
		return p, &SyntaxError{Field: "payload", Offset: MaxPayload, Reason: "is too long"}
	}
	text, err := base64.StdEncoding.Strict().DecodeString(payload)
	if err != nil || len(text) == 0 || text[0] != '{' || bytes.ContainsAny([]byte(payload), "\r\n") {
		return p, &SyntaxError{Field: "payload", Reason: "must be base64 of a JSON object"}
	}
	return openObject(text)
}

// openObject takes "request" and "nonce" out of an object.
func openObject(text []byte) (p PayloadV1, err error) {
	s := scanner{data: text, params: true}
	p.Params = append(make([]byte, 0, len(text)), '{')
	member, taken := 0, false // where the member under way begins; whether it is ours
	end := func(at int) {     // of that member
		if member > 0 && !taken {
			if len(p.Params) > 1 {
				p.Params = append(p.Params, ',')
			}
			p.Params = append(p.Params, bytes.TrimRight(text[member:at], " \t\r\n,")...)
		}
	}
	var value *string // what the next token is the text of
	for s.next() {
		switch {
		case value != nil:
			if s.token.kind != kindString || s.token.escaped || *value != "" {
				return PayloadV1{}, &SyntaxError{Field: "payload", Reason: "must have request and nonce once, as plain texts"}
			}
			*value, value = string(s.text()), nil
		case s.token.kind == kindName && s.token.depth == 1:
			end(s.token.start - 1)
			member = s.token.start - 1
			switch string(s.text()) {
			case "request":
				value = &p.Path
			case "nonce":
				value = &p.Nonce
			}
			taken = value != nil
		case s.token.kind == kindObjectEnd && s.token.depth == 1:
			end(s.token.start)
		}
	}
	if s.err != nil {
		return PayloadV1{}, s.err
	}
	if len(p.Path) < 2 || p.Path[0] != '/' || p.Nonce == "" {
		return PayloadV1{}, &SyntaxError{Field: "payload", Reason: "must have request, with its leading slash, and nonce"}
	}
	p.Path, p.Params = p.Path[1:], append(p.Params, '}')
	return p, nil
}
