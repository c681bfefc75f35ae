package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"bfxvault/api/proxy"
)

func stringsReader(text string) io.Reader {
	if text == "" {
		return http.NoBody
	}
	return strings.NewReader(text)
}

// A25: what is sent has the headers of the signature, of each one, and nothing that the
// client sent beside them.
func TestARequestIsSentAsItWasSigned(t *testing.T) {
	var got http.Header
	var body, path string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		text, _ := io.ReadAll(q.Body)
		got, body, path = q.Header.Clone(), string(text), q.URL.RequestURI()
		w.Header().Set("Set-Cookie", "x=1")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `[1]`)
	})
	q := r.request("v2/auth/w/order/submit", `{"a": 1}`)
	for _, name := range []string{"Bfx-Token2", "X-Bfx-Apikey", "X-Bfx-Payload", "Cookie", "Authorization", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Proxy-Authorization", "Te", "Connection"} {
		q.Header.Set(name, "mine")
	}
	response, err := http.DefaultClient.Do(q)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Set-Cookie") != "" || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", response)
	}
	if path != "/v2/auth/w/order/submit" || body != `{"a": 1}` || got.Get("bfx-apikey") != apiKey ||
		got.Get("bfx-signature") != sign(apiSecret, "/api/v2/auth/w/order/submit"+got.Get("bfx-nonce")+body) {
		t.Errorf("%s %s %v", path, body, got)
	}
	known := []string{"Accept", "Accept-Encoding", "Bfx-Apikey", "Bfx-Nonce", "Bfx-Signature", "Content-Length", "Content-Type", "User-Agent"}
	for name, values := range got {
		if !slices.Contains(known, name) || len(values) != 1 || strings.Contains(fmt.Sprint(values), "bfxv_") {
			t.Errorf("%s: %v was sent", name, values)
		}
	}
	if uid := r.signer.asked[0].GetStandIn().Uid; uid == nil || *uid != uint32(os.Geteuid()) {
		t.Errorf("it came from uid %v", uid)
	}
}

// A25: a header that signs stands there once, or nothing is signed.
func TestWhatIsNotPlainlySignedIsRefused(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for what, change := range map[string]func(q *http.Request){
		"two signatures": func(q *http.Request) { q.Header.Add("bfx-signature", "x") },
		"two nonces":     func(q *http.Request) { q.Header.Add("BFX-NONCE", "1") },
		"two API keys":   func(q *http.Request) { q.Header["bfx-apikey"] = []string{standIn} },
		"no nonce":       func(q *http.Request) { q.Header.Del("bfx-nonce") },
		"an empty one":   func(q *http.Request) { q.Header.Set("bfx-nonce", "") },
		"a token":        func(q *http.Request) { q.Header.Set("bfx-token", "x") },
		"a query":        func(q *http.Request) { q.URL.RawQuery = "x=1" },
		"a bare query":   func(q *http.Request) { q.URL.ForceQuery = true },
		"GET":            func(q *http.Request) { q.Method = http.MethodGet },
		"PUT":            func(q *http.Request) { q.Method = http.MethodPut },
		"escapes":        func(q *http.Request) { q.URL.Opaque = "/v2/auth/w/order/%73ubmit" },
		"two prefixes":   func(q *http.Request) { q.URL.Path = "/a/b/v2/auth/r/wallets" },
		"another place":  func(q *http.Request) { q.URL.Path = "/v3/auth/r/wallets" },
		"a large body": func(q *http.Request) {
			q.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 64<<10+1)))
			q.ContentLength = -1
		},
	} {
		q := r.request("v2/auth/r/wallets", "{}")
		change(q)
		if code, body := r.do(q); code < 400 || !strings.HasPrefix(body, `["error",`) {
			t.Errorf("%s: %d %s", what, code, body)
		}
	}
	if len(r.signer.asked) != 0 {
		t.Errorf("vaultd was asked %d times", len(r.signer.asked))
	}
}

