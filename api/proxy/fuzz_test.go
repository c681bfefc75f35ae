package proxy

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRead reads requests of any shape: what is then signed has one meaning, and what is
// passed on without a signature is not asked of where signatures count (A23, A25, A26).
func FuzzRead(f *testing.F) {
	const headers = " HTTP/1.1\r\nHost: 127.0.0.1:8431\r\nbfx-apikey: bfxv_a\r\nbfx-nonce: 1\r\nbfx-signature: b\r\nContent-Length: 2\r\n\r\n{}"
	seeds := []string{
		"POST /v2/auth/r/wallets" + headers, "POST /mm-1/v2/auth/w/order/submit" + headers, "POST /v2/auth/r/wallets?a=1" + headers,
		"POST /v2/auth/w/order/../withdraw" + headers, "POST /v2/%61uth/r/wallets" + headers, "POST /v2/auth%2fr/wallets" + headers, "POST //v2/auth/r/wallets" + headers,
		"POST /v2/auth/r/wallets/" + headers, "POST http://evil.example/v2/auth/r/wallets" + headers, "CONNECT evil.example:443" + headers, "POST *" + headers,
		"GET /v2/tickers?symbols=ALL HTTP/1.1\r\nHost: localhost:8431\r\n\r\n", "GET /v2/candles/trade%3A1m%3AtBTCUSD/hist HTTP/1.0\r\nHost: 127.0.0.1:8431\r\n\r\n",
		"POST /v1/balances HTTP/1.1\r\nHost: 127.0.0.1:8431\r\nX-BFX-APIKEY: a\r\nX-BFX-PAYLOAD: e30=\r\nX-BFX-SIGNATURE: b\r\n\r\n",
		"POST /v2/auth/r/wallets HTTP/1.1\r\nHost: 127.0.0.1:8431\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
	}
	for _, s := range seeds {
		f.Add(s)
	}
	p := New(Options{Hosts: []string{"127.0.0.1:8431", "localhost:8431"}})
	uid := uint32(1)
	known := context.WithValue(f.Context(), peerKey{}, func() *uint32 { return &uid })
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil || p.guard(r) != nil {
			return
		}
		a, refused := read(httptest.NewRecorder(), r.WithContext(known))
		if refused != nil {
			return
		}
		if r.URL.Host != "" || len(r.Header.Values("Origin")) > 0 || len(r.TransferEncoding) > 0 {
			t.Fatalf("it was taken: %q", text)
		}
		if !strings.HasSuffix(r.URL.EscapedPath(), "/"+a.path) || !strings.HasPrefix(a.path, "v1/") && !strings.HasPrefix(a.path, "v2/") {
			t.Fatalf("%q became %q", r.URL.EscapedPath(), a.path)
		}
		if a.signed {
			header := "Bfx-Signature"
			if a.v1 {
				header = "X-Bfx-Signature"
			}
			if r.Method != http.MethodPost || r.URL.RawQuery != "" || strings.ContainsAny(a.path, "%?") || !a.v1 && !strings.HasPrefix(a.path, "v2/auth") ||
				len(r.Header[header]) != 1 || r.Header[header][0] != a.signature || a.uid != uid {
				t.Fatalf("it is signed: %q as %+v", text, a)
			}
			return
		}
		if strings.HasPrefix(a.path, "v2/auth") || r.Method != http.MethodGet && !strings.HasPrefix(a.path, "v2/calc/") {
			t.Fatalf("it is passed: %q as %+v", text, a)
		}
	})
}
