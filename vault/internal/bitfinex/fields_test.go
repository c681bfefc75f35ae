package bitfinex_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

// number is a decimal that a request carries.
func number(text string) policy.Optional {
	d, ok := policy.ParseDecimal(text)
	if !ok {
		panic("no decimal: " + text)
	}
	return policy.Optional{Decimal: d, Set: true}
}

// typed is an order type.
func typed(word string) policy.OrderType {
	t, ok := policy.ParseOrderType(word)
	if !ok {
		panic("no order type: " + word)
	}
	return t
}

// decimals compares decimals, which keep their digits to themselves.
var decimals = cmp.Comparer(func(a, b policy.Decimal) bool { return a == b })

// checkOps parses, and compares what a request would do.
func checkOps(t *testing.T, path, body string, want ...policy.Op) policy.Request {
	t.Helper()
	got, err := parseAny(path, body)
	if err != nil {
		t.Errorf("%s %s: %v", path, body, err)
	} else if diff := cmp.Diff(want, got.Ops, decimals); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", path, body, diff)
	}
	return got
}

func TestAnOrderIsReadInFull(t *testing.T) { // P3, A35
	got := checkOps(t, submit, `{"cid":1700000000,"gid":"7","symbol":"tTESTBTC:TESTUSD","type":"EXCHANGE STOP LIMIT","amount":"-0.10000000","flags":20480,`+
		`"price":10000.5,"price_aux_limit":"9999","price_oco_stop":1.5e-7,"price_trailing":"-2.50","lev":"100","cid_oco":5,"tif":"2026-02-28 23:59:59",`+
		`"meta":{"aff_code":"AFF_CODE_HERE","protect_selfmatch":1,"make_visible":true}}`,
		policy.Op{
			Action: policy.Submit, Class: policy.Trade, Symbol: []byte("tTESTBTC:TESTUSD"), Type: typed("EXCHANGE STOP LIMIT"),
			Amount: number("-0.1"), Price: number("10000.5"), AuxPrice: number("9999"), StopPrice: number("0.00000015"), Trailing: number("-2.5"),
			Leverage: number("100"), Flags: policy.FlagOCO | policy.FlagPostOnly, AffCode: []byte("AFF_CODE_HERE"), CID: 1700000000, StopCID: 5,
		})
	if got.Class != policy.Trade || got.Unread != nil || got.Symbol != "" {
		t.Errorf("class %v, unread %q, symbol %q", got.Class, got.Unread, got.Symbol)
	}
}

// least is the operation of a body that says no more than it must.
var least = policy.Op{Action: policy.Submit, Class: policy.Trade, Symbol: []byte("tBTCUSD"), Type: typed("LIMIT"), Amount: number("1")}

func TestEveryOrderTypeIsRead(t *testing.T) {
	for _, word := range []string{"LIMIT", "MARKET", "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC"} {
		for _, prefix := range []string{"", "EXCHANGE "} {
			want := least
			want.Type = typed(prefix + word)
			checkOps(t, submit, `{"type":"`+prefix+word+`","symbol":"tBTCUSD","amount":"1"}`, want)
		}
	}
}

func TestNullIsNoValue(t *testing.T) { // ccxt sends it for what its caller left out
	body := `{"type":"LIMIT","symbol":"tBTCUSD","amount":1,"price":null,"flags":null,"cid":null,"gid":null,"lev":null,"tif":null,"meta":null,"price_oco_stop":null,"other":null}`
	got := checkOps(t, submit, body, least)
	if len(got.Unread) != 1 || string(got.Unread[0]) != "other" {
		t.Errorf("unread %q", got.Unread)
	}
	checkField(t, submit, `{"type":null,"symbol":"tBTCUSD","amount":1}`, "type")
	checkField(t, submit, `{"type":"LIMIT","symbol":null,"amount":1}`, "symbol")
	checkField(t, submit, `{"type":"LIMIT","symbol":"tBTCUSD","amount":null}`, "amount")
}

