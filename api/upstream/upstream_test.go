package upstream_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"bfxvault/api/upstream"
)

func TestWhatIsSentIsWhatWasSigned(t *testing.T) {
	type sent struct {
		method, path, body string
		header             http.Header
	}
	var got sent
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = sent{r.Method, r.RequestURI, string(body), r.Header}
		_, _ = io.WriteString(w, `[["orders",1,0]]`)
	}))
	defer server.Close()
	c := dial(t, server.URL)
	answer, err := c.Do(t.Context(), probe())
	if err != nil || string(answer) != `[["orders",1,0]]` {
		t.Fatalf("%s, %v", answer, err)
	}
	if got.method != "POST" || got.path != "/v2/auth/r/permissions" || got.body != "{}" {
		t.Errorf("%s %s %s", got.method, got.path, got.body)
	}
	names := slices.Sorted(maps.Keys(got.header))
	if strings.Join(names, " ") != "Bfx-Apikey Bfx-Nonce Bfx-Signature Content-Length Content-Type User-Agent" {
		t.Errorf("the headers are %v", names)
	}
	for name, want := range map[string]string{
		"bfx-apikey": "key", "bfx-nonce": "1700000000000000", "bfx-signature": "abcdef", "content-type": "application/json",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	from := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true // one after the other
		_, _ = io.WriteString(w, "[]")
	}))
	defer server.Close()
	c := dial(t, server.URL)
	for range 5 {
		if _, err := c.Do(t.Context(), probe()); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 1 {
		t.Errorf("%d connections for five requests in a row", len(from))
	}
}

func TestOnlyBitfinexOrThisMachine(t *testing.T) {
	for _, url := range []string{
		"", "https://api.bitfinex.com", "https://api.bitfinex.com/", "http://127.0.0.1:80", "http://127.9.9.9", "https://[::1]:443", "http://localhost:1",
	} {
		if _, err := upstream.New(upstream.Options{URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{
		"http://api.bitfinex.com", "https://api.bitfinex.com:444", "https://api-pub.bitfinex.com", "https://evil.example", "https://api.bitfinex.com.evil.example",
		"https://api.bitfinex.com@evil.example", "https://127.0.0.1@evil.example", "https://user@127.0.0.1", "http://127.0.0.1/v2", "http://127.0.0.1?x", "http://127.0.0.1#x",
		"http://10.0.0.1", "http://0.0.0.0", "http://127.0.0.1.evil.example", "http://2130706433", "http://0x7f.1", "http://[::]", "http://localhost.evil.example",
		"ftp://127.0.0.1", "unix:/tmp/x", "127.0.0.1:80", "//127.0.0.1", "http://", "http:///", "%", "http://127.0.0.1//", "HTTPS://API.BITFINEX.COM.",
	} {
		_, err := upstream.New(upstream.Options{URL: url})
		if err == nil {
			t.Errorf("%q was taken", url)
		} else if len(url) > 12 && url != "http://api.bitfinex.com" && strings.Contains(err.Error(), url) {
			t.Errorf("%q is repeated in: %v", url, err) // A49
		}
	}
}

func TestAServerMustProveWhoItIs(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	_, err := dial(t, server.URL).Do(t.Context(), probe())
	if e := wantKind(t, err, upstream.Unclear); e.Status != 404 {
		t.Fatalf("the certificate of this server is trusted here: %v", err)
	}
	_, err = dial(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)).Do(t.Context(), probe())
	wantKind(t, err, upstream.Unreachable)
	if wrong := (x509.HostnameError{}); !errors.As(err, &wrong) {
		t.Errorf("a certificate for another host: %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.StartTLS()
	defer server.Close()
	_, err := dial(t, server.URL).Do(t.Context(), probe())
	wantKind(t, err, upstream.Unreachable)
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL, status))
		_, err := dial(t, server.URL).Do(t.Context(), probe())
		if e := wantKind(t, err, upstream.Unclear); e.Status != status {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
	if followed.Load() {
		t.Error("a signed request went where Bitfinex did not say it would")
	}
}

func TestTheEnvironmentNamesNoProxy(t *testing.T) { // TestMain has named one
	ctx, cancel := context.WithCancel(t.Context())
	var to string
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(address string) {
		to = address
		cancel() // no test asks Bitfinex
	}})
	_, err := dial(t, "").Do(ctx, probe())
	wantKind(t, err, upstream.Unreachable)
	if to != "api.bitfinex.com:443" {
		t.Errorf("a request for Bitfinex went to %q", to)
	}
}

func TestAnAnswerHasItsBounds(t *testing.T) {
	large := answering(t, 200, "["+strings.Repeat(" ", 1<<20)+"]")
	_, err := dial(t, large.URL).Do(t.Context(), probe())
	wantKind(t, err, upstream.Unclear)
	fits := answering(t, 200, "["+strings.Repeat(" ", 1<<20-2)+"]")
	if answer, err := dial(t, fits.URL).Do(t.Context(), probe()); err != nil || len(answer) != 1<<20 {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
}

func TestTheContextEndsARequest(t *testing.T) {
	asked := make(chan struct{})
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-over
	}))
	defer server.Close()
	defer close(over)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := dial(t, server.URL).Do(ctx, probe())
	wantKind(t, err, upstream.Unreachable)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatCannotBeSentIsNotSent(t *testing.T) { // A19, A25, A36
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it arrived") }))
	defer server.Close()
	c := dial(t, server.URL)
	for _, path := range []string{"", "/v2/auth/r/permissions", "v1/balances", "v2/auth/r/x?y", "v2/auth/r/x#y", "v2/auth/r/a b", "v2/auth/r/%41", "v2/auth/r/é"} {
		r := probe()
		r.Path = path
		_, err := c.Do(t.Context(), r)
		wantKind(t, err, upstream.Unsent)
	}
	r := probe()
	r.APIKey = "key\r\nx-evil: 1"
	if _, err := c.Do(t.Context(), r); err == nil || strings.Contains(err.Error(), "evil") {
		t.Error(err)
	}
}

func wantKind(t *testing.T, err error, kind upstream.Kind) *upstream.Error {
	t.Helper()
	var e *upstream.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("%v is not of kind %d", err, kind)
	}
	return e
}
