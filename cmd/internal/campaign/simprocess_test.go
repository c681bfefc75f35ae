package campaign_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bfxvault/cmd/internal/sim"
)

// exchangeEnv has this program be an exchange: "ADDRESS JOURNAL".
const exchangeEnv = "CAMPAIGN_EXCHANGE"

// serveExchange is a simulated Bitfinex that may be killed. In its journal stands what it
// has done by then: a line "arrived BODY" for each order before it is looked at, and "done
// BODY" or "small BODY" before it is answered. What it has not written down has not
// happened: its memory goes with it.
func serveExchange() error {
	address, path, _ := strings.Cut(os.Getenv(exchangeEnv), " ")
	journal, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	x := sim.New()
	for _, label := range laneLabels() {
		x.Put(sim.Key{ID: idOf(label), Secret: secretOf(label), Read: sim.All, Write: sim.All})
	}
	fmt.Println("msg=serving", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		note := func(what string) { fmt.Fprintf(journal, "%s %s\n", what, body) }
		network := func() { time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) } // each way
		network()
		note("arrived")
		answer := httptest.NewRecorder()
		x.ServeHTTP(answer, r)
		switch {
		case answer.Code == http.StatusOK:
			note("done")
		case strings.Contains(answer.Body.String(), "10114"):
			note("small")
		}
		network()
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
	}))
}

// simProcess is one that runs as a process of its own.
type simProcess struct {
	*process
	t       testing.TB
	address string
	journal string
}

func newSimProcess(t testing.TB, journal string) *simProcess {
	t.Helper()
	x := &simProcess{t: t, address: "127.0.0.1:0", journal: journal}
	x.start()
	_, said, _ := strings.Cut(x.log.String(), "msg=serving ")
	x.address = strings.TrimSpace(said)
	return x
}

// start starts it, under the address that it had before.
func (x *simProcess) start() {
	x.t.Helper()
	self, err := os.Executable()
	must(x.t, err)
	x.process = launchAs(x.t, exec.Command(self), "msg=serving", []string{exchangeEnv + "=" + x.address + " " + x.journal}, conditions{}).serving(x.t)
}

// deeds counts the lines of the journal, by body and word.
func (x *simProcess) deeds() map[string]map[string]int {
	x.t.Helper()
	f, err := os.Open(x.journal)
	must(x.t, err)
	defer f.Close()
	all := map[string]map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		what, body, _ := strings.Cut(lines.Text(), " ")
		if all[body] == nil {
			all[body] = map[string]int{}
		}
		all[body][what]++
	}
	must(x.t, lines.Err())
	return all
}
