package bitfinex

import "bfxvault/vault/policy"

// Parse reads a request to REST v2 into r, which it resets first. The path has no
// leading slash ("v2/auth/w/order/submit") and no query; the body is empty, or a
// JSON object or array that starts at its first byte. Of a write, every field is
// read by the endpoint's form. What r then holds are parts of path and body, and of
// r.Scratch.
//
// The error is a *SyntaxError: the path is not in the table, the body is no such
// JSON or not what its form says (P3), or it is empty where {} would be safer
// (border.go, A36). Of r, only what the path says means something then. It
// allocates nothing once r has room.
func Parse(r *policy.Request, path string, body []byte) error {
	end, err := start(r, pathsV2, path)
	if err != nil {
		return err
	}
	if len(body) == 0 && couldHoldNonce(path) {
		return &SyntaxError{Field: "body", Reason: "must be {} rather than empty behind digits that could pass for a nonce"}
	}
	if end.form == nil {
		return checkBody(body)
	}
	return end.read(r, body, false)
}

// ParseV1 reads a request to REST v1 into r, as Parse does. The path has no leading
// slash ("v1/balances"); params is the payload's JSON object without the members
// `request` and `nonce`, which are the vault's to write, and empty means {}.
func ParseV1(r *policy.Request, path string, params []byte) error {
	end, err := start(r, pathsV1, path)
	if err != nil {
		return err
	}
	if end.form == nil {
		return checkParams(params)
	}
	return end.read(r, params, true)
}

// start fills r with what the path says.
func start(r *policy.Request, paths *node, path string) (*node, error) {
	r.Reset()
	if len(path) > MaxPath {
		return nil, &SyntaxError{Field: "path", Offset: MaxPath, Reason: "is too long"}
	}
	end, symbol := paths.match(path)
	if end == nil {
		return nil, &SyntaxError{Field: "path", Reason: "is no endpoint that the vault knows"}
	}
	e := end.endpoint
	if e.Write && e.Class != 0 && end.form == nil { // unreachable: a test walks the table
		return nil, &SyntaxError{Field: "path", Reason: "is an endpoint whose body the vault cannot read"}
	}
	r.Endpoint, r.Class, r.ByName, r.Write, r.Symbol = e.Pattern, e.Class, e.ByName, e.Write, symbol
	return end, nil
}

// read fills r with what the body of a write says.
func (n *node) read(r *policy.Request, body []byte, params bool) error {
	rd := reader{scanner: scanner{data: body, params: params}, request: r, endpoint: n.endpoint}
	switch {
	case len(body) > MaxBody:
		rd.faultAt(MaxBody, "is too long")
		return rd.err
	case len(body) == 0:
		return rd.readEmpty(n.form)
	}
	return rd.read(n.form)
}

// checkBody reads a body to its end.
func checkBody(body []byte) error {
	if len(body) == 0 {
		return nil
	}
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
	if len(params) == 0 {
		return nil
	}
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
		case isVaults(name):
			s.faultAt(s.token.start, "has a member that is the vault's to write")
			return s.err
		}
	}
	return s.err
}

// isVaults says whether a name is one of the two members that the vault writes, even
// to a reader that ignores case.
func isVaults(name []byte) bool { return foldsTo(name, "request") || foldsTo(name, "nonce") }