func TestAnUpdateIsReadInFull(t *testing.T) { // A35
	checkOps(t, "v2/auth/w/order/update", `{"id":12345,"cid":"6","cid_date":"2024-02-29","gid":1,"price":"2","amount":-3,"delta":"0.5","flags":"64","lev":3,"price_aux_limit":4,"price_trailing":"5","tif":"2026-12-31 00:00:00","meta":{"aff_code":"a"}}`,
		policy.Op{
			Action: policy.Update, Class: policy.Trade, ID: 12345, CID: 6, Day: 19782, Price: number("2"), Amount: number("-3"), Delta: number("0.5"),
			Flags: policy.FlagHidden, Leverage: number("3"), AuxPrice: number("4"), Trailing: number("5"), AffCode: []byte("a"),
		})
	checkOps(t, "v2/auth/w/order/update", `{"cid":6,"cid_date":"1970-01-01"}`, policy.Op{Action: policy.Update, Class: policy.Trade, CID: 6})
}

func retract(op policy.Op) policy.Op {
	op.Action, op.Class = policy.Retract, policy.Cancel
	return op
}

func TestCancelsAreRead(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       policy.Op
	}{
		{"v2/auth/w/order/cancel", `{"id":12345}`, policy.Op{ID: 12345}},
		{"v2/auth/w/order/cancel", `{ "id": "1" }`, policy.Op{ID: 1}},
		{"v2/auth/w/order/cancel", `{"cid":5,"cid_date":"2026-01-02","cidDate":"2026-01-02"}`, policy.Op{CID: 5, Day: 20455}},
		{"v2/auth/w/order/cancel/multi", `{"id": [1, "2"], "cid": [[1234, "2026-01-02"]], "gid": [], "all": 1}`, policy.Op{}},
		{"v2/auth/w/order/cancel/multi", `{"id":7}`, policy.Op{}},
		{"v2/auth/w/order/cancel/multi", `{"all":true}`, policy.Op{}},
		{"v2/auth/w/ext/recurring-ao/cancel/5", `{}`, policy.Op{}},
		{"v2/auth/w/funding/offer/cancel", `{"id":8}`, policy.Op{ID: 8}},
		{"v2/auth/w/funding/offer/cancel/all", `{"currency":"USD"}`, policy.Op{Symbol: []byte("fUSD")}},
		{"v2/auth/w/funding/offer/cancel/all", ``, policy.Op{}},
		{"v1/order/cancel", `{"order_id":9}`, policy.Op{ID: 9}},
		{"v1/order/cancel/multi", `{"order_ids":[9,10]}`, policy.Op{}},
		{"v1/order/cancel/all", ``, policy.Op{}},
		{"v1/offer/cancel", `{"offer_id":9}`, policy.Op{ID: 9}},
	} {
		checkOps(t, c.path, c.body, retract(c.want))
	}
}

func TestOperationsAreReadOneByOne(t *testing.T) { // A34
	got := checkOps(t, "v2/auth/w/order/multi", `{"ops":[["on",{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","x":1}],["oc",{"id":12345}],["ou",{"id":12346,"price":"2"}],["oc_multi",{"id":[1,2,3]}]],"y":2}`,
		least, retract(policy.Op{ID: 12345}), policy.Op{Action: policy.Update, Class: policy.Trade, ID: 12346, Price: number("2")}, retract(policy.Op{}))
	if got.Class != policy.Trade|policy.Cancel {
		t.Errorf("class %v", got.Class)
	}
	if diff := cmp.Diff([][]byte{[]byte("x"), []byte("y")}, got.Unread); diff != "" {
		t.Errorf("unread: %s", diff)
	}
	for ops, want := range map[string]policy.Class{
		`["oc",{"id":1}]`: policy.Cancel, `["oc_multi",{"all":1}],["oc",{"id":1}]`: policy.Cancel, `["ou",{"id":1}]`: policy.Trade,
	} {
		if got, err := parseAny("v2/auth/w/order/multi", `{"ops":[`+ops+`]}`); err != nil || got.Class != want {
			t.Errorf("%s: class %v, %v", ops, got.Class, err)
		}
	}
	many := strings.Repeat(`["oc",{"id":1}],`, policy.MaxOps)
	if got, err := parseAny("v2/auth/w/order/multi", `{"ops":[`+strings.TrimSuffix(many, ",")+`]}`); err != nil || len(got.Ops) != policy.MaxOps {
		t.Errorf("%d operations, %v", len(got.Ops), err)
	}
	checkField(t, "v2/auth/w/order/multi", `{"ops":[`+many+`["oc",{"id":1}]]}`, "ops")
}

