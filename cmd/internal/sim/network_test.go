package sim_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/cmd/internal/sim"
)

func TestWhoSendsTooMuchIsHeldBackForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := sim.Options{Limit: 2}.New(bot(), sim.Key{ID: "other", Secret: "s", Read: sim.All})
		c := &client{t: t, x: x, key: bot()}
		c.list(path, "{}")
		time.Sleep(30 * time.Second)
		c.list(path, "{}")
		if code, got := c.do(path, "{}"); code != 429 || got != `["error",11010,"ratelimit: error"]` {
			t.Errorf("the third: %d %s", code, got)
		}
		code, got := post(t, x, "v1/balances", "", signV1(bot(), `{"request":"/v1/balances","nonce":"9"}`))
		if code != 429 || got != `{"error":"ERR_RATE_LIMIT"}` {
			t.Errorf("the third, by v1: %d %s", code, got)
		}
		(&client{t: t, x: x, key: sim.Key{ID: "other", Secret: "s"}}).list(path, "{}")
		post(t, x, path, "{}", sign(sim.Key{ID: "bot", Secret: "guess"}, path, 5, "{}")) // a stranger's do not count
		time.Sleep(30 * time.Second)
		c.list(path, "{}")
		if n := len(x.Accepted()); n != 4 {
			t.Errorf("%d were carried out", n)
		}
	})
}

// arrivals sends ten requests at once and returns their bodies in the order in which the
// exchange got them.
func arrivals(t *testing.T, seed uint64) []string {
	x := sim.Options{Delay: 30 * time.Millisecond, Seed: seed}.New()
	for _, name := range strings.Split("abcdefghij", "") {
		x.Put(sim.Key{ID: name, Secret: "s", Read: sim.All})
	}
	began := time.Now()
	var wg sync.WaitGroup
	for _, name := range strings.Split("abcdefghij", "") {
		wg.Go(func() { post(t, x, path, name, sign(sim.Key{ID: name, Secret: "s"}, path, 1, name)) })
		synctest.Wait()
	}
	wg.Wait()
	if took := time.Since(began); took == 0 || took > 30*time.Millisecond {
		t.Errorf("the last came after %v", took)
	}
	var order []string
	for _, r := range x.Accepted() {
		order = append(order, r.Body)
	}
	return order
}

func TestANetworkThatDelaysChangesTheOrderAndASeedSaysHow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := arrivals(t, 7)
		if slices.IsSorted(first) || len(first) != 10 {
			t.Errorf("they came as they were sent: %v", first)
		}
		if again := arrivals(t, 7); !slices.Equal(first, again) {
			t.Errorf("%v, and with the same seed %v", first, again)
		}
		if other := arrivals(t, 8); slices.Equal(first, other) {
			t.Errorf("two seeds: %v", other)
		}
	})
}

// What stock clients load before their first order.
func TestPublicEndpointsAnswerAnyone(t *testing.T) {
	x := sim.New()
	for path, want := range map[string]string{
		"/v2/platform/status":                                   `[1]`,
		"/v2/ticker/tETHUSD":                                    `[2999,1000,3001,1000,0,0,3000,1000,3001,2999]`,
		"/v2/tickers?symbols=tBTCUSD,tNOTHING":                  `[["tBTCUSD",89990,1000,90010,1000,0,0,90000,1000,90010,89990]]`,
		"/v2/book/tBTCUSD/P0":                                   `[[89990,1,1000],[90010,1,-1000]]`,
		"/v2/conf/pub:list:pair:exchange,pub:list:pair:futures": `[["BTCUSD","ETHUSD"],[]]`,
		"/v2/conf/pub%3Alist%3Acurrency":                        `[["BTC","ETH","USD"]]`,
	} {
		w := httptest.NewRecorder()
		x.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	x.ServeHTTP(w, httptest.NewRequest("GET", "/v2/tickers?symbols=ALL", nil))
	var rows [][]any
	if err := json.Unmarshal(w.Body.Bytes(), &rows); err != nil || len(rows) != 3 || len(rows[2]) != 17 {
		t.Errorf("all tickers: %s", w.Body)
	}
}
