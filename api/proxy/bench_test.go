package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// BenchmarkCall measures what the proxy adds to a call: the same client asks the exchange
// straight and through the proxy, in turns, so that a machine that drifts drifts for both.
// vaultd's part is the way there and an HMAC.
func BenchmarkCall(b *testing.B) {
	answer := func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		io.WriteString(w, `[["exchange","USD",100000,0,100000,null,null]]`)
	}
	r := newRig(b, answer)
	there := httptest.NewServer(http.HandlerFunc(answer))
	defer there.Close()
	times := map[string][]time.Duration{}
	for b.Loop() {
		for name, base := range map[string]string{"direct": there.URL, "proxied": r.url} {
			q := r.request("v2/auth/r/wallets", "{}")
			u, err := q.URL.Parse(base + "/v2/auth/r/wallets")
			must(b, err)
			q.URL, q.Host = u, ""
			began := time.Now()
			if code, body := r.do(q); code != 200 {
				b.Fatal(code, body)
			}
			times[name] = append(times[name], time.Since(began))
		}
	}
	p50 := func(name string) float64 {
		slices.Sort(times[name])
		return float64(times[name][len(times[name])/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(p50("direct"), "direct-p50-µs")
	b.ReportMetric(p50("proxied"), "proxied-p50-µs")
	b.ReportMetric(p50("proxied")-p50("direct"), "added-p50-µs")
	b.ReportMetric(0, "ns/op")
}
