package bitfinex

import "bfxvault/vault/policy"

// Parse reads a request to REST v2. The path has no leading slash
// ("v2/auth/w/order/submit") and no query; the body is empty, or a JSON object
// or array that starts at its first byte. The error is a *SyntaxError: the path
// is not in the table, the body is not such JSON (P3), or it is empty where {}
// would be safer (border.go, A36).
func Parse(path string, body []byte) (policy.Request, error) {
	e, err := lookup(pathsV2, path)
	if err != nil {
		return policy.Request{}, err
	}
	if len(body) == 0 {
		if couldHoldNonce(path) {
			return policy.Request{}, &SyntaxError{Field: "body", Reason: "must be {} rather than empty behind digits that could pass for a nonce"}
		}
		return e.request(), nil
	}
	if err := checkBody(body); err != nil {
		return policy.Request{}, err
	}
	return e.request(), nil
}

// ParseV1 reads a request to REST v1. The path has no leading slash
// ("v1/balances"); params is the payload's JSON object without the members
// `request` and `nonce`, which are the vault's to write, and empty means {}. The
// error is a *SyntaxError, as Parse's.
func ParseV1(path string, params []byte) (policy.Request, error) {
	e, err := lookup(pathsV1, path)
	if err != nil {
		return policy.Request{}, err
	}
	if len(params) > 0 {
		if err := checkParams(params); err != nil {
			return policy.Request{}, err
		}
	}
	return e.request(), nil
}

func lookup(paths *node, path string) (*Endpoint, error) {
	if len(path) > MaxPath {
		return nil, &SyntaxError{Field: "path", Offset: MaxPath, Reason: "is too long"}
	}
	e := paths.match(path)
	if e == nil {
		return nil, &SyntaxError{Field: "path", Reason: "is no endpoint that the vault knows"}
	}
	return e, nil
}

func (e *Endpoint) request() policy.Request {
	return policy.Request{Endpoint: e.Pattern, Class: e.Class, ByName: e.ByName, Write: e.Write}
}

// checkBody reads a body to its end.
func checkBody(body []byte) error {
	if len(body) > MaxBody {
		return &SyntaxError{Field: "body", Offset: MaxBody, Reason: "is too long"}
	}
	s := scanner{data: body}
	for s.next() {
	}
	return s.err
}

// checkParams reads v1 parameters to their end, and sees to it that they cannot
// speak for the vault's own two members, even to a reader that ignores case.
func checkParams(params []byte) error {
	if len(params) > MaxBody {
		return &SyntaxError{Field: "params", Offset: MaxBody, Reason: "is too long"}
	}
	if params[0] != '{' {
		return &SyntaxError{Field: "params", Reason: "must be an object"}
	}
	s := scanner{data: params, params: true}
	for s.next() {
		if s.token.kind != kindName || s.token.depth != 1 {
			continue
		}
		switch name := s.text(); {
		case !isASCII(name):
			s.faultAt(s.token.start, "has a name that is not ASCII")
			return s.err
		case foldsTo(name, "request"), foldsTo(name, "nonce"):
			s.faultAt(s.token.start, "has a member that is the vault's to write")
			return s.err
		}
	}
	return s.err
}

// isASCII says whether a text, unescaped, is ASCII.
func isASCII(text []byte) bool {
	for len(text) > 0 {
		r, size := nextRune(text)
		if r > 0x7f {
			return false
		}
		text = text[size:]
	}
	return true
}

// foldsTo says whether a text, unescaped and in lower case, is word.
func foldsTo(text []byte, word string) bool {
	for len(text) > 0 && word != "" {
		r, size := nextRune(text)
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if r != rune(word[0]) {
			return false
		}
		text, word = text[size:], word[1:]
	}
	return len(text) == 0 && word == ""
}
