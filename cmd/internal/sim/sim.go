// Package sim is a Bitfinex that lives on the loopback interface: it checks API
// key, signature, nonce and permission as the exchange does, and answers with
// the exchange's own error shapes.
//
// Start with [New], giving it the API keys that it knows, then either mount the
// [Exchange] as an http.Handler or call [Exchange.Start] for a URL. What it
// carried out is read back with [Exchange.Accepted].
//
// It is the second opinion on everything the vault signs, so it computes the
// signature with the standard library alone and imports no other package of
// this module; a test of the import table says so.
//
// Traps: its API keys stand in for the exchange's side of the secret and are
// ordinary memory, so scan another process for secrets than the one it runs in.
// It never forgets an accepted request. It keeps orders, but fills none, and it
// has no rate limits. Each API key is an account of its own. Authenticated
// endpoints without a meaning here answer an empty list.
//
// Where Bitfinex does not document an answer the simulation is the stricter
// one, and the comment at that place says so.
package sim

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody bounds a request body. The exchange's own bound is not documented.
const maxBody = 1 << 20

// Key is an API key as the exchange knows it. Secret is used as its UTF-8
// bytes; Read and Write are the permissions ticked when it was made.
type Key struct {
	ID, Secret  string
	Read, Write Scopes
}

// Request is one request that the exchange carried out. Path has no leading
// slash ("v2/auth/r/wallets"). Body is what was signed: the raw body of a v2
// request, the decoded payload of a v1 request.
type Request struct {
	Key   string
	Path  string
	Nonce uint64
	Body  string
}

// Exchange is the simulated Bitfinex. Make one with [New]; its methods may be
// called from any goroutine.
type Exchange struct {
	rules []rule // read-only after New

	mu        sync.Mutex
	accounts  map[string]*account // by API key id
	accepted  []Request
	nextOrder int64
	server    *http.Server // while started
}

// account is what the exchange keeps per API key: one account each, so that
// tests with several keys do not see each other's orders.
type account struct {
	key       Key
	lastNonce uint64
	orders    []order // open ones, oldest first
	past      []order // those that were taken back
}

// New returns an exchange that knows the given API keys and no others. Of two
// keys with the same id the later one counts.
func New(keys ...Key) *Exchange {
	x := &Exchange{
		rules:     scopeRules(),
		accounts:  make(map[string]*account, len(keys)),
		nextOrder: 150_000_000_001,
	}
	for _, k := range keys {
		x.accounts[k.ID] = &account{key: k}
	}
	return x
}

// Put makes an API key known, as if it were made at the exchange, or changes what it
// may do. One that was known before goes on with its nonces and orders.
func (x *Exchange) Put(k Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if a := x.accounts[k.ID]; a != nil {
		a.key = k
		return
	}
	x.accounts[k.ID] = &account{key: k}
}

// Delete forgets an API key, as when it is deleted at the exchange: whatever is signed
// with it is refused from then on.
func (x *Exchange) Delete(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.accounts, id)
}

// Accepted returns a copy of what was carried out so far, in the order in which
// the exchange did it.
func (x *Exchange) Accepted() []Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]Request(nil), x.accepted...)
}

// ServeHTTP answers one request. Paths are taken as they came: nothing is
// cleaned or redirected, because the path is part of what was signed. A query
// is no part of the signed string and is ignored.
func (x *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, `{"error":"body"}`, http.StatusRequestEntityTooLarge)
		return
	}
	path := r.URL.EscapedPath()
	var a answer
	switch {
	case r.Method != http.MethodPost:
		a = notFound()
	case strings.HasPrefix(path, "/v2/auth/"):
		a = x.serveV2(path, r.Header, body)
	case strings.HasPrefix(path, "/v1/"):
		a = x.serveV1(path, r.Header)
	default:
		a = notFound()
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	io.WriteString(w, a.body) // a client that left is no fault of ours
}

// Start listens on a free port of 127.0.0.1 and returns the base URL, such as
// "http://127.0.0.1:40123". It fails if it is already started or no port is to
// be had.
func (x *Exchange) Start() (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.server != nil {
		return "", errors.New("sim: already started")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("sim: %w", err)
	}
	x.server = &http.Server{Handler: x, ReadHeaderTimeout: 10 * time.Second}
	go x.server.Serve(l) // returns when Close closes the listener
	return "http://" + l.Addr().String(), nil
}

// Close stops what [Exchange.Start] started and breaks open connections. Without
// a start it does nothing. What was accepted can still be read.
func (x *Exchange) Close() error {
	x.mu.Lock()
	s := x.server
	x.server = nil
	x.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
}
