package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bfxvault/api/client"
	pb "bfxvault/proto/bfxvault/v1"
)

// exchange accepts what is signed right and remembers it.
type exchange struct {
	*httptest.Server
	requests atomic.Int32
	header   http.Header
	body     string
	length   int64
}

func newExchange(t *testing.T) *exchange {
	x := &exchange{}
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.requests.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		x.header, x.body, x.length = r.Header, string(body), r.ContentLength
		if r.Header.Get("bfx-signature") != signatureOf(r.RequestURI[1:], r.Header.Get("bfx-nonce"), string(body)) {
			http.Error(w, `["error",10100,"apikey: invalid"]`, http.StatusInternalServerError)
			return
		}
		io.WriteString(w, `[]`)
	}))
	t.Cleanup(x.Close)
	return x
}

func transport(t *testing.T, v *vaultd, base string) *client.Transport {
	t.Helper()
	tr, err := client.NewTransport(client.Options{Client: dial(t, v), Label: "main", Bot: "mm-1", BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func post(t *testing.T, target string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// P3, A31: the bytes that were signed are the bytes that are sent.
func TestTransportSendsExactlyWhatWasSigned(t *testing.T) {
	x, v := newExchange(t), &vaultd{}
	bot := http.Client{Transport: transport(t, v, x.URL)}
	for name, body := range map[string]io.Reader{
		"a body of known length":   strings.NewReader(`{"amount":"0.01"}`),
		"a body of unknown length": iotest.OneByteReader(strings.NewReader(` {"amount":"0.01" }`)),
		"an empty body":            http.NoBody,
		"no body":                  nil,
		"the largest body":         strings.NewReader("[" + strings.Repeat(" ", 64<<10-2) + "]"),
	} {
		t.Run(name, func(t *testing.T) {
			response, err := bot.Do(post(t, x.URL+"/v2/auth/r/orders/tBTCUSD:1/hist", body))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			asked := v.last.Load()
			if response.StatusCode != http.StatusOK || x.body != string(asked.GetBody()) || x.length != int64(len(x.body)) {
				t.Errorf("status %d, length %d, sent %.80q, signed %.80q", response.StatusCode, x.length, x.body, asked.GetBody())
			}
			if asked.GetLabel() != "main" || asked.GetBot() != "mm-1" || asked.GetPath() != "v2/auth/r/orders/tBTCUSD:1/hist" {
				t.Errorf("vaultd was asked %v", asked)
			}
		})
	}
}

// A25
func TestTransportReplacesHeadersOfTheCaller(t *testing.T) {
	x := newExchange(t)
	r := post(t, x.URL+"/v2/auth/r/wallets", strings.NewReader("{}"))
	r.Header = http.Header{
		"bfx-nonce": {"1"}, "Bfx-Nonce": {"2", "3"}, "BFX-SIGNATURE": {"f"}, "bfx-token": {"t"}, "X-Bfx-Apikey": {"k"},
		"X-Mine": {"stays"},
	}
	r.Trailer = http.Header{"Bfx-Signature": {"late"}}
	before := r.Header.Clone()
	response, err := transport(t, &vaultd{}, x.URL).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	want := map[string]string{"Bfx-Apikey": "the-api-key", "Bfx-Nonce": "1700000000000001", "X-Mine": "stays", "Content-Type": "application/json"}
	for name, value := range want {
		if got := x.header[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q once", name, got, value)
		}
	}
	if len(x.header["Bfx-Signature"]) != 1 || x.header["Bfx-Token"] != nil || x.header["X-Bfx-Apikey"] != nil || x.header["Trailer"] != nil {
		t.Errorf("sent %q", x.header)
	}
	if fmt.Sprint(r.Header) != fmt.Sprint(before) || r.Host != r.URL.Host {
		t.Error("the caller's own request was changed") // http.RoundTripper forbids it
	}
}

// What goes to Options.Base could be sent over HTTP/2 as well: trailers are part
// of the request there, and a body may have to be sent anew.
func TestTransportHandsOnAWholeRequest(t *testing.T) {
	var got *http.Request
	tr, err := client.NewTransport(client.Options{
		Client: dial(t, &vaultd{}), Label: "main", BaseURL: "https://api.bitfinex.com",
		Base: roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r
			return nil, io.EOF
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := post(t, "https://api.bitfinex.com/v2/auth/r/wallets#fragment", iotest.OneByteReader(strings.NewReader("{}")))
	r.Header, r.Trailer, r.TransferEncoding = nil, http.Header{"Bfx-Signature": {"late"}}, []string{"chunked"}
	if _, err := tr.RoundTrip(r); err != io.EOF {
		t.Fatal(err)
	}
	if got.URL.String() != "https://api.bitfinex.com/v2/auth/r/wallets" || got.Trailer != nil || got.TransferEncoding != nil || got.ContentLength != 2 {
		t.Errorf("handed on %+v", got)
	}
	for range 2 {
		again, err := got.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(again); string(text) != "{}" {
			t.Errorf("the body is %q", text)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// P3, A23, A26
func TestTransportRefusesWhatWouldNotBeSentAsSigned(t *testing.T) {
	x, v := newExchange(t), &vaultd{}
	tr := transport(t, v, x.URL)
	good := x.URL + "/v2/auth/r/wallets"
	for name, spoil := range map[string]func(*http.Request){
		"no URL":                    func(r *http.Request) { r.URL = nil },
		"GET":                       func(r *http.Request) { r.Method = http.MethodGet },
		"no method, which is GET":   func(r *http.Request) { r.Method = "" },
		"a query":                   func(r *http.Request) { r.URL.RawQuery = "limit=1" },
		"an empty query":            func(r *http.Request) { r.URL.ForceQuery = true },
		"another host":              func(r *http.Request) { r.URL.Host = "api.bitfinex.com.example" },
		"another port":              func(r *http.Request) { r.URL.Host = "127.0.0.1:1" },
		"another scheme":            func(r *http.Request) { r.URL.Scheme = "https" },
		"another Host header":       func(r *http.Request) { r.Host = "example.org" },
		"a user":                    func(r *http.Request) { r.URL.User = url.User("me") },
		"an opaque URL":             func(r *http.Request) { r.URL.Opaque = "//example.org/v2/auth/r/wallets" },
		"a public path":             func(r *http.Request) { r.URL.Path = "/v2/ticker/tBTCUSD" },
		"a path of the old API":     func(r *http.Request) { r.URL.Path = "/v1/balances" },
		"a path without a slash":    func(r *http.Request) { r.URL.Path = "v2/auth/r/wallets" },
		"an escaped path":           func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/v2/auth/r/wallets", "/v2/auth/r/w%61llets" },
		"a path that needs escapes": func(r *http.Request) { r.URL.Path = "/v2/auth/r/a b" },
		"a path escaped by nobody":  func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/v2/auth/r/a!", "/v2/auth/r/a!" },
		"a query in the path":       func(r *http.Request) { r.URL.Path = "/v2/auth/r/wallets?limit=1" },
		"a body above 64 KiB":       func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(make([]byte, 64<<10+1))) },
	} {
		t.Run(name, func(t *testing.T) {
			body := &closable{Reader: strings.NewReader("{}")}
			r := post(t, good, body)
			spoil(r)
			if response, err := tr.RoundTrip(r); !errors.Is(err, client.ErrRefused) {
				t.Errorf("response %v, error %v", response, err)
			}
			if r.Body == io.ReadCloser(body) && !body.closed {
				t.Error("the body was left open") // http.RoundTripper asks for it
			}
		})
	}
	if v.asked.Load() != 0 || x.requests.Load() != 0 {
		t.Errorf("vaultd was asked %d times, the exchange %d times", v.asked.Load(), x.requests.Load())
	}
}

type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

func TestABodyThatCannotBeReadIsNotSigned(t *testing.T) {
	x, v := newExchange(t), &vaultd{}
	broken := errors.New("the disk is gone")
	body := &closable{Reader: io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken))}
	_, err := transport(t, v, x.URL).RoundTrip(post(t, x.URL+"/v2/auth/r/wallets", body))
	if !errors.Is(err, broken) || !body.closed || v.asked.Load() != 0 || x.requests.Load() != 0 {
		t.Errorf("error %v, closed %v, asked %d, sent %d", err, body.closed, v.asked.Load(), x.requests.Load())
	}
}

func TestWhatVaultdRefusesIsNotSent(t *testing.T) {
	x := newExchange(t)
	v := &vaultd{answer: func(context.Context, *pb.SignRestRequest) (*pb.SignRestResponse, error) {
		return nil, refusal(codes.FailedPrecondition, "LOCKED")
	}}
	bot := http.Client{Transport: transport(t, v, x.URL)}
	_, err := bot.Do(post(t, x.URL+"/v2/auth/w/order/submit", strings.NewReader("{}")))
	if status.Code(err) != codes.FailedPrecondition || client.Reason(err) != "LOCKED" || x.requests.Load() != 0 {
		t.Errorf("code %v, reason %q, sent %d: %v", status.Code(err), client.Reason(err), x.requests.Load(), err)
	}
}

// A23: a redirect comes back as a request of its own, and is judged as one.
func TestARedirectIsJudgedLikeAnyRequest(t *testing.T) {
	elsewhere := newExchange(t)
	for name, code := range map[string]int{"that keeps the method": http.StatusTemporaryRedirect, "that makes it a GET": http.StatusFound} {
		t.Run(name, func(t *testing.T) {
			x := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v2/auth/r/wallets", code))
			defer x.Close()
			bot := http.Client{Transport: transport(t, &vaultd{}, x.URL)}
			_, err := bot.Do(post(t, x.URL+"/v2/auth/r/wallets", strings.NewReader("{}")))
			if !errors.Is(err, client.ErrRefused) || elsewhere.requests.Load() != 0 {
				t.Errorf("error %v, %d requests went elsewhere", err, elsewhere.requests.Load())
			}
		})
	}
}

func TestTransportNeedsItsOptions(t *testing.T) {
	c := dial(t, &vaultd{})
	for name, o := range map[string]client.Options{
		"none":                       {},
		"no client":                  {Label: "main", BaseURL: "https://api.bitfinex.com"},
		"no label":                   {Client: c, BaseURL: "https://api.bitfinex.com"},
		"no base URL":                {Client: c, Label: "main"},
		"a base URL with a path":     {Client: c, Label: "main", BaseURL: "https://api.bitfinex.com/v2"},
		"a base URL with a query":    {Client: c, Label: "main", BaseURL: "https://api.bitfinex.com?x"},
		"a base URL with a user":     {Client: c, Label: "main", BaseURL: "https://me@api.bitfinex.com"},
		"a base URL without scheme":  {Client: c, Label: "main", BaseURL: "api.bitfinex.com"},
		"a base URL in the clear":    {Client: c, Label: "main", BaseURL: "http://api.bitfinex.com"},
		"a base URL that is no URL":  {Client: c, Label: "main", BaseURL: "https://[::1"},
		"a base URL of another kind": {Client: c, Label: "main", BaseURL: "ftp://127.0.0.1"},
	} {
		if _, err := client.NewTransport(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, base := range []string{"https://api.bitfinex.com", "https://api.bitfinex.com/", "http://127.0.0.1:8431", "http://[::1]:1", "http://localhost"} {
		if _, err := client.NewTransport(client.Options{Client: c, Label: "main", BaseURL: base}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
