package proxyd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bfxvault/api/upstream"
)

// places tells where a proxy serves, and where its certificate is, by its log.
type places struct {
	slog.Handler
	at, certificate chan string
}

func (p places) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "at":
			p.at <- a.Value.String()
		case "certificate":
			p.certificate <- a.Value.String()
		}
		return true
	})
	return nil
}

// start runs a proxy in a folder, before an exchange that answers anything with [].
func start(t *testing.T, dir string, s settings) (p places, stop func()) {
	t.Helper()
	exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") }))
	t.Cleanup(exchange.Close)
	to, err := upstream.New(upstream.Options{URL: exchange.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.Close)
	p = places{slog.NewTextHandler(io.Discard, nil), make(chan string, 1), make(chan string, 1)}
	s.dir = dir
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, to, slog.New(p)) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	return p, stop
}

// trusting is a client that trusts one certificate and no other.
func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// With --tls clients need a file to trust, and find it again after a restart.
func TestACertificateIsMadeOnceAndTrusted(t *testing.T) {
	dir := t.TempDir()
	var first string
	for range 2 {
		p, stop := start(t, dir, settings{listen: "127.0.0.1:0", tls: true})
		file, at := <-p.certificate, <-p.at
		client := trusting(t, file)
		for _, host := range []string{at, strings.Replace(at, "127.0.0.1", "localhost", 1)} {
			response, err := client.Get("https://" + host + "/v2/tickers?symbols=ALL")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || string(body) != "[]" || response.ProtoMajor != 2 {
				t.Errorf("%s: %s %s %v", host, response.Proto, body, err)
			}
		}
		stop()
		text, err := os.ReadFile(file)
		if err != nil || first != "" && string(text) != first {
			t.Errorf("another certificate after a restart: %v", err)
		}
		first = string(text)
	}
	for name, mode := range map[string]os.FileMode{certificateFile: 0o644, keyFile: 0o600} {
		if st, err := os.Stat(filepath.Join(dir, "proxy", name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
}

// A certificate without its key, or the other way round, is told and not replaced: clients
// trust what is there.
func TestABrokenCertificateIsTold(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "proxy")
	if _, err := certificate(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, keyFile), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := certificate(folder); err == nil || strings.Contains(fmt.Sprint(err), "no key") {
		t.Error(err)
	}
}

func TestOnlyThisMachineIsServed(t *testing.T) {
	for _, at := range []string{"", ":8431", "0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.com:1", "127.0.0.1", "unix:"} {
		if l, err := listen(at); err == nil {
			l.Close()
			t.Errorf("%q is served", at)
		}
	}
	for _, at := range []string{"127.0.0.1:0", "127.9.9.9:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		l, err := listen(at)
		if err != nil {
			t.Errorf("%q: %v", at, err)
			continue
		}
		l.Close()
	}
}
