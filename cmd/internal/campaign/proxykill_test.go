package campaign_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a bot knows of an order that it has asked for.
const (
	success = "success" // it was told that the order stands
	refused = "refused" // it was told that nothing was sent
	unknown = "unknown" // it was told that nobody knows, or nothing at all
)

// outcome is what an answer of vaultproxy says.
func outcome(cid string, status int, body string, err error) string {
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		return refused
	case err != nil:
		return unknown
	case status == http.StatusOK && strings.Contains(body, `"SUCCESS"`) && strings.Contains(body, ","+cid+","):
		return success
	case status == http.StatusOK:
		return "not an answer: " + body
	case strings.HasPrefix(body, `["error",10000,`):
		return unknown
	}
	return refused
}

// bots ask for orders until they are told to stop, and keep what they were told, by the
// body of the order.
type bots struct {
	mu    sync.Mutex
	told  map[string]string
	count map[string]int
	heard chan struct{} // one for each answer
	over  atomic.Bool
	all   sync.WaitGroup
}

// laneLabels are the API keys: as many requests are under way at a time.
func laneLabels() []string { return strings.Fields("a b c d e f g h") }

func (b *bots) start(p *proxied, with []standIn) {
	for i, with := range with {
		c := p.client()
		b.all.Go(func() {
			for k := 1; !b.over.Load(); k++ {
				cid := fmt.Sprint((i+1)*1_000_000 + k)
				body := fmt.Sprintf(`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":%s}`, cid)
				status, answer, err := ask(c, with.request(orderPath, body))
				b.hear(body, outcome(cid, status, answer, err))
			}
		})
	}
}

func (b *bots) hear(body, what string) {
	b.mu.Lock()
	b.told[body] = what
	b.count[what]++
	b.mu.Unlock()
	select {
	case b.heard <- struct{}{}:
	default: // nobody counts
	}
}

// wait lets the bots hear n answers, or three seconds pass in which all may hang.
func (b *bots) wait(n int) {
	late := time.After(3 * time.Second)
	for range n {
		select {
		case <-b.heard:
		case <-late:
			return
		}
	}
}

// recover waits until an order stands again, or fails after half a minute.
func (b *bots) recover(t testing.TB, after string) {
	t.Helper()
	count := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.count[success]
	}
	before, late := count(), time.After(30*time.Second)
	for count() == before {
		select {
		case <-b.heard:
		case <-late:
			t.Fatalf("nothing is signed and sent again after %s", after)
		}
	}
}

// Issue 7, P7: vaultd, vaultproxy and the exchange are killed at random, under load: no bot
// is told of a success that was none, nothing is sent twice but what was refused for its
// nonce, and what was started again serves without anything else being touched.
func TestKillsOfVaultdVaultproxyAndTheExchange(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	r := ready(t, conditions{}, laneLabels()...)
	x := newSimProcess(t, filepath.Join(filepath.Dir(r.dir), "journal"))
	var with []standIn
	for _, label := range slices.Concat(laneLabels(), laneLabels()) { // two bots on each
		s, err := r.admin().issue(label)
		must(t, err)
		with = append(with, s)
	}
	p := newProxied(r, "http://"+x.address)
	b := &bots{told: map[string]string{}, count: map[string]int{}, heard: make(chan struct{}, 64)}
	b.start(p, with)
	deeds := map[string]func(){
		"vaultd killed":             func() { r.kill(); b.wait(random.IntN(20)); r.restart() },
		"vaultproxy killed":         func() { p.kill(); b.wait(random.IntN(20)); p.start() },
		"the exchange killed":       func() { x.kill(); b.wait(random.IntN(20)); x.start() },
		"the exchange started anew": func() { x.kill(); x.start() },
		"the exchange suspended": func() {
			must(t, x.cmd.Process.Signal(unix.SIGSTOP))
			b.wait(random.IntN(20))
			must(t, x.cmd.Process.Signal(unix.SIGCONT))
		},
		"vaultd and vaultproxy": func() { r.kill(); p.kill(); p.start(); r.restart() },
	}
	names := slices.Sorted(maps.Keys(deeds))
	done := map[string]int{}
	deadline := time.Now().Add(time.Duration(size(10, 300)) * time.Second)
	for time.Now().Before(deadline) || len(done) < len(names) {
		what := names[random.IntN(len(names))]
		b.wait(random.IntN(60))
		deeds[what]()
		done[what]++
		b.recover(t, what)
	}
	b.over.Store(true)
	b.all.Wait()
	t.Logf("seed %d: %v; the bots were told: %v", seed, done, b.count)
	x.kill()
	b.judge(t, x.deeds(), seed)
}

// judge compares what bots were told with what the exchange did.
func (b *bots) judge(t testing.TB, deeds map[string]map[string]int, seed uint64) {
	t.Helper()
	for body, what := range b.told {
		did := deeds[body]
		switch {
		case did["done"] > 1 || did["arrived"] > 1+did["small"] || did["small"] > 2:
			t.Errorf("seed %d: sent too often: %v, %s", seed, did, body)
		case what == success && did["done"] != 1:
			t.Errorf("seed %d: told of a success that was none: %v, %s", seed, did, body)
		case what == refused && did["done"] != 0:
			t.Errorf("seed %d: told that nothing was sent: %v, %s", seed, did, body)
		case what != success && what != refused && what != unknown:
			t.Errorf("seed %d: %s: %s", seed, what, body)
		}
	}
	if b.count[success] == 0 || b.count[refused] == 0 || b.count[unknown] == 0 {
		t.Errorf("seed %d: it was no campaign: %v", seed, b.count)
	}
}
