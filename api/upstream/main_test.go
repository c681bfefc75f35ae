package upstream_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/api/upstream"
)

// TestMain makes the certificate of httptest's servers one that this system trusts, so
// that TLS is verified here as it is anywhere, and has the environment name a proxy.
func TestMain(m *testing.M) {
	code, err := trusting(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func trusting(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "upstream")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	server.Close()
	file := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(file, root, 0o600); err != nil {
		return 0, err
	}
	if err := errors.Join(os.Setenv("SSL_CERT_FILE", file), os.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")); err != nil {
		return 0, err
	}
	return run(), nil
}

func dial(t *testing.T, url string) *upstream.Client {
	t.Helper()
	c, err := upstream.New(upstream.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answering is a server that answers everything so.
func answering(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // who asked may have left
	}))
	t.Cleanup(s.Close)
	return s
}

func probe() upstream.Request {
	return upstream.Request{Path: "v2/auth/r/permissions", Body: "{}", APIKey: "key", Nonce: 1_700_000_000_000_000, Signature: "abcdef"}
}
