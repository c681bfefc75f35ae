// Package examples_test runs the bots of README.md: against a real vault behind
// its real socket, and an exchange that checks their signatures by itself.
package examples_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bfxvault/api"
	"bfxvault/api/peer"
	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

const (
	apiKey    = "the-api-key"
	apiSecret = "the-secret-that-no-bot-sees"
	wallets   = `[["exchange","USD",100000]]`
)

func TestTheGoBotRuns(t *testing.T) {
	bot := filepath.Join(t.TempDir(), "bot")
	command(t, nil, "go", "build", "-ldflags=-s -w", "-o", bot, "./go")
	run(t, bot)
}

func TestThePythonBotRuns(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		absent(t, "python3")
	}
	bin := t.TempDir()
	command(t, nil, "go", "build", "-ldflags=-s -w", "-o", filepath.Join(bin, "vaultctl"), "../cmd/vaultctl")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	run(t, "python3", "python/bot.py")
}

func TestTheNodeBotRuns(t *testing.T) {
	if _, err := os.Stat("node/node_modules/@grpc/grpc-js"); err != nil {
		absent(t, "what npm ci makes of examples/node")
	}
	run(t, "node", "node/bot.js")
}

// absent skips a test for want of something, or fails it where the gate has installed that.
func absent(t *testing.T, what string) {
	t.Helper()
	const required = "BFXVAULT_REQUIRE_PARTS"
	if os.Getenv(required) == "1" {
		t.Fatalf("%s is not here, and %s says that it is", what, required)
	}
	t.Skipf("%s is not here", what)
}

// run runs a bot and looks for the wallets in what it prints, and for the secret
// anywhere.
func run(t *testing.T, name string, args ...string) {
	dir := serveVault(t)
	env := append(os.Environ(), "BFXVAULT_DIR="+dir, "BITFINEX="+serveExchange(t))
	out := command(t, env, name, args...)
	for _, part := range []string{"exchange", "USD", "100000"} {
		if !strings.Contains(out, part) {
			t.Errorf("no wallets in %q", out)
		}
	}
	if strings.Contains(out, apiSecret) {
		t.Error("the bot printed the secret")
	}
}

func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// serveExchange answers a request for wallets that is signed as
// docs.bitfinex.com/docs/rest-auth says.
func serveExchange(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := hmac.New(sha512.New384, []byte(apiSecret))
		io.WriteString(m, "/api"+r.URL.Path+r.Header.Get("bfx-nonce")+string(body))
		if r.URL.Path != "/v2/auth/r/wallets" || r.Header.Get("bfx-apikey") != apiKey || r.Header.Get("bfx-signature") != hex.EncodeToString(m.Sum(nil)) {
			http.Error(w, `["error",10100,"apikey: invalid"]`, http.StatusInternalServerError)
			return
		}
		io.WriteString(w, wallets)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// serveVault makes a vault whose API key "main" this user's programs may read
// with, and serves it as vaultd does. It returns the vault's folder.
func serveVault(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bot") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	log := slog.New(slog.DiscardHandler)
	v, err := vault.Open(vault.Options{Path: filepath.Join(dir, "vault.db"), Log: log, Checkable: api.Checkable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	fill(t, v)
	if err := peer.EnsureDir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := peer.Listen(peer.Options{Path: filepath.Join(dir, "run", "sign.sock"), GID: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := api.NewSigner(v, log)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return dir
}

// fill does what vaultctl init, key add, bot add and grant do.
func fill(t *testing.T, v *vault.Vault) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, by := context.Background(), vault.Operator{Conn: 1, Process: "test"}
	seal := func(purpose vault.Operation, secret []byte) vault.Sealed {
		id, public, err := v.BeginSealed(by)
		must(err)
		sealed, err := operator.Seal(id, public, purpose, secret)
		must(err)
		return sealed
	}
	made := vault.Init{Params: vault.MinArgon2(), Salt: operator.NewSalt()}
	kek, err := operator.DeriveKEK([]byte("a passphrase"), made.Params, made.Salt)
	must(err)
	prove := func(o vault.Operation) vault.Proof {
		id, challenge, err := v.BeginProof(by)
		must(err)
		proof, err := operator.Prove(kek, 1, id, challenge, o)
		must(err)
		return proof
	}
	made.KEK = seal(made.Purpose(), kek[:])
	_, err = v.Init(by, made)
	must(err)
	key := vault.AddKey{Label: "main", APIKey: apiKey, Permissions: policy.Read}
	key.Secret = seal(key.Purpose(), []byte(apiSecret))
	_, err = v.AddKey(ctx, by, key, prove(key.Operation()))
	must(err)
	uid := uint32(os.Geteuid())
	bot := vault.AddBot{Name: "bot", Match: []policy.Match{{UID: &uid}}}
	_, err = v.AddBot(ctx, by, bot, prove(bot.Operation()))
	must(err)
	grant := vault.SetGrant{Bot: "bot", Grant: policy.GrantSpec{Key: "main", Allow: []string{"read"}}}
	_, err = v.SetGrant(ctx, by, grant, prove(grant.Operation()))
	must(err)
}
