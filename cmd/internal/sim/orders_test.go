package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"bfxvault/cmd/internal/sim"
)

// client signs with an ever higher nonce and decodes the answer.
type client struct {
	t     *testing.T
	x     http.Handler
	key   sim.Key
	nonce uint64
}

func (c *client) do(path, body string) (int, string) {
	c.t.Helper()
	c.nonce++
	return post(c.t, c.x, path, body, sign(c.key, path, c.nonce, body))
}

func (c *client) list(path, body string) []any {
	c.t.Helper()
	code, got := c.do(path, body)
	var out []any
	if err := json.Unmarshal([]byte(got), &out); code != 200 || err != nil {
		c.t.Fatalf("%s %s: %d %s", path, body, code, got)
	}
	return out
}

func newClient(t *testing.T) *client {
	return &client{t: t, x: sim.New(bot()), key: bot()}
}

func TestPermissionsAreListedAsTheKeyHasThem(t *testing.T) {
	c := newClient(t)
	_, got := c.do("v2/auth/r/permissions", "{}")
	want := `[["account",1,1],["history",1,1],["orders",1,1],["positions",1,1],["funding",1,1],["settings",1,1],["wallets",1,1],["withdraw",1,0]]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnOrderIsAcknowledgedListedAndCancelled(t *testing.T) {
	c := newClient(t)
	n := c.list("v2/auth/w/order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"-0.5","price":30000.5,"cid":77,"gid":3,"flags":64}`)
	if n[1] != "on-req" || n[6] != "SUCCESS" || n[7] != "Submitting 1 orders." {
		t.Errorf("notification %v", n)
	}
	o := n[4].([]any)[0].([]any)
	if len(o) != 32 || o[1] != 3.0 || o[2] != 77.0 || o[3] != "tBTCUSD" || o[6] != -0.5 || o[7] != -0.5 ||
		o[8] != "EXCHANGE LIMIT" || o[12] != 64.0 || o[13] != "ACTIVE" || o[16] != 30000.5 || o[24] != 1.0 {
		t.Errorf("order %v", o)
	}
	if open := c.list("v2/auth/r/orders", "{}"); len(open) != 1 {
		t.Errorf("open orders %v", open)
	}
	n = c.list("v2/auth/w/order/cancel", fmt.Sprintf(`{"id":%.0f}`, o[0]))
	if n[1] != "oc-req" || n[4].([]any)[0] != o[0] {
		t.Errorf("notification %v", n)
	}
	if open := c.list("v2/auth/r/orders", "{}"); len(open) != 0 {
		t.Errorf("open orders after the cancel %v", open)
	}
	if code, body := c.do("v2/auth/w/order/cancel", `{"id":1}`); code != 500 || body != `["error",10001,"Order not found."]` {
		t.Errorf("an unknown order: %d %s", code, body)
	}
}

func TestCancelMultiTakesWhatItsListsName(t *testing.T) {
	const day = "2000-01-01" // the day on which every bubble of synctest starts
	for name, tc := range map[string]struct {
		body string
		left int
	}{
		"everything":       {`{"all":1}`, 0},
		"by group":         {`{"gid":[9]}`, 2},
		"by cid and day":   {`{"cid":[[1,"` + day + `"],[3,"` + day + `"]]}`, 1},
		"a cid of another": {`{"cid":[[1,"2001-01-01"]]}`, 3},
		"nothing named":    {`{}`, 3},
		"by id":            {`{"id":[150000000001,5]}`, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t)
			for i := 1; i <= 3; i++ {
				gid := 0
				if i == 2 {
					gid = 9
				}
				c.list("v2/auth/w/order/submit", fmt.Sprintf(`{"type":"MARKET","symbol":"tTESTBTC:TESTUSD","amount":"1","cid":%d,"gid":%d}`, i, gid))
			}
			n := c.list("v2/auth/w/order/cancel/multi", tc.body)
			if n[1] != "oc_multi-req" || len(n[4].([]any)) != 3-tc.left {
				t.Errorf("%s: notification %v", name, n)
			}
			if open := c.list("v2/auth/r/orders", "{}"); len(open) != tc.left {
				t.Errorf("%s: %d orders left, want %d", name, len(open), tc.left)
			}
		})
	}
}

func TestAnOrderThatIsNoneIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0","price":"1"}`:     "amount: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.0e7","price":"1"}`: "amount: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","price":"1"}`:                  "amount: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0x10","price":"1"}`:  "amount: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"1","price":"-1"}`:    "price: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"1"}`:                 "price: invalid",
		`{"type":"EXCHANGE LIMIT","symbol":"BTCUSD","amount":"1","price":"1"}`:      "symbol: invalid",
		`{"type":"exchange limit","symbol":"tBTCUSD","amount":"1","price":"1"}`:     "type: invalid",
		`{}`:  "type: invalid",
		``:    "body: invalid",
		`[1]`: "body: invalid",
	} {
		c := newClient(t)
		code, got := c.do("v2/auth/w/order/submit", body)
		if w := fmt.Sprintf(`["error",10020,%q]`, want); code != 500 || got != w {
			t.Errorf("%s: %d %s, want %s", body, code, got, w)
		}
		if open := c.list("v2/auth/r/orders", "{}"); len(open) != 0 {
			t.Errorf("%s left an order", body)
		}
	}
}
