package proxy

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// ask is what a client asks for.
type ask struct {
	path   string // without its leading slash, and what stands before v1 or v2; escaped as it came
	v1     bool
	signed bool // by a stand-in credential: nonce, signature and, of v1, payload
	body   []byte

	id, nonce, signature, payload string

	uid uint32 // who asks
}

// prefixed are paths with something of the operator's before them, one base URL for each
// bot: "/mm-1/v2/auth/r/wallets". No client signs that.
var prefixed = regexp.MustCompile(`^/[a-z0-9-]{1,32}/(v[12]/.*)$`)

// pathOf is the path of a request as Bitfinex has it, without the leading slash.
func pathOf(path string) string {
	if strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v2/") {
		return path[1:]
	}
	if m := prefixed.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return ""
}

// read reads a request: its body whole, and of its headers those that sign.
func read(w http.ResponseWriter, r *http.Request) (*ask, *refusal) {
	a := &ask{path: pathOf(r.URL.EscapedPath())}
	a.v1 = strings.HasPrefix(a.path, "v1/")
	if a.signed = a.private(r); a.path == "" || a.signed && r.URL.EscapedPath() != r.URL.Path {
		return nil, &refusal{status: http.StatusNotFound, text: "the path begins with /v2/ or /v1/, plainly"}
	}
	var err error
	if a.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, a.refuse(codeGeneric, "a body is at most 64 KiB")
		}
		return nil, a.refuse(codeGeneric, "the body did not arrive whole")
	}
	switch {
	case !a.signed && r.Method != http.MethodGet && !(r.Method == http.MethodPost && strings.HasPrefix(a.path, "v2/calc/")):
		return nil, a.refuse(codeGeneric, "public endpoints are read with GET")
	case !a.signed:
		return a, nil
	case r.Method != http.MethodPost:
		return nil, a.refuse(codeGeneric, "authenticated requests are POST")
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return nil, a.refuse(codeGeneric, "a query is no part of what is signed: put parameters into the body")
	}
	if !a.credentials(r.Header) {
		return nil, a.refuse(codeAuth, "apikey: invalid")
	}
	uid := peerUID(r.Context())
	if uid == nil {
		return nil, a.refuse(codeGeneric, "who is connected cannot be told: connect from this machine, and stay until the answer is there")
	}
	a.uid = *uid
	return a, nil
}

// private says whether an endpoint is one that wants a signature: by its path, or since the
// client has signed.
func (a *ask) private(r *http.Request) bool {
	if strings.HasPrefix(a.path, "v2/auth") {
		return true
	}
	return a.v1 && (r.Method == http.MethodPost || r.Header.Get("X-Bfx-Apikey") != "")
}

// credentials reads the headers that sign: each of them once (A25). A token is none that
// was issued here.
func (a *ask) credentials(h http.Header) bool {
	names := map[string]*string{"Bfx-Apikey": &a.id, "Bfx-Nonce": &a.nonce, "Bfx-Signature": &a.signature}
	if a.v1 {
		names = map[string]*string{"X-Bfx-Apikey": &a.id, "X-Bfx-Payload": &a.payload, "X-Bfx-Signature": &a.signature}
	}
	for name, value := range names {
		values := h.Values(name)
		if len(values) != 1 || values[0] == "" {
			return false
		}
		*value = values[0]
	}
	if a.v1 {
		a.body = nil // all is in the payload; some clients send it twice
		a.nonce = nonceIn(a.payload)
	}
	return h.Get("Bfx-Token") == ""
}

// cancels says whether a request reduces risk: it leaves first.
func (a *ask) cancels() bool {
	return strings.Contains(a.path, "/cancel") && !strings.Contains(a.path, "replace")
}