// A21, A23, A25: a browser that was led here gets nothing, nobody gets anywhere else, and
// there is no second way to say where a body ends.
func TestBrowsersAndOtherHostsAreRefused(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	host := strings.TrimPrefix(r.url, "http://")
	for what, head := range map[string]string{
		"a rebound name":      "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: evil.example\r\n",
		"another port":        "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: 127.0.0.1:1\r\n",
		"an origin":           "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://evil.example\r\n",
		"no origin":           "GET /v2/tickers HTTP/1.1\r\nHost: " + host + "\r\nOrigin: null\r\n",
		"a page":              "GET /v2/tickers HTTP/1.1\r\nHost: " + host + "\r\nSec-Fetch-Site: cross-site\r\n",
		"an absolute URI":     "GET http://evil.example/v2/tickers HTTP/1.1\r\nHost: " + host + "\r\n",
		"its own as absolute": "GET http://" + host + "/v2/tickers HTTP/1.1\r\nHost: " + host + "\r\n",
		"CONNECT":             "CONNECT evil.example:443 HTTP/1.1\r\nHost: " + host + "\r\n",
		"WebSocket":           "GET /ws/2 HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
		"chunks":              "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n",
		"chunks and a length": "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"another encoding":    "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: xchunked\r\n",
		"encodings in two":    "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"a space in a name":   "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nbfx-nonce : 1\r\n",
		"a folded line":       "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nbfx-nonce: 1\r\n 2\r\n",
		"two lengths":         "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
		"two hosts":           "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nHost: evil.example\r\n",
	} {
		c, err := net.Dial("tcp", host)
		must(t, err)
		_, err = io.WriteString(c, head+"\r\n")
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		if response.StatusCode < 400 || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", what, response)
		}
		c.Close()
	}
}

// A nonce that Bitfinex refuses is signed anew and sent a second time, and no third.
func TestARefusedNonceIsSentOnceMore(t *testing.T) {
	for _, refusals := range []int{1, 2, 3} {
		var sent atomic.Int32
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			if int(sent.Add(1)) <= refusals {
				w.WriteHeader(500)
				io.WriteString(w, `["error",10114,"nonce: small"]`)
				return
			}
			io.WriteString(w, `[1]`)
		})
		code, body := r.do(r.request("v2/auth/w/order/submit", "{}"))
		if ok := code == 200; ok != (refusals == 1) || sent.Load() != 2 {
			t.Errorf("%d refusals: sent %d times, %d %s", refusals, sent.Load(), code, body)
		}
		if again := r.signer.asked[1].GetStandIn(); again.GetRetries() != 1 || again.GetSignature() != r.signer.asked[0].GetStandIn().GetSignature() {
			t.Errorf("%v", again)
		}
	}
}

// No other answer, and none at all, is reason to send anything a second time; nobody is
// told that what broke off went well.
func TestNothingElseIsSentTwice(t *testing.T) {
	for what, answer := range map[string]func(w http.ResponseWriter){
		"an error": func(w http.ResponseWriter) { w.WriteHeader(500); io.WriteString(w, `["error",10001,"x"]`) },
		"too many": func(w http.ResponseWriter) {
			w.WriteHeader(429)
			io.WriteString(w, `["error",11010,"ratelimit: error"]`)
		},
		"no answer": func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, `[1`)
			panic(http.ErrAbortHandler)
		},
		"somewhere else": func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example/"); w.WriteHeader(307) },
		"a page instead": func(w http.ResponseWriter) { io.WriteString(w, `<html>one moment, please</html>`) },
		"an answer without a length": func(w http.ResponseWriter) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer c.Close()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1,2]")
		},
		"too much of one": func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat(" ", 16<<20+1)) },
	} {
		var sent atomic.Int32
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { sent.Add(1); answer(w) })
		code, body := r.do(r.request("v2/auth/w/order/submit", "{}"))
		if code == 200 || sent.Load() != 1 {
			t.Errorf("%s: sent %d times, %d %.80s", what, sent.Load(), code, body)
		}
	}
}

