package cmd_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"bfxvault/api/client"
)

// connections is how many bots sign at once under "load".
const connections = 16

// load is what signs in the background of a script.
type load struct {
	stop    context.CancelFunc
	done    sync.WaitGroup
	secrets map[string]string // by API key id
	socket  string
	label   string

	mu     sync.Mutex
	signed map[string]int    // by API key id
	last   map[string]uint64 // the highest request nonce, by API key id and connection
	failed []string
}

// loadKey is what the load of a script is kept under.
type loadKey struct{}

// cmdLoad is "load start LABEL", which has 16 connections sign all the time; and "load
// stop ID…", which ends them: none of their signatures may have failed, each must be the
// HMAC-SHA-384 under the secret that the file secrets has for its API key, request nonces
// must rise on each connection, and each of the API keys named must have signed.
func cmdLoad(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: load start LABEL | stop ID...")
	}
	switch args[0] {
	case "start":
		ts.Check(startLoad(ts, args[1]))
	case "stop":
		l, _ := ts.Value(loadKey{}).(*load)
		if l.stop == nil {
			ts.Fatalf("there is no load")
		}
		l.end()
		for _, text := range l.failed {
			ts.Logf("%s", text)
		}
		ts.Logf("%d connections signed %v, %d failed", connections, l.signed, len(l.failed))
		if len(l.failed) > 0 {
			ts.Fatalf("%d signatures failed", len(l.failed))
		}
		for _, id := range args[1:] {
			if l.signed[id] == 0 {
				ts.Fatalf("nothing was signed with %s", id)
			}
		}
	default:
		ts.Fatalf("unknown: load %s", args[0])
	}
}

func startLoad(ts *testscript.TestScript, label string) error {
	l := ts.Value(loadKey{}).(*load)
	*l = load{
		secrets: map[string]string{}, signed: map[string]int{}, last: map[string]uint64{},
		socket: filepath.Join(ts.Getenv("BFXVAULT_DIR"), "run", "sign.sock"), label: label,
	}
	for line := range strings.Lines(ts.ReadFile("secrets")) {
		id, secret, _ := strings.Cut(strings.TrimSpace(line), " ")
		l.secrets[id] = secret
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	ready := make(chan error, connections)
	for i := range connections {
		l.done.Go(func() { l.sign(ctx, i, ready) })
	}
	for range connections {
		if err := <-ready; err != nil {
			l.end()
			return err
		}
	}
	return nil
}

func (l *load) end() {
	if l.stop != nil {
		l.stop()
		l.done.Wait()
		l.stop = nil
	}
}

// sign signs one request after the other until the context ends. It is ready after its
// first.
func (l *load) sign(ctx context.Context, connection int, ready chan<- error) {
	c, err := client.Dial(l.socket)
	if err != nil {
		ready <- err
		return
	}
	defer c.Close()
	const path, body = "v2/auth/r/wallets", "{}"
	for first := true; ctx.Err() == nil; first = false {
		s, err := c.SignRest(ctx, client.Request{Label: l.label, Path: path, Body: []byte(body)})
		if ctx.Err() == nil || err == nil {
			l.judge(connection, path, body, s, err)
		}
		if first {
			ready <- err
		}
	}
}

func (l *load) judge(connection int, path, body string, s client.Signed, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err.Error())
		return
	}
	want := hmacBy(l.secrets[s.APIKey], fmt.Sprintf("/api/%s%d%s", path, s.RequestNonce, body))
	at := fmt.Sprintf("%s on %d", s.APIKey, connection)
	switch {
	case l.secrets[s.APIKey] == "" || s.Signature != want:
		l.failed = append(l.failed, "a signature that is not of "+s.APIKey)
	case s.RequestNonce <= l.last[at]:
		l.failed = append(l.failed, "a request nonce that does not rise")
	}
	l.last[at] = max(l.last[at], s.RequestNonce)
	l.signed[s.APIKey]++
}
