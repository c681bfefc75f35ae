package sim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bfxvault/cmd/internal/sim"
)

// trader is a client of an exchange with a market.
type trader struct {
	*client
	exchange *sim.Exchange
}

func newTrader(t *testing.T) trader {
	x := sim.Options{Market: true}.New(bot())
	return trader{&client{t: t, x: x, key: bot()}, x}
}

// submit places an order and returns its id.
func (c trader) submit(kind, symbol, amount, price string) string {
	c.t.Helper()
	n := c.list("v2/auth/w/order/submit", fmt.Sprintf(`{"type":%q,"symbol":%q,"amount":%q,"price":%q}`, kind, symbol, amount, price))
	return fmt.Sprintf("%.0f", n[4].([]any)[0].([]any)[0])
}

// wants asks for a list and compares places of its rows with what they should be.
func (c trader) wants(path, body string, places []int, want string) {
	c.t.Helper()
	got := [][]any{}
	for _, row := range c.list(path, body) {
		var cut []any
		for _, p := range places {
			cut = append(cut, row.([]any)[p])
		}
		got = append(got, cut)
	}
	b, _ := json.Marshal(got)
	if string(b) != want {
		c.t.Errorf("%s %s:\ngot  %s\nwant %s", path, body, b, want)
	}
}

func TestAnOrderThatTheMarketReachesFillsAndBalancesMove(t *testing.T) {
	c := newTrader(t)
	bought := c.submit("EXCHANGE LIMIT", "tBTCUSD", "0.5", "90010")
	c.wants("v2/auth/r/orders", "{}", []int{0}, `[]`)
	c.wants("v2/auth/r/orders/hist", "{}", []int{3, 6, 7, 13, 16, 17},
		`[["tBTCUSD",0,0.5,"EXECUTED @ 90010(0.5)",90010,90010]]`)
	c.wants("v2/auth/r/trades/tBTCUSD/hist", "{}", []int{1, 4, 5, 6, 8, 9, 10},
		`[["tBTCUSD",0.5,90010,"EXCHANGE LIMIT",-1,-0.001,"BTC"]]`)
	c.wants("v2/auth/r/order/tBTCUSD:"+bought+"/trades", "{}", []int{4}, `[[0.5]]`)
	c.wants("v2/auth/r/trades/tETHUSD/hist", "{}", []int{1}, `[]`)
	c.wants("v2/auth/r/ledgers/USD/hist", "{}", []int{1, 5, 6}, `[["USD",-45005,54995]]`)
	wallets := c.list("v2/auth/r/wallets", "{}")[:2]
	if got := fmt.Sprint(wallets); got != "[[exchange USD 54995 0 54995 <nil> <nil>] [exchange BTC 2.999 0 2.999 <nil> <nil>]]" {
		t.Error(got)
	}
	c.submit("EXCHANGE MARKET", "tETHUSD", "-1", "0")
	c.wants("v2/auth/r/ledgers/USD/hist", `{"limit":1}`, []int{5, 6}, `[[-5.998,57988.002]]`)
}

