package campaign_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bfxvault/cmd/internal/memscan"
	"bfxvault/cmd/internal/sim"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// proxied is a vaultproxy before a vaultd, and the exchange behind it.
type proxied struct {
	*process
	t        testing.TB
	exchange string // its URL
	listen   string // where vaultproxy serves: a unix socket
	dir      string // of the vault
}

// newProxied starts vaultproxy over the vaultd of a rig.
func newProxied(r *rig, exchange string) *proxied {
	r.t.Helper()
	p := &proxied{t: r.t, exchange: exchange, listen: filepath.Join(filepath.Dir(r.dir), "p.sock"), dir: r.dir}
	p.start()
	return p
}

func (p *proxied) start() {
	p.t.Helper()
	cmd := exec.Command(program(p.t, "vaultproxy"), "--dir", p.dir, "--listen", "unix:"+p.listen, "--upstream", p.exchange)
	p.process = launchAs(p.t, cmd, "msg=serving", nil, conditions{}).serving(p.t)
}

// client speaks to vaultproxy, over connections of its own.
func (p *proxied) client() *http.Client {
	t := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.listen)
	}}
	p.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: time.Minute}
}

// standIn is the stand-in credential of a stock client.
type standIn struct{ ID, Secret string }

// issue gives the bot of a rig a stand-in credential for an API key, good for any user.
func (a *admin) issue(label string) (standIn, error) {
	s := standIn{ID: vault.StandInPrefix + strings.ToLower(rand.Text() + rand.Text())[:32], Secret: (rand.Text() + rand.Text())[:43]}
	r := vault.IssueStandIn{Bot: botName, Label: label, ID: s.ID}
	box, err := a.seal(r.Purpose(), []byte(s.Secret))
	if err != nil {
		return s, err
	}
	r.Secret = box
	proof, err := a.prove(r.Operation())
	if err != nil {
		return s, err
	}
	_, err = a.IssueStandIn(a.ctx, &pb.IssueStandInRequest{Bot: r.Bot, Label: r.Label, Id: r.ID, Secret: wire(box), Proof: proof})
	return s, err
}

// lastNonce keeps the nonces of all clients apart.
var lastNonce atomic.Int64

// request is what a stock client makes.
func (s standIn) request(path, body string) *http.Request {
	var nonce string
	for {
		before, now := lastNonce.Load(), time.Now().UnixMicro()
		if now > before && lastNonce.CompareAndSwap(before, now) {
			nonce = strconv.FormatInt(now, 10)
			break
		}
	}
	q, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/"+path, strings.NewReader(body))
	if err != nil {
		panic(err) // unreachable: of paths of ours
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("bfx-apikey", s.ID)
	q.Header.Set("bfx-nonce", nonce)
	q.Header.Set("bfx-signature", hmacBy(s.Secret, "/api/"+path+nonce+body))
	return q
}

// ask sends a request and returns the answer, whole.
func ask(c *http.Client, q *http.Request) (status int, body string, err error) {
	answer, err := c.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// P1: vaultproxy never has an API secret, nor the secret of a stand-in credential or a key
// of the vault: not after orders, reads and refusals, nor of a client that asks without any.
func TestVaultproxyNeverHasASecret(t *testing.T) {
	t.Parallel()
	s := newScan(t, conditions{})
	exchange := sim.New(sim.Key{ID: idOf("main"), Secret: secretOf("main"), Read: sim.All, Write: sim.All})
	server := httptest.NewServer(exchange)
	t.Cleanup(server.Close)
	with, err := s.admin().issue("main")
	must(t, err)
	p := newProxied(s.rig, server.URL)
	c := p.client()
	for range size(200, 20_000) {
		if status, body, err := ask(c, with.request(orderPath, orderBody)); err != nil || status != 200 {
			t.Fatalf("%d %s: %v", status, body, err)
		}
	}
	for _, q := range []*http.Request{
		with.request("v2/auth/r/wallets", "{}"),
		with.request("v2/auth/w/withdraw", "{}"),
		standIn{ID: with.ID, Secret: "not it"}.request(orderPath, orderBody),
	} {
		_, _, err := ask(c, q)
		must(t, err)
	}
	// What did pass through is found, so that the look is one.
	known := memscan.Forms("id of the stand-in", []byte(with.ID))
	needles := append(append(s.needles, memscan.Forms("secret of the stand-in", []byte(with.Secret))...), known...)
	scanner, err := memscan.New(needles)
	must(t, err)
	report, err := scanner.Target(p.memory)
	must(t, err)
	found := false
	for _, h := range report.Hits {
		if found = found || h.Name == known[0].Name; h.Name != known[0].Name {
			t.Errorf("vaultproxy has %v", h)
		}
	}
	if !found || len(report.Unreadable) != 0 {
		t.Errorf("it was not looked at: unreadable %q", report.Unreadable)
	}
	t.Logf("%d bytes in %d mappings", report.Bytes, report.Regions)
	p.stop(t)
	if hits := scanner.Bytes([]byte(p.log.String())); len(hits) != 0 || !bytes.Contains([]byte(p.log.String()), []byte("msg=serving")) {
		t.Errorf("its log has %v", hits)
	}
}