func TestWritesBesideOrdersAreRead(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       policy.Op
	}{
		{"v2/auth/w/funding/offer/submit", `{"type":"LIMIT","symbol":"fUSD","amount":"123.45","rate":1e-7,"period":2,"flags":64,"meta":{"aff_code":"a"}}`,
			policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fUSD"), Amount: number("123.45"), Flags: policy.FlagHidden, AffCode: []byte("a")}},
		{"v2/auth/w/funding/close", `{"id":1,"type":"LIMIT"}`, policy.Op{Class: policy.Funding, ID: 1}},
		{"v2/auth/w/funding/auto", `{"status": 1, "currency": "UST", "amount": "100", "rate": 0, "period": 30}`, policy.Op{Class: policy.Funding, Symbol: []byte("fUST"), Amount: number("100")}},
		{"v2/auth/w/funding/auto", `{"status":0,"currency":"fUSD"}`, policy.Op{Class: policy.Funding, Symbol: []byte("fUSD")}},
		{"v2/auth/w/funding/keep", `{"type":"credit","id":[1,2],"changes":{"1":2}}`, policy.Op{Class: policy.Funding}},
		{"v2/auth/w/position/claim", `{"id":1,"amount":"0.5"}`, policy.Op{Class: policy.Trade, ID: 1, Amount: number("0.5")}},
		{"v2/auth/w/position/increase", `{"symbol":"tBTCUSD","amount":"0.5"}`, policy.Op{Class: policy.Trade, Symbol: []byte("tBTCUSD"), Amount: number("0.5")}},
		{"v2/auth/w/position/update/funding/type", `{"symbol":"tBTCUSD","type":1}`, policy.Op{Class: policy.Trade, Symbol: []byte("tBTCUSD")}},
		{"v2/auth/w/deriv/collateral/set", `{"symbol":"tBTCF0:USTF0","collateral":100}`, policy.Op{Class: policy.Trade, Symbol: []byte("tBTCF0:USTF0")}},
		{"v2/auth/w/ext/recurring-ao/create", `{"alias":"a","_symbol":"tBTCUSD","currency":"USD","action":"buy","amount":5,"recurrence":"daily","startedAt":"2026-01-01T00:00:00.000Z","endless":true}`,
			policy.Op{Action: policy.Algo, Class: policy.Trade, Symbol: []byte("tBTCUSD")}},
		{"v2/auth/w/alert/set", `{"type":"price","symbol":"tBTCUSD","price":600}`, policy.Op{Class: policy.Settings, Symbol: []byte("tBTCUSD")}},
		{"v2/auth/w/alert/price:tBTCUSD:600/del", `{}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/settings/set", `{"settings":{"api:n` + "\u00e4" + `me":{"v":"` + "\u65e5" + `"},"Type":1}}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/settings/del", `{"keys":["api:a"]}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/pulse/add", `{"title":"` + "\u00e4" + `","content":"","isPublic":1,"attachments":["data:"]}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/ext/pay/invoice/create", `{"amount": "1", "currency": "USD", "orderId": "o", "customerInfo": {"n": 1}, "payCurrencies": ["BTC"], "duration": 86400, "webhook": "https://x", "redirectUrl": "https://y"}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/ext/pay/settings/set", `{"key":"k","val":[1]}`, policy.Op{Class: policy.Settings}},
		{"v2/auth/w/deposit/address", `{"wallet": "exchange", "method": "bitcoin", "op_renew": 0}`, policy.Op{Class: policy.Settings}},
	} {
		if got := checkOps(t, c.path, c.body, c.want); got.Unread != nil {
			t.Errorf("%s: unread %q", c.path, got.Unread)
		}
	}
}

func TestWhereValueGoesIsRead(t *testing.T) {
	const transfer, withdraw = "v2/auth/w/transfer", "v2/auth/w/withdraw"
	moved := policy.Op{Action: policy.Transfer, Class: policy.Withdraw, Currency: []byte("USD"), Amount: number("1.5")}
	out := moved
	out.External = true
	checkOps(t, transfer, `{"amount":"1.5","from":"exchange","to":"margin","currency":"USD","currency_to":"USD"}`, moved)
	checkOps(t, transfer, `{"amount":1.5,"currency":"USD","email_dst":null,"user_id_dst":null,"tfaToken":null}`, moved)
	checkOps(t, transfer, `{"amount":1.5,"currency":"USD","email_dst":"a@b.c"}`, out)
	checkOps(t, transfer, `{"amount":1.5,"currency":"USD","user_id_dst":5}`, out)
	checkOps(t, transfer, `{"amount":1.5,"currency":"USD","tfaToken":{"method":"otp","token":"1"}}`, out)
	checkOps(t, transfer, `{"amount":1.5,"currency":"USD","account_dst":5}`, out)
	checkOps(t, "v1/transfer", `{"amount":"1.5","currency":"usd","walletfrom":"exchange","walletto":"trading"}`, moved)
	checkOps(t, "v1/transfer", `{"amount":1.5,"currency":"USD","walletFrom":"exchange","walletTo":"trading"}`, moved)
	checkField(t, "v1/transfer", `{"amount":1.5,"currency":"USD","walletFrom":"exchange","walletfrom":"trading"}`, "walletfrom")

	paid := policy.Op{Action: policy.Withdrawal, Class: policy.Withdraw, Address: []byte("bc1qfake"), Currency: []byte("BTC"), Amount: number("0.01")}
	routed := paid
	routed.Address = nil // so that a rule for addresses refuses
	checkOps(t, withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.01","address":"bc1qfake","payment_id":"","fee_deduct":1}`, paid)
	checkOps(t, withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.01","address":"bc1qfake","payment_id":"7"}`, routed)
	checkOps(t, withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.01","address":"bc1qfake","note":"for 7"}`, routed)
	checkOps(t, withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.01","address":"bc1qfake","memo":"7"}`, routed)
	checkOps(t, withdraw, `{"wallet":"exchange","method":"lnx","amount":"0.01","invoice":"lnbc1"}`, policy.Op{Action: policy.Withdrawal, Class: policy.Withdraw, Amount: number("0.01")})
	checkOps(t, "v1/withdraw", `{"withdrawType":"bitcoin","walletSelected":"exchange","amount":0.01,"address":"bc1qfake"}`, paid)
	checkOps(t, "v1/withdraw", `{"withdraw_type":"bitcoin","walletselected":"exchange","amount":"0.01","address":"bc1qfake"}`, paid)
	checkField(t, "v1/withdraw", `{"withdraw_type":"bitcoin","withdrawType":"ripple","amount":"0.01"}`, "withdrawType")
}

func TestOrdersOfRestV1AreReadAsRestV2(t *testing.T) {
	order := func(more string) string {
		return `{"symbol":"btcusd","amount":"0.01","price":"9","exchange":"bitfinex"` + more + `}`
	}
	buy := policy.Op{Action: policy.Submit, Class: policy.Trade, Symbol: []byte("tBTCUSD"), Type: typed("EXCHANGE LIMIT"), Amount: number("0.01"), Price: number("9")}
	sell := buy
	sell.Amount, sell.Type, sell.Flags = number("-0.01"), typed("LIMIT"), policy.FlagHidden|policy.FlagPostOnly
	oco := buy
	oco.StopPrice, oco.Flags = number("8"), policy.FlagOCO
	trailing := buy
	trailing.Type, trailing.Price, trailing.Trailing = typed("TRAILING STOP"), policy.Optional{}, number("9")
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"exchange limit"`), buy)
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"exchange limit","is_hidden":false,"use_all_available":0,"ocoorder":false,"buy_price_oco":0,"sell_price_oco":0`), buy)
	checkOps(t, newOrderV1, order(`,"side":"sell","type":"limit","is_hidden":true,"post_only":true`), sell)
	checkOps(t, newOrderV1, order(`,"side":"sell","type":"limit","is_hidden":1,"is_postonly":1`), sell)
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"exchange limit","ocoorder":true,"buy_price_oco":"8","sell_price_oco":0`), oco)
	oco.StopPrice = number("0") // which no rule for prices takes
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"exchange limit","ocoorder":true,"buy_price_oco":0,"sell_price_oco":0`), oco)
	oco.StopPrice = number("7") // judged, also where it may not count
	oco.Flags = 0
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"exchange limit","sell_price_oco":"7"`), oco)
	checkOps(t, newOrderV1, order(`,"side":"buy","type":"trailing-stop"`), trailing)
	checkOps(t, "v1/order/new/multi", `{"orders":[`+order(`,"side":"buy","type":"exchange limit"`)+`,`+order(`,"side":"sell","type":"limit","is_hidden":true,"is_postonly":true`)+`]}`, buy, sell)
	checkOps(t, "v1/order/cancel/replace", order(`,"order_id":7,"side":"buy","type":"exchange limit"`), buy)
	checkOps(t, "v1/offer/new", `{"currency":"usd","amount":"50","rate":"20","period":2,"direction":"lend"}`, policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fUSD"), Amount: number("50")})
	checkOps(t, "v1/offer/new", `{"currency":"USD","amount":50,"rate":"20","period":2,"direction":"loan"}`, policy.Op{Action: policy.Offer, Class: policy.Funding, Symbol: []byte("fUSD"), Amount: number("-50")})
	for text, want := range map[string]string{"BTCUSD": "tBTCUSD", "dusk:usd": "tDUSK:USD", "BTCF0:USTF0": "tBTCF0:USTF0", "b2musd": "tB2MUSD"} {
		op := buy
		op.Symbol = []byte(want)
		checkOps(t, newOrderV1, strings.Replace(order(`,"side":"buy","type":"exchange limit"`), "btcusd", text, 1), op)
	}
}

func TestEveryOrderTypeOfRestV1IsRead(t *testing.T) {
	for word, want := range map[string]string{"limit": "LIMIT", "market": "MARKET", "stop": "STOP", "trailing-stop": "TRAILING STOP", "fill-or-kill": "FOK"} {
		for _, exchange := range []bool{false, true} {
			if exchange {
				word, want = "exchange "+word, "EXCHANGE "+want
			}
			got, err := parseAny(newOrderV1, strings.Replace(orderV1, "exchange limit", word, 1))
			if err != nil || got.Ops[0].Type != typed(want) {
				t.Errorf("%s: %v, %v", word, got.Ops, err)
			}
		}
	}
}

func TestACurrencyIsKnownOnlyWhereItIsCertain(t *testing.T) {
	for method, want := range map[string]string{
		"bitcoin": "BTC", "litecoin": "LTC", "ethereum": "ETH", "ethereumc": "ETC", "zcash": "ZEC", "monero": "XMR", "ripple": "XRP", "tetheruso": "UST", "tetheruse": "UST",
		"BITCOIN": "", "Bitcoin": "", "lnx": "", "wire": "", "bitcoins": "", "tetherus": "", "usdcoin": "",
	} {
		got, err := parseAny("v2/auth/w/withdraw", `{"method":"`+method+`","amount":"1"}`)
		if err != nil || string(got.Ops[0].Currency) != want || (want == "") != (got.Ops[0].Currency == nil) {
			t.Errorf("%s: %q, %v", method, got.Ops[0].Currency, err)
		}
	}
}

func TestAWriteAboveTheCapIsRefused(t *testing.T) { // A18
	least := with("x", `""`)
	fits := with("x", `"`+strings.Repeat("x", bitfinex.MaxBody-len(least))+`"`)
	if _, err := parseAny(submit, fits); err != nil || len(fits) != bitfinex.MaxBody {
		t.Errorf("%d bytes: %v", len(fits), err)
	}
	checkField(t, submit, fits+" ", "body")
	checkField(t, newOrderV1, strings.Replace(orderV1, "{", `{"x":"`+strings.Repeat("x", bitfinex.MaxBody)+`",`, 1), "params")
}

func TestThePathsSymbolIsKept(t *testing.T) {
	for path, want := range map[string]string{
		"v2/auth/r/orders/tBTCUSD": "tBTCUSD", "v2/auth/r/order/tBTCF0:USTF0:123/trades": "tBTCF0:USTF0", "v2/auth/r/info/funding/fUSD": "fUSD",
		"v2/auth/w/alert/price:tBTCF0:USTF0:600.5/del": "tBTCF0:USTF0", "v2/auth/r/info/margin/tETHUSD": "tETHUSD", "v2/auth/r/trades/tBTCUSD/hist": "tBTCUSD",
		"v2/auth/r/info/margin/base": "", "v2/auth/r/info/margin/sym_all": "", "v2/auth/r/ledgers/USD/hist": "", "v2/auth/r/ext/recurring-ao/detail/5": "", "v1/orders": "",
	} {
		if got, err := parseAny(path, "{}"); err != nil || got.Symbol != want {
			t.Errorf("%s: symbol %q, %v; want %q", path, got.Symbol, err, want)
		}
	}
}

func TestEveryWriteThatAGrantCanAllowHasAReader(t *testing.T) { // P3
	for _, e := range bitfinex.Endpoints() {
		for _, path := range pathsOf(t, e.Pattern) {
			body := leastOf(e.Pattern)
			got, err := parseAny(path, body)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if reads := e.Write && e.Class != 0; reads != (len(got.Ops) == 1) {
				t.Errorf("%s: %d operations", path, len(got.Ops))
			}
			more := `{"unheard_of":{"Amount":[1]},` + body[1:]
			if body == "{}" {
				more = `{"unheard_of":{"Amount":[1]}}`
			}
			extended, err := parseAny(path, more)
			if err != nil {
				t.Errorf("%s with another field: %v", path, err)
			}
			if reads := e.Write && e.Class != 0; reads != (len(extended.Unread) == 1 && string(extended.Unread[0]) == "unheard_of") {
				t.Errorf("%s: unread %q", path, extended.Unread)
			}
			if _, err := parseAny(path, "[]"); (err == nil) != (!e.Write || e.Class == 0) && e.Version == bitfinex.V2 {
				t.Errorf("%s with an array: %v", path, err)
			}
		}
	}
}

func TestARequestWithRoomIsFilledAfresh(t *testing.T) {
	var r policy.Request
	for range 2 {
		if err := bitfinex.ParseV1(&r, newOrderV1, []byte(orderV1)); err != nil {
			t.Fatal(err)
		}
		if err := bitfinex.Parse(&r, submit, []byte(`{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","x":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]policy.Op{least}, r.Ops, decimals); diff != "" || len(r.Unread) != 1 || len(r.Scratch) != 0 {
		t.Errorf("unread %q, scratch %q, %s", r.Unread, r.Scratch, diff)
	}
	if err := bitfinex.Parse(&r, "v2/auth/r/wallets", nil); err != nil || len(r.Ops) != 0 || len(r.Unread) != 0 || r.Write {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestEndpointsThatAGrantMayNameAreThoseThatNeedIt(t *testing.T) {
	named := map[string]bool{}
	for _, pattern := range bitfinex.NamedEndpoints() {
		named[pattern] = true
	}
	for _, e := range bitfinex.Endpoints() {
		if named[e.Pattern] != e.ByName {
			t.Errorf("%s: named %v", e.Pattern, named[e.Pattern])
		}
	}
}
