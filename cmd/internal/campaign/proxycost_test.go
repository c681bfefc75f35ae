package campaign_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"bfxvault/cmd/internal/sim"
)

// BenchmarkProxy measures what vaultproxy and vaultd, as processes, add to the calls of a
// stock client: the same client asks the simulated exchange straight, signing with the API
// secret, and through vaultproxy with a stand-in credential, in turns.
func BenchmarkProxy(b *testing.B) {
	r := ready(b, conditions{}, "main")
	exchange := sim.New()
	for _, id := range []string{idOf("main"), "KEY-straight"} { // one each: both count request nonces
		exchange.Put(sim.Key{ID: id, Secret: secretOf("main"), Read: sim.All, Write: sim.All})
	}
	server := httptest.NewServer(exchange)
	b.Cleanup(server.Close)
	with, err := r.admin().issue("main")
	must(b, err)
	p := newProxied(r, server.URL)
	straight := standIn{ID: "KEY-straight", Secret: secretOf("main")}
	ways := []struct {
		name   string
		client *http.Client
		with   standIn
		host   string
	}{{"straight", server.Client(), straight, server.Listener.Addr().String()}, {"proxied", p.client(), with, "127.0.0.1"}}
	for _, c := range []struct{ name, path, body string }{
		{"read", "v2/auth/r/wallets", "{}"}, {"order", orderPath, orderBody},
	} {
		b.Run(c.name, func(b *testing.B) {
			times := map[string][]time.Duration{}
			for b.Loop() {
				for _, w := range ways {
					q := w.with.request(c.path, c.body)
					q.URL.Host, q.Host = w.host, ""
					began := time.Now()
					if status, answer, err := ask(w.client, q); err != nil || status != 200 {
						b.Fatalf("%s: %d %s: %v", w.name, status, answer, err)
					}
					times[w.name] = append(times[w.name], time.Since(began))
				}
			}
			p50 := func(name string) float64 {
				slices.Sort(times[name])
				return float64(times[name][len(times[name])/2].Nanoseconds()) / 1000
			}
			b.ReportMetric(p50("straight"), "straight-p50-µs")
			b.ReportMetric(p50("proxied"), "proxied-p50-µs")
			b.ReportMetric(p50("proxied")-p50("straight"), "added-p50-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}