// vaultd's no comes as the error that clients have for it.
func TestDenialsAreThoseThatClientsKnow(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, c := range []struct {
		code         codes.Code
		reason, rule string
		status       int
		body         string
	}{
		{codes.PermissionDenied, "NO_GRANT", "", 500, `["error",10100,"apikey: invalid`},
		{codes.PermissionDenied, "DENIED", "symbols", 500, `["error",10001,"api_key: permission invalid`},
		{codes.PermissionDenied, "DENIED", "stand_in_nonce", 500, `["error",10114,"nonce: small`},
		{codes.InvalidArgument, "MALFORMED", "", 500, `["error",10001,"api_key: permission invalid`},
		{codes.ResourceExhausted, "LIMITED", "rate", 429, `["error",11010,"ratelimit: error`},
		{codes.FailedPrecondition, "LOCKED", "", 500, `["error",20060,"maintenance`},
		{codes.Unavailable, "CANNOT_WRITE", "", 500, `["error",20060,"maintenance`},
		{codes.Internal, "INTERNAL", "", 500, `["error",20060,"maintenance`},
	} {
		r.signer.says = refusalOf(c.code, c.reason, c.rule)
		if code, body := r.do(r.request("v2/auth/r/wallets", "{}")); code != c.status || !strings.HasPrefix(body, c.body) {
			t.Errorf("%s: %d %s", c.reason, code, body)
		}
	}
}

// A limit says how long to wait, in whole seconds, as Bitfinex's does (RFC 9110).
func TestALimitSaysHowLongToWait(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for wait, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2"} {
		s, err := status.New(codes.ResourceExhausted, "no").WithDetails(
			&errdetails.ErrorInfo{Reason: "LIMITED", Domain: "bfxvault"}, &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
		must(t, err)
		r.signer.says = s.Err()
		answer, err := http.DefaultClient.Do(r.request("v2/auth/r/wallets", "{}"))
		must(t, err)
		answer.Body.Close()
		if got := answer.Header.Get("Retry-After"); answer.StatusCode != 429 || got != want {
			t.Errorf("%v: %d, Retry-After %q", wait, answer.StatusCode, got)
		}
	}
}

// "nonce: small" ends: many clients at once, with two stand-ins for one API key, whatever the
// network does with the order.
func TestNoNonceErrorReachesAClient(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	x := &strict{delay: func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(3000)) * time.Microsecond
	}}
	r := newRig(t, x.ServeHTTP)
	const clients, each = 8, 40
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for range each {
				q := r.request("v2/auth/w/order/submit", "{}")
				q.Header.Set("bfx-apikey", []string{standIn, another}[i%2])
				if code, body := r.do(q); code != 200 {
					t.Errorf("seed %d: %d %s", seed, code, body)
				}
			}
		})
	}
	all.Wait()
	// Until its first signature nobody knows which API key a stand-in is for: then it may meet
	// the other one, and is sent once more.
	if len(x.taken) != clients*each || x.small > 2 {
		t.Errorf("seed %d: %d taken, %d nonces too small", seed, len(x.taken), x.small)
	}
}

// Public endpoints pass, without what a client may have sent along.
func TestPublicEndpointsPass(t *testing.T) {
	var got *http.Request
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { got = q; io.WriteString(w, `[]`) })
	for path, want := range map[string]string{
		"/v2/tickers?symbols=ALL": "/v2/tickers?symbols=ALL", "/v1/symbols": "/v1/symbols", "/mm-1/v2/platform/status": "/v2/platform/status",
		"/v2/candles/trade%3A1m%3AtBTCUSD/hist?limit=1": "/v2/candles/trade%3A1m%3AtBTCUSD/hist?limit=1",
	} {
		q, err := http.NewRequest(http.MethodGet, r.url+path, nil)
		must(t, err)
		q.Header.Set("bfx-apikey", standIn)
		q.Header.Set("Cookie", "x=1")
		if code, body := r.do(q); code != 200 || got.URL.RequestURI() != want || got.Header.Get("Cookie") != "" || got.Header.Get("bfx-apikey") != "" {
			t.Errorf("%s: %d %s: %v", path, code, body, got)
		}
	}
}