func TestAnOrderRestsAndHoldsItsMoneyUntilTheMarketComes(t *testing.T) {
	c := newTrader(t)
	id := c.submit("EXCHANGE LIMIT", "tBTCUSD", "1", "80000")
	c.wants("v2/auth/r/orders/tBTCUSD", "{}", []int{6, 13}, `[[1,"ACTIVE"]]`)
	if w := c.list("v2/auth/r/wallets", "{}")[0].([]any); w[2] != 100000.0 || w[4] != 20000.0 {
		t.Errorf("the wallet is %v", w)
	}
	code, body := c.do("v2/auth/w/order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"1","price":"20001"}`)
	if want := `["error",10001,"Invalid order: not enough exchange balance for 1 BTCUSD at 20001"]`; code != 500 || body != want {
		t.Errorf("an order beyond the balance: %d %s", code, body)
	}
	n := c.list("v2/auth/w/order/update", `{"id":`+id+`,"price":"70000"}`)
	if n[1] != "ou-req" || n[7] != "Submitting update to exchange limit buy order for 1 BTC." || n[4].([]any)[16] != 70000.0 {
		t.Errorf("notification %v", n)
	}
	if err := c.exchange.Quote("tBTCUSD", "69980", "69990"); err != nil {
		t.Fatal(err)
	}
	c.wants("v2/auth/r/orders", "{}", []int{0}, `[]`)
	// It waited, so it pays a maker's fee and gets its own price.
	c.wants("v2/auth/r/trades/hist", "{}", []int{4, 5, 8, 9}, `[[1,70000,1,-0.001]]`)
	for _, q := range [][2]string{{"2", "1"}, {"0", "1"}, {"x", "1"}} {
		if c.exchange.Quote("tBTCUSD", q[0], q[1]) == nil {
			t.Errorf("a market of %s", q)
		}
	}
}

func TestAnUpdateThatIsRefusedLeavesTheOrderAsItWas(t *testing.T) {
	c := newTrader(t)
	id := c.submit("EXCHANGE LIMIT", "tBTCUSD", "1", "80000")
	for body, want := range map[string]string{
		`{"id":` + id + `,"amount":"2"}`:   "not enough exchange balance",
		`{"id":` + id + `,"delta":"5"}`:    "not enough exchange balance",
		`{"id":` + id + `,"price":"-1"}`:   "price: invalid",
		`{"id":` + id + `,"amount":"x"}`:   "amount: invalid",
		`{"id":` + id + `,"price":"1e99"}`: "price: invalid",
		`{"id":1,"amount":"2"}`:            "Order not found.",
		`{"amount":"2"}`:                   "id: invalid",
	} {
		if code, got := c.do("v2/auth/w/order/update", body); code != 500 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", body, code, got)
		}
	}
	c.wants("v2/auth/r/orders", `{"id":[`+id+`]}`, []int{6, 16}, `[[1,80000]]`)
	c.wants("v2/auth/r/orders", `{"id":[5]}`, []int{6, 16}, `[]`)
}

