package cmd_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bfxvault/cmd/internal/sim"
)

// exchange is the simulated Bitfinex of a script; $UPSTREAM is its URL.
type exchange struct {
	sim    *sim.Exchange
	server *httptest.Server
	hangs  atomic.Bool
	delays atomic.Bool
	over   chan struct{}
}

// exchangeKey is what the exchange of a script is kept under.
type exchangeKey struct{}

func (x *exchange) end() {
	if x.server != nil {
		close(x.over)
		x.server.Close()
		x.server = nil
	}
}

// cmdExchange is "exchange start", or "exchange start market" for one that fills orders, and then
//
//	exchange key ID SECRETFILE READ WRITE   makes an API key known, with scopes such as account,orders
//	exchange delete ID                      deletes an API key
//	exchange delay                          answers after 0 to 30 ms, at random
//	exchange hang                           gives no answer any more
//	exchange stop                           is not there any more
//	exchange send FILE PATH                 sends what `vaultctl sign --json` printed into FILE, and prints the answer
func cmdExchange(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exchange start | key | delete | hang | stop | send")
	}
	x := ts.Value(exchangeKey{}).(*exchange)
	if running := x.server != nil; running == (args[0] == "start") {
		ts.Fatalf("is the exchange running? %v", running)
	}
	switch args[0] {
	case "start":
		x.start(sim.Options{Market: len(args) == 2})
		ts.Setenv("UPSTREAM", x.server.URL)
	case "key":
		x.sim.Put(sim.Key{
			ID: args[1], Secret: strings.TrimSpace(ts.ReadFile(args[2])), Read: scopes(ts, args[3]), Write: scopes(ts, args[4]),
		})
	case "delete":
		x.sim.Delete(args[1])
	case "delay":
		x.delays.Store(true)
	case "hang":
		x.hangs.Store(true)
	case "stop":
		x.end()
	case "send":
		x.send(ts, ts.ReadFile(args[1]), args[2])
	default:
		ts.Fatalf("unknown: exchange %s", args[0])
	}
}

func (x *exchange) start(o sim.Options) {
	x.sim, x.over = o.New(), make(chan struct{})
	x.hangs.Store(false)
	x.delays.Store(false)
	x.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x.hangs.Load() {
			<-x.over
		}
		if x.delays.Load() { // the network's: requests overtake each other
			time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		}
		x.sim.ServeHTTP(w, r)
	}))
}

func scopes(ts *testscript.TestScript, list string) (all sim.Scopes) {
	bits := map[string]sim.Scopes{
		"none": 0, "all": sim.All, "account": sim.Account, "history": sim.History, "orders": sim.Orders, "positions": sim.Positions,
		"funding": sim.Funding, "settings": sim.Settings, "wallets": sim.Wallets, "withdraw": sim.Withdraw,
	}
	for name := range strings.SplitSeq(list, ",") {
		bit, ok := bits[name]
		if !ok {
			ts.Fatalf("unknown scope %s", name)
		}
		all |= bit
	}
	return all
}

// send sends a request that a bot has held back.
func (x *exchange) send(ts *testscript.TestScript, text, path string) {
	var held struct {
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	ts.Check(json.Unmarshal([]byte(text), &held))
	request, err := http.NewRequest(http.MethodPost, x.server.URL+"/"+path, strings.NewReader(held.Body))
	ts.Check(err)
	for name, value := range held.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(append(answer, '\n'))
	ts.Check(err)
}
