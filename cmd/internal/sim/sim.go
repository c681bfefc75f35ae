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
// [New] makes the plain one: it takes every order that is one, fills none, and
// has no rate limits. [Options] add a market that fills orders and moves balances,
// limits, and a network that delays requests, and so changes their order.
//
// Traps: its API keys stand in for the exchange's side of the secret and are
// ordinary memory, so scan another process for secrets than the one it runs in.
// It never forgets an accepted request. Each API key is an account of its own.
// Its market has all the depth in the world at one bid and one ask, and fills
// an order as a whole. Authenticated endpoints without a meaning here answer an
// empty list.
//
// Where Bitfinex does not document an answer the simulation is the stricter
// one, and the comment at that place says so.
package sim

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	opts  Options

	mu        sync.Mutex
	random    *rand.Rand
	quotes    map[string]quote    // by symbol
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
	sent      []time.Time // of its last minute, where there are limits
	orders    []order     // open ones, oldest first
	closed    []order     // oldest first, and so are the rest
	trades    []trade
	wallets   []wallet
	ledger    []entry
	positions []position
	offers    []offer
	oldOffers []offer
}

// Options are what an exchange does beyond checking and keeping. The zero value
// is what [New] makes.
type Options struct {
	Market bool          // orders fill, balances move, and what is not covered is refused
	Limit  int           // requests that an API key may send in a minute; 0 is no limit
	Delay  time.Duration // the longest that the network holds up a request, before the exchange sees it
	Seed   uint64        // of the delays
	// FirstOrder is the id of the first order; 0 is 150000000001. An exchange that is
	// started anew has to go on where no vault that has seen it before knows an order.
	FirstOrder int64
}

// New returns an exchange that knows the given API keys and no others. Of two
// keys with the same id the later one counts.
func New(keys ...Key) *Exchange { return Options{}.New(keys...) }

// New returns an exchange with these options that knows the given API keys.
func (o Options) New(keys ...Key) *Exchange {
	x := &Exchange{
		rules:     scopeRules(),
		opts:      o,
		random:    rand.New(rand.NewPCG(o.Seed, o.Seed)),
		quotes:    openingQuotes(),
		accounts:  make(map[string]*account, len(keys)),
		nextOrder: cmp.Or(o.FirstOrder, 150_000_000_001),
	}
	for _, k := range keys {
		x.accounts[k.ID] = x.open(k)
	}
	return x
}

// open is the account of an API key that was just made.
func (x *Exchange) open(k Key) *account {
	return &account{key: k, wallets: openingWallets(x.opts.Market)}
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
	x.accounts[k.ID] = x.open(k)
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
// cleaned or redirected, because the path is part of what was signed. The query
// of an authenticated request is no part of the signed string and is ignored.
func (x *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, `{"error":"body"}`, http.StatusRequestEntityTooLarge)
		return
	}
	path := r.URL.EscapedPath()
	x.hold()
	var a answer
	switch {
	case r.Method == http.MethodGet && !strings.HasPrefix(path, "/v2/auth/"):
		a = x.servePublic(path, r.URL.Query())
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
func (x *Exchange) Start() (string, error) { return x.Listen("127.0.0.1:0") }

// Listen is Start at an address of your choice, such as "127.0.0.1:8080". It fails
// for one that is not on the loopback interface: who knows these API keys is
// nobody's business, but the exchange is for this machine.
func (x *Exchange) Listen(address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("sim: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("sim: %s is not on the loopback interface", address)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.server != nil {
		return "", errors.New("sim: already started")
	}
	l, err := net.Listen("tcp", address)
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