// A24: many requests at once, and each is signed, sent and answered as itself.
func TestRequestsDoNotMix(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if q.Header.Get("bfx-signature") != sign(apiSecret, "/api"+q.URL.Path+q.Header.Get("bfx-nonce")+string(body)) {
			w.WriteHeader(500)
			return
		}
		fmt.Fprintf(w, "[%q,%s]", q.URL.Path, body)
	})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			path := []string{"v2/auth/r/wallets", "v2/auth/w/order/submit", "v2/auth/w/order/cancel"}[i%3]
			for n := range 20 {
				body := fmt.Sprintf(`{"id":%d}`, i*1000+n)
				if code, got := r.do(r.request(path, body)); code != 200 || got != fmt.Sprintf("[%q,%s]", "/"+path, body) {
					t.Errorf("%s %s: %d %s", path, body, code, got)
				}
			}
		})
	}
	all.Wait()
}

// Who sends slowly, or nothing, is sent away, and holds up nobody meanwhile.
func TestSlowSendersAreSentAway(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") }, func(s *http.Server) {
		if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes > 1<<20 {
			t.Errorf("a bound is missing: %+v", s)
		}
		s.ReadHeaderTimeout, s.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond // so that the test need not wait as long
	})
	host := strings.TrimPrefix(r.url, "http://")
	q := r.request("v2/auth/r/wallets", "{}")
	var all sync.WaitGroup
	for what, text := range map[string]string{
		"nothing":     "",
		"half a head": "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nbfx-ap",
		"half a body": "POST /v2/auth/r/wallets HTTP/1.1\r\nHost: " + host + "\r\nbfx-apikey: " + standIn + "\r\nbfx-nonce: " + q.Header.Get("bfx-nonce") +
			"\r\nbfx-signature: " + q.Header.Get("bfx-signature") + "\r\nContent-Length: 2\r\n\r\n{",
	} {
		c, err := net.Dial("tcp", host)
		must(t, err)
		defer c.Close()
		_, err = io.WriteString(c, text)
		must(t, err)
		all.Go(func() {
			if answer, err := io.ReadAll(c); err != nil || strings.Contains(string(answer), " 200 ") { // until it is closed
				t.Errorf("%s: %s, %v", what, answer, err)
			}
		})
	}
	if code, body := r.do(q); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	all.Wait()
	if len(r.signer.asked) != 1 {
		t.Errorf("vaultd was asked %d times", len(r.signer.asked))
	}
}

// Those above the bound wait until one leaves.
// No user takes more than half of the connections: the others' trade goes on.
func TestNoUserKeepsTheOthersOut(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") })}
	go served.Serve(proxy.Limit(inner, 4))
	t.Cleanup(func() { served.Close() })
	ask := func() (c net.Conn, answer string) {
		c, err := net.Dial("tcp", inner.Addr().String())
		must(t, err)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // it may be closed already
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return c, "closed"
		}
		text, err := io.ReadAll(response.Body)
		must(t, err)
		return c, string(text)
	}
	for i, want := range []string{"served", "served", "closed", "closed"} {
		c, got := ask()
		defer c.Close()
		if got != want {
			t.Errorf("connection %d: %s, want %s", i+1, got, want)
		}
		if i > 1 {
			c.Close()
		}
	}
	if os.Geteuid() == 0 { // as somebody else
		cmd := exec.Command("/proc/self/exe")
		cmd.Dir, cmd.Env = "/", append(os.Environ(), strangerEnv+"="+inner.Addr().String())
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "served" {
			t.Errorf("another user: %s: %v", out, err)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := proxy.Limit(inner, 1)
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", inner.Addr().String())
		must(t, err)
		defer c.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Error("two at once")
	default:
	}
	must(t, first.Close())
	_ = first.Close() // makes no more room
	(<-accepted).Close()
	must(t, l.Close())
	if _, open := <-accepted; open {
		t.Error("it accepts after its end")
	}
}
