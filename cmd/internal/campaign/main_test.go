// Package campaign attacks the programs as they ship: it builds vaultd and
// vaultctl, starts them as processes of their own, drives them over their real
// sockets, kills them, takes memory and the clock from them, and reads their
// memory. It holds tests only.
//
// Each campaign is one file: nonce (P6), limit (A53), scan (P1, P5), lock (P5,
// A60), crash, killpoint and powercut (P2, P6, P7), diskfault (A48), denial (A47),
// canary (A49), proof (A64, A65), proxied (P1, vaultproxy), proxykill (P7, vaultproxy),
// growth (figures); trail holds an audit log against
// what clients know of it. The short forms run with `go test ./...`; the long ones,
// with the numbers that we promise, with `.ci/campaign`, which passes -long.
//
// Only the disks that fail need root, to be mounted. What root makes stricter (an
// ordinary user's limits, another user's process) is tried as another user where the
// tests run as root, and as oneself where they do not.
package campaign_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

var long = flag.Bool("long", false, "run the long forms")

// size is the number of tries in the short form, or in the long one.
func size(short, longer int) int {
	switch {
	case *long:
		return longer
	case underRace:
		return max(short/10, 1)
	}
	return short
}

func TestMain(m *testing.M) {
	switch { // this program as another process
	case os.Getenv(floodEnv) != "":
		exit(flood())
	case os.Getenv(exchangeEnv) != "":
		exit(serveExchange())
	case os.Getenv(memlockEnv) != "":
		exit(memlockForUser())
	}
	var err error
	if scratch, err = os.MkdirTemp("", "bv"); err != nil {
		exit(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// must ends a test where a step that only prepares it went wrong.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// each does f(0) to f(n-1) with a number of workers, each with an f of its own, and
// ends the test at the first error.
func each(t testing.TB, workers, n int, worker func() func(i int) error) {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, workers)
	for range workers {
		f := worker()
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := f(int(i)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	must(t, <-failed)
}

// tally counts, and says when so many more have been counted. One waits at a time.
type tally struct {
	mu      sync.Mutex
	n, goal int64
	reached chan struct{} // nil where nobody waits
}

func (c *tally) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.reached != nil && c.n >= c.goal {
		close(c.reached)
		c.reached = nil
	}
}

// more returns a channel that is closed once n more have been counted, n at least 1.
func (c *tally) more(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.goal, c.reached = c.n+int64(n), make(chan struct{})
	return c.reached
}

func (c *tally) load() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// await waits for what reached says, and ends the test at the first error instead.
func await(t testing.TB, reached <-chan struct{}, failed <-chan error) {
	t.Helper()
	select {
	case <-reached:
	case err := <-failed:
		t.Fatal(err)
	}
	select { // an error beside it counts, too
	case err := <-failed:
		must(t, err)
	default:
	}
}