func TestOrdersThatMayNotRestOrMayNotTakeAreCancelled(t *testing.T) {
	c := newTrader(t)
	c.submit("EXCHANGE FOK", "tBTCUSD", "1", "80000")
	c.submit("EXCHANGE IOC", "tBTCUSD", "-1", "95000")
	c.list("v2/auth/w/order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"1","price":"95000","flags":4096}`)
	c.wants("v2/auth/r/orders", "{}", []int{0}, `[]`)
	c.wants("v2/auth/r/orders/hist", "{}", []int{8, 13},
		`[["EXCHANGE LIMIT","POSTONLY CANCELED"],["EXCHANGE IOC","CANCELED"],["EXCHANGE FOK","CANCELED"]]`)
	if code, got := c.do("v2/auth/w/order/submit", `{"type":"MARKET","symbol":"tDOGUSD","amount":"1"}`); code != 500 || got != `["error",10020,"symbol: invalid"]` {
		t.Errorf("a symbol without a market: %d %s", code, got)
	}
}

func TestOnMarginOrdersMakeAPosition(t *testing.T) {
	c := newTrader(t)
	at := []int{0, 2, 3, 6}
	c.submit("MARKET", "tBTCUSD", "0.2", "0")
	c.wants("v2/auth/r/positions", "{}", at, `[["tBTCUSD",0.2,90010,-4]]`)
	c.submit("LIMIT", "tBTCUSD", "0.2", "90010")
	c.submit("MARKET", "tBTCUSD", "-0.1", "0")
	c.wants("v2/auth/r/positions", "{}", at, `[["tBTCUSD",0.3,90010,-6]]`)
	c.submit("MARKET", "tBTCUSD", "-0.5", "0")
	c.wants("v2/auth/r/positions", "{}", at, `[["tBTCUSD",-0.2,89990,-4]]`)
	c.submit("MARKET", "tBTCUSD", "0.2", "0")
	c.wants("v2/auth/r/positions", "{}", at, `[]`)
	var why []string
	for _, row := range c.list("v2/auth/r/ledgers/hist", "{}") {
		if r := row.([]any); strings.HasPrefix(r[8].(string), "Settlement") {
			why = append(why, fmt.Sprint(r[5], " ", r[8]))
		}
	}
	if want := []string{"-4 Settlement @ 90010 on wallet margin", "-6 Settlement @ 89990 on wallet margin", "-2 Settlement @ 89990 on wallet margin"}; !slices.Equal(why, want) {
		t.Errorf("settled: %q", why)
	}
	if code, got := c.do("v2/auth/w/order/submit", `{"type":"MARKET","symbol":"tBTCUSD","amount":"10"}`); code != 500 || !strings.Contains(got, "not enough margin balance") {
		t.Errorf("a position beyond the margin: %d %s", code, got)
	}
}

func TestOneRequestDoesManyOperations(t *testing.T) {
	c := newTrader(t)
	id := c.submit("EXCHANGE LIMIT", "tBTCUSD", "0.1", "80000")
	n := c.list("v2/auth/w/order/multi", `{"ops":[["on",{"type":"EXCHANGE LIMIT","symbol":"tETHUSD","amount":"1","price":"2000"}],["ou",{"id":`+id+`,"amount":"0.2"}],["oc",{"id":7}],["oc_multi",{"id":[`+id+`]}]]}`)
	var said []string
	for _, op := range n[4].([]any) {
		said = append(said, fmt.Sprint(op.([]any)[1], " ", op.([]any)[6]))
	}
	if want := []string{"on-req SUCCESS", "ou-req SUCCESS", "oc-req ERROR", "oc_multi-req SUCCESS"}; !slices.Equal(said, want) || n[1] != "ox_multi-req" {
		t.Errorf("%v", n)
	}
	c.wants("v2/auth/r/orders", "{}", []int{3}, `[["tETHUSD"]]`)
	many := strings.TrimSuffix(strings.Repeat(`["oc",{"id":1}],`, 76), ",")
	for _, ops := range []string{many, ``, `["on"]`, `[1,{}]`, `1`} {
		if code, got := c.do("v2/auth/w/order/multi", `{"ops":[`+ops+`]}`); code != 500 || got != `["error",10020,"ops: invalid"]` {
			t.Errorf("%.20s: %d %s", ops, code, got)
		}
	}
}

func TestFundingOffersAreKeptAndTakenBack(t *testing.T) {
	c := newTrader(t)
	offer := `{"type":"LIMIT","symbol":"fUSD","amount":"%s","rate":"0.0002","period":2}`
	id := c.list("v2/auth/w/funding/offer/submit", fmt.Sprintf(offer, "3000"))[4].([]any)[0]
	c.wants("v2/auth/r/funding/offers/fUSD", "{}", []int{1, 4, 10, 14, 15}, `[["fUSD",3000,"ACTIVE",0.0002,2]]`)
	if code, got := c.do("v2/auth/w/funding/offer/submit", fmt.Sprintf(offer, "2001")); code != 500 || !strings.Contains(got, "not enough funding balance") {
		t.Errorf("an offer beyond the balance: %d %s", code, got)
	}
	c.list("v2/auth/w/funding/offer/cancel", fmt.Sprintf(`{"id":%.0f}`, id))
	c.list("v2/auth/w/funding/offer/submit", fmt.Sprintf(offer, "2001"))
	c.list("v2/auth/w/funding/offer/cancel/all", `{"currency":"USD"}`)
	c.wants("v2/auth/r/funding/offers/fUSD", "{}", []int{1}, `[]`)
	c.wants("v2/auth/r/funding/offers/fUSD/hist", "{}", []int{4, 10}, `[[2001,"CANCELED"],[3000,"CANCELED"]]`)
}

func TestTheLegacyAPITradesToo(t *testing.T) {
	c := newTrader(t)
	v1 := func(path, more string) (int, string) {
		c.nonce++
		return post(t, c.x, path, "", signV1(c.key, fmt.Sprintf(`{"request":"/%s","nonce":"%d"%s}`, path, c.nonce, more)))
	}
	code, got := v1("v1/order/new", `,"symbol":"btcusd","amount":"0.1","price":"95000","side":"sell","type":"exchange limit"`)
	var o struct {
		ID   int64
		Side string
		Live bool `json:"is_live"`
	}
	if err := json.Unmarshal([]byte(got), &o); err != nil || code != 200 || o.Side != "sell" || !o.Live {
		t.Fatalf("%d %s", code, got)
	}
	if _, got := v1("v1/orders", ""); !strings.Contains(got, `"remaining_amount":"0.1"`) {
		t.Error(got)
	}
	if _, got := v1("v1/balances", ""); !strings.Contains(got, `{"amount":"2.5","available":"2.4","currency":"btc","type":"exchange"}`) {
		t.Error(got)
	}
	if _, got := v1("v1/order/cancel", fmt.Sprintf(`,"id":%d`, o.ID)); !strings.Contains(got, `"side":"sell"`) {
		t.Error(got)
	}
	if code, got := v1("v1/order/cancel", `,"id":1`); code != 400 || !strings.Contains(got, "could not be cancelled") {
		t.Errorf("%d %s", code, got)
	}
	if _, got := v1("v1/key_info", ""); !strings.Contains(got, `"withdraw":{"read":true,"write":false}`) {
		t.Error(got)
	}
}
