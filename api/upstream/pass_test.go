package upstream_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"bfxvault/api/upstream"
)

func passing(path string) upstream.Passing {
	return upstream.Passing{Method: http.MethodPost, Path: path, Header: http.Header{"Bfx-Nonce": {"1"}}, Body: []byte("{}")}
}

// Whether a request may have been carried out is what decides if it can be sent again.
func TestWhatHasNotLeftIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody is there
	_, err = dial(t, "http://"+l.Addr().String()).Pass(t.Context(), passing("v2/auth/r/wallets"))
	if e := wantKind(t, err, upstream.Unreachable); !e.NothingLeft {
		t.Errorf("%v may have been carried out", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	_, err = dial(t, server.URL).Pass(t.Context(), passing("v2/auth/r/wallets"))
	if e := wantKind(t, err, upstream.Unreachable); e.NothingLeft {
		t.Errorf("%v was not carried out, it says", err)
	}
}

// An answer is passed on whole or not at all, and with what its body needs alone.
func TestAnAnswerIsPassedOnWhole(t *testing.T) {
	for what, c := range map[string]struct {
		answer string
		kind   upstream.Kind // 0 for an answer
	}{
		"with its length":      {"HTTP/1.1 500 x\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nLocation: /\r\nContent-Type: text/x\r\n\r\n[]", 0},
		"in chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", 0},
		"shorter than it says": {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]", upstream.Unreachable},
		"a chunk is missing":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n", upstream.Unreachable},
		"of no known length":   {"HTTP/1.1 200 OK\r\n\r\n[]", upstream.Unclear},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, c.answer)
		}))
		a, err := dial(t, server.URL).Pass(t.Context(), passing("v2/auth/r/wallets"))
		server.Close()
		if c.kind != 0 {
			wantKind(t, err, c.kind)
			continue
		}
		if err != nil || string(a.Body) != "[]" || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Location") != "" {
			t.Errorf("%s: %v, %v", what, a, err)
		}
	}
}

// A23, A26: a path is sent as it came, below the one host, or not at all.
func TestAPathIsPassedOnAsItCame(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.RequestURI
		io.WriteString(w, "[]")
	}))
	defer server.Close()
	c := dial(t, server.URL)
	for _, path := range []string{"v2/tickers", "v1/symbols", "v2/candles/trade:1m:tBTCUSD/hist", "v2/candles/trade%3A1m%3AtBTCUSD/hist"} {
		if _, err := c.Pass(t.Context(), passing(path)); err != nil || got != "/"+path {
			t.Errorf("%s became %s: %v", path, got, err)
		}
	}
	for _, path := range []string{"", "v3/x", "/v2/x", "v2", "x/v2/y", "v2%2fx", "v2/%zz", "v2/a b", "v2/a?b", "v2/a#b", "@evil.example/v2/x", "v2/\r\nx"} {
		_, err := c.Pass(t.Context(), passing(path))
		wantKind(t, err, upstream.Unsent)
	}
}

func TestARefusedNonceIsKnownInBothForms(t *testing.T) {
	for text, a := range map[string]upstream.Answer{
		"v2": {Status: 500, Body: []byte(`["error",10114,"nonce: small"]`)}, "v1": {Status: 400, Body: []byte(`{"message":"Nonce is too small."}`)},
	} {
		if !a.IsNonceRefusal() {
			t.Error(text)
		}
	}
	for text, a := range map[string]upstream.Answer{
		"another error": {Status: 500, Body: []byte(`["error",10100,"apikey: invalid"]`)}, "an answer": {Status: 200, Body: []byte(`{"message":"Nonce is too small."}`)},
		"nothing": {Status: 500}, "an order that says so": {Status: 200, Body: []byte(`[1,"on-req",null,null,[["error",10114,"nonce: small"]]]`)},
	} {
		if a.IsNonceRefusal() {
			t.Error(text)
		}
	}
}
