package bitfinex_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
)

// checkField asks for a refusal that names the field; "" is any.
func checkField(t *testing.T, path, body, field string) {
	t.Helper()
	_, err := parseAny(path, body)
	var syntax *bitfinex.SyntaxError
	switch {
	case !errors.As(err, &syntax):
		t.Errorf("%s %.200s: error %v, want a *SyntaxError about %s", path, body, err, field)
	case field != "" && syntax.Field != field:
		t.Errorf("%s %.200s: error about %s, want %s", path, body, syntax, field)
	case syntax.Offset > len(body):
		t.Errorf("%s %.200s: offset %d is behind the body", path, body, syntax.Offset)
	}
}

// with returns the least order with one field more, or in place of its own.
func with(name, value string) string {
	for own, text := range map[string]string{"type": `"LIMIT"`, "symbol": `"tBTCUSD"`, "amount": `"1"`} {
		if own == name {
			return strings.Replace(`{"type":"LIMIT","symbol":"tBTCUSD","amount":"1"}`, `"`+own+`":`+text, `"`+own+`":`+value, 1)
		}
	}
	return `{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","` + name + `":` + value + `}`
}

// hostileNumbers are no exact decimals, or two readers could take them for
// different ones. Each is refused as it stands, and as a text.
var hostileNumbers = []string{ // A32
	"1E3", "1E-9", "1e3", "1e03", "1e+03", "10e+3", "0e+3", "12.5e-7", "1e-19", "1e+300", "1e+18", "-1e+18", "1e99999", "1e-99999", "1.5e+1000",
	"1234567890123456789", "-1234567890123456789", "0.1234567890123456789", "9007199254740993.00000000000000000000",
	"1111111111111111111111111111111111111111", "0.0000000000000000000", "999999999999999999.9999999999999999999",
}

// hostileTexts are no decimals at all.
var hostileTexts = []string{ // A32, A33
	"", " ", " 1", "1 ", "+1", "--1", "- 1", "1.", ".5", "-.5", "01", "-01", "00", "0x10", "1_000", "1,000", "1,5", "1'000", "NaN", "nan", "Infinity", "-Infinity", "inf", "null", "true", "1e-7", "1n", "1f",
	"1.2.3", "1..2", "1-2", "١", "１", "１．５", "1\u200b", "\ufeff1", "1\u00a0", "−1", "1\u202e", "Ⅰ", "½", `\u0031`, `1\u002e5`, `1\t`, `\n1`, "1/2", "1%", "$1", "1BTC", "{}", "-", ".",
}

func TestNumbersThatAreNoExactDecimalsAreRefused(t *testing.T) { // A32, A33
	decimal := []string{"amount", "price", "price_trailing", "price_aux_limit", "price_oco_stop"}
	for _, field := range decimal {
		for _, n := range hostileNumbers {
			checkField(t, submit, with(field, n), field)
		}
		for _, n := range append(append([]string(nil), hostileNumbers...), hostileTexts...) {
			checkField(t, submit, with(field, `"`+n+`"`), field)
		}
		for _, v := range []string{"true", "false", "{}", "[]", "[1]", `["1"]`, `{"toString":"1"}`, `[["1"]]`} {
			checkField(t, submit, with(field, v), field)
		}
	}
	for _, zero := range []string{"0", "-0", "0.0", "-0.0", `"0"`, `"-0"`, `"0.000000000000000000"`, "0.000000000000000000"} {
		checkField(t, submit, with("amount", zero), "amount")
		checkField(t, "v2/auth/w/order/update", `{"id":1,"amount":`+zero+`}`, "amount")
		checkField(t, "v2/auth/w/order/update", `{"id":1,"delta":`+zero+`}`, "delta")
		checkField(t, "v2/auth/w/funding/offer/submit", `{"symbol":"fUSD","amount":`+zero+`}`, "amount")
		checkField(t, "v2/auth/w/transfer", `{"currency":"USD","amount":`+zero+`}`, "amount")
		checkField(t, "v2/auth/w/withdraw", `{"method":"bitcoin","amount":`+zero+`}`, "amount")
		checkField(t, newOrderV1, strings.Replace(orderV1, `"0.01"`, zero, 1), "amount")
	}
	for path, body := range map[string]string{ // a sign would turn round which way it goes
		"v2/auth/w/transfer": `{"currency":"USD","amount":"-1"}`, "v2/auth/w/withdraw": `{"method":"bitcoin","amount":-1}`,
		newOrderV1: strings.Replace(orderV1, `"0.01"`, `"-0.01"`, 1), "v1/offer/new": `{"currency":"usd","amount":"-1","direction":"lend"}`,
		"v1/transfer": `{"currency":"usd","amount":"-1"}`, "v1/withdraw": `{"withdraw_type":"bitcoin","amount":"-1"}`,
	} {
		checkField(t, path, body, "amount")
	}
}

func TestWholeNumbersOutOfRangeAreRefused(t *testing.T) { // A32, A35
	bad := []string{"-1", "-0", "1.0", "1.5", "1e3", "1e+3", "9007199254740992", "9007199254740993", "99999999999999999999", `"01"`, `" 1"`, `"1.0"`, `"+1"`, `"-1"`, `"9007199254740992"`, `"999999999999999999"`, `""`, `"1e3"`, `"0x1"`, `"１"`, `"\u0031"`, "true", "{}", "[]", "[1]"}
	for _, v := range bad {
		for _, field := range []string{"cid", "gid", "cid_oco", "lev", "flags"} {
			checkField(t, submit, with(field, v), field)
		}
		checkField(t, "v2/auth/w/order/cancel", `{"id":`+v+`}`, "id")
		checkField(t, "v2/auth/w/order/cancel/multi", `{"gid":[1,`+v+`]}`, "gid")
		checkField(t, "v2/auth/w/order/cancel/multi", `{"cid":[[`+v+`,"2026-01-02"]]}`, "cid")
		checkField(t, "v1/order/cancel", `{"order_id":`+v+`}`, "order_id")
	}
	for _, field := range []string{"cid", "gid", "cid_oco", "lev"} {
		checkField(t, submit, with(field, "0"), field)
		checkField(t, submit, with(field, `"0"`), field)
	}
	checkField(t, submit, with("lev", "101"), "lev")
	checkField(t, submit, with("lev", `"1000"`), "lev")
	for _, flags := range []string{"1", "2", "32", "65", "128", "4097", "33554432", "1073741824", "4294967296", "4294971392", "9007199254740991", `"1"`} {
		checkField(t, submit, with("flags", flags), "flags")
		checkField(t, "v2/auth/w/order/update", `{"id":1,"flags":`+flags+`}`, "flags")
		checkField(t, "v2/auth/w/funding/offer/submit", `{"symbol":"fUSD","amount":"1","flags":`+flags+`}`, "flags")
	}
}

func TestWordsInAnyOtherSpellingAreRefused(t *testing.T) { // A30, A33, A35
	for field, values := range map[string][]string{
		"type": {"limit", "Limit", "EXCHANGE  LIMIT", " LIMIT", "LIMIT ", "EXCHANGE", "EXCHANGE\u00a0LIMIT", `EXCHANGE\u0020LIMIT`, `\u004cIMIT`, "LIM\u0131T", "ＬＩＭＩＴ", "EXCHANGE_LIMIT", "LIMIT,MARKET", "TWAP", "exchange limit", "LIM\u200bIT", "ＥXCHANGE LIMIT", ""},
		"symbol": {"", "t", "tBT", "BTCUSD", "fUSD", "btcusd", "tbtcusd", "TBTCUSD", "tBTCUSD ", " tBTCUSD", "tBTC/USD", "tBTC:USD:EUR", "tBTC:", "t:USD", "tBTCUSD\u200b", "\u202etBTCUSD", "tВTCUSD", `tBTC\u0055SD`, `t\u0042TCUSD`,
			"tBTC-USD", "tBTC_USD", "tBTCUSD,tETHUSD", "tBTCUSD?", "t" + strings.Repeat("A", 26), "t" + strings.Repeat("A", 26) + ":USD", "tＢTCUSD", "*", "t*", "tBTC USD"},
		"tif": {"", "2026-01-01", "2026-01-01T10:00:00", "2026-01-01T10:00:00Z", "2026-01-01 10:00", "2026-1-1 10:00:00", "2026-02-29 10:00:00", "2026-13-01 10:00:00", "2026-00-01 10:00:00", "2026-01-00 10:00:00", "2026-01-32 10:00:00",
			"2026-01-01 24:00:00", "2026-01-01 10:60:00", "2026-01-01 10:00:60", "2026-01-01 10:00:00.5", "2026-01-01  0:00:00", "-026-01-01 10:00:00", "1969-12-31 23:59:59", "２026-01-01 10:00:00", "2026/01/01 10:00:00"},
	} {
		for _, v := range values {
			checkField(t, submit, with(field, `"`+v+`"`), field)
		}
		for _, v := range []string{"1", "true", "{}", "[]", `["LIMIT"]`, `{"a":"LIMIT"}`} {
			checkField(t, submit, with(field, v), field)
		}
	}
	for _, date := range []string{"", "2026-2-1", "2026-02-29", "2025-02-30", "2026-04-31", "20260101", "2026-01-01 ", "2026-01-01T00:00:00Z", "1969-12-31", "0000-01-01", "2026-1-01", "+026-01-01", `2026\u002d01-01`} {
		checkField(t, "v2/auth/w/order/update", `{"cid":1,"cid_date":"`+date+`"}`, "cid_date")
		checkField(t, "v2/auth/w/order/cancel", `{"cid":1,"cid_date":"`+date+`"}`, "cid_date")
		checkField(t, "v2/auth/w/order/cancel/multi", `{"cid":[[1,"`+date+`"]]}`, "cid")
	}
	for _, address := range []string{"", "bc1q fake", "bc1qfake\u200b", "bc1q\u202efake", "bс1qfake", `bc1q\u0066ake`, "bc1qfake\u00a0", "bc1qfaké", `bc1qfake\n`} {
		checkField(t, "v2/auth/w/withdraw", `{"method":"bitcoin","amount":"1","address":"`+address+`"}`, "address")
		checkField(t, "v1/withdraw", `{"withdraw_type":"bitcoin","amount":"1","address":"`+address+`"}`, "address")
	}
	for _, code := range []string{"usd", "U", "US D", "USD\u200b", "ＵSD", "ABCDEFGHIJKLM", `U\u0053D`, "USD,BTC"} {
		checkField(t, "v2/auth/w/transfer", `{"amount":"1","currency":"`+code+`"}`, "currency")
		checkField(t, "v2/auth/w/funding/auto", `{"currency":"`+code+`"}`, "currency")
	}
	for _, symbol := range []string{"tUSD", "USD", "fusd", "fUSD ", `f\u0055SD`, "tBTCUSD"} {
		checkField(t, "v2/auth/w/funding/offer/submit", `{"amount":"1","symbol":"`+symbol+`"}`, "symbol")
	}
	for _, v := range []string{"2", "-1", `"1"`, `"true"`, "1.0", "[]", "{}"} {
		checkField(t, submit, with("meta", `{"protect_selfmatch":`+v+`}`), "protect_selfmatch")
		checkField(t, "v2/auth/w/order/cancel/multi", `{"all":`+v+`}`, "all")
	}
	checkField(t, submit, with("meta", `{"aff_code":"\u0061"}`), "aff_code")
	checkField(t, submit, with("meta", `{"aff_code":1}`), "aff_code")
	checkField(t, submit, with("meta", `{"aff_code":["a"]}`), "aff_code")
	for _, v := range []string{`"{}"`, "[]", "1", "true"} {
		checkField(t, submit, with("meta", v), "meta")
	}
}

// respelled are names that some reader would take for a field: by case, by an
// escape, by folding letters or by leaving out what is no letter.
func respelled(name string) []string {
	first := name[:1]
	return []string{
		strings.ToUpper(name), strings.ToUpper(first) + name[1:], name[:len(name)-1] + strings.ToUpper(name[len(name)-1:]),
		fmt.Sprintf(`\u%04x`, name[0]) + name[1:], fmt.Sprintf(`\u%04X`, name[0]) + name[1:], fmt.Sprintf(`%s\u%04x`, name[:len(name)-1], name[len(name)-1]), fmt.Sprintf(`\u%04x`, name[0]-32) + name[1:],
		" " + name, name + " ", "_" + name, name + "-", name[:1] + "." + name[1:], name + `\t`, name + `\"`, name + "[]",
	}
}

func TestANameThatAnotherReaderTakesForAFieldIsRefused(t *testing.T) { // A30, A31, A33
	for _, name := range []string{"type", "symbol", "amount", "price", "flags", "cid", "meta", "lev", "price_trailing", "price_aux_limit", "price_oco_stop", "gid", "tif"} {
		for _, other := range respelled(name) {
			checkField(t, submit, with(other, "1"), "") // also where it is a duplicate
			checkField(t, submit, `{"`+other+`":1}`, name)
			checkField(t, "v2/auth/w/order/multi", `{"ops":[["on",{"`+other+`":1}]]}`, name)
		}
	}
	for _, name := range []string{"aff_code", "protect_selfmatch"} {
		for _, other := range respelled(name) {
			checkField(t, submit, with("meta", `{"`+other+`":1}`), name)
		}
	}
	checkField(t, submit, with("priceAuxLimit", `"1"`), "price_aux_limit")
	for path, names := range map[string][]string{
		"v2/auth/w/withdraw": {"address", "amount", "method", "payment_id"}, "v2/auth/w/transfer": {"email_dst", "currency", "amount", "tfaToken"},
		"v2/auth/w/order/update": {"delta", "id", "cid_date"}, "v2/auth/w/order/multi": {"ops"}, "v1/order/new": {"side", "is_hidden", "use_all_available"},
	} {
		for _, name := range names {
			for _, other := range respelled(name) {
				if other != name {
					checkField(t, path, `{"`+other+`":1}`, name)
				}
			}
		}
	}
	for _, name := range []string{"am\u043eunt", "amount\u200b", "\ufeffamount", "ſymbol", `\u017fymbol`, `t\u00fdpe`, "тype", "amount\u0301", "\u00e4", "日本"} {
		checkField(t, submit, with(name, "1"), "body")
		checkField(t, newOrderV1, strings.Replace(orderV1, "{", `{"`+name+`":1,`, 1), "params")
	}
	for _, name := range []string{"request", "Nonce", `\u006eonce`} {
		checkField(t, newOrderV1, strings.Replace(orderV1, "{", `{"`+name+`":1,`, 1), "params")
	}
}

func TestAFieldThatIsGivenTwiceIsRefused(t *testing.T) { // A31
	for _, body := range []string{
		`{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","amount":"900"}`, `{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","amount":null}`,
		`{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","\u0061mount":"900"}`, `{"\u0061mount":"900","type":"LIMIT","symbol":"tBTCUSD","amount":"1"}`,
		with("meta", `{"aff_code":"a","aff_code":"b"}`), with("x", `{"a":1,"a":2}`),
	} {
		checkField(t, submit, body, "")
	}
}

func TestFieldsThatAreMissingAreNamed(t *testing.T) {
	for path, body := range leasts {
		for _, empty := range []string{"", "{}", "{ }", `{"x":1}`} {
			checkField(t, strings.NewReplacer("{algoOrderId}", "1").Replace(path), empty, "")
		}
		if strings.HasPrefix(path, "v2/") {
			checkField(t, path, "[]", "body")
			checkField(t, path, "["+body+"]", "body")
		}
	}
	for _, c := range [][3]string{
		{submit, "", "type"}, {submit, `{"type":"LIMIT","amount":"1"}`, "symbol"}, {submit, `{"type":"LIMIT","symbol":"tBTCUSD"}`, "amount"},
		{"v2/auth/w/order/update", `{"amount":"1"}`, "id"}, {"v2/auth/w/order/update", `{"cid":1}`, "cid_date"}, {"v2/auth/w/order/update", `{"cid_date":"2026-01-01"}`, "id"},
		{"v2/auth/w/order/cancel", `{"cid":1}`, "cid_date"}, {"v2/auth/w/order/cancel", `{"cid":1,"cidDate":"2026-01-01"}`, "cid_date"},
		{"v2/auth/w/order/cancel", `{"cid":1,"cid_date":"2026-01-02","cidDate":"2026-01-01"}`, "cidDate"}, {"v2/auth/w/order/cancel/multi", `{"id":null}`, "id"},
		{"v2/auth/w/withdraw", `{"amount":"1"}`, "method"}, {"v2/auth/w/transfer", `{"amount":"1"}`, "currency"},
		{newOrderV1, `{"symbol":"btcusd","amount":"1","type":"limit"}`, "side"},
	} {
		checkField(t, c[0], c[1], c[2])
	}
}

func TestOperationsInAnyOtherShapeAreRefused(t *testing.T) { // A34
	on := `["on",` + with("gid", "1") + `]`
	for _, ops := range []string{
		`[]`, `{}`, `"on"`, `1`, on, `[` + on + `,null]`, `[null]`, `[[]]`, `[["on"]]`, `[["on",null]]`, `[["on",[]]]`, `[["on",` + order + `,1]]`, `[["on",` + order + `,` + order + `]]`, `[["on",` + order + `,null]]`,
		`[["ON",` + order + `]]`, `[["on ",` + order + `]]`, `[["\u006fn",` + order + `]]`, `[["ox_multi",[` + on + `]]]`, `[["ox_multi",{"ops":[` + on + `]}]]`, `[[` + on + `]]`,
		`[["fon",{"symbol":"fUSD","amount":"1"}]]`, `[["wd",{}]]`, `[["",{}]]`, `[[null,` + order + `]]`, `[[0,"on",null,` + order + `]]`, `[["on",null,` + order + `]]`, `[{"on":` + order + `}]`, `[{"0":"on","1":` + order + `}]`, `["on",` + order + `]`,
	} {
		checkField(t, "v2/auth/w/order/multi", `{"ops":`+ops+`}`, "ops")
	}
	for ops, field := range map[string]string{ // each operation is judged, not only the first
		`[["on",{}]]`: "type", `[["oc",{}]]`: "id", `[["ou",{}]]`: "id", `[["oc",{"id":[1]}]]`: "id", `[["oc_multi",{}]]`: "id", `[["on",{"ops":[` + on + `]}]]`: "type", `[["on",` + with("amount", `"0"`) + `]]`: "amount",
		`[` + on + `,["oc",{"id":1}],["on",` + with("Flags", `"9"`) + `]]`: "flags", `[["oc",{"id":1}],["ou",{"id":1,"delta":"1e3"}]]`: "delta",
	} {
		checkField(t, "v2/auth/w/order/multi", `{"ops":`+ops+`}`, field)
	}
	for _, body := range []string{`{"ops":[` + on + `],"OPS":[]}`, `{"ops":[` + on + `],"ops":[` + on + `]}`, `{"op":[` + on + `]}`, `[` + on + `]`, `{"ops":null}`} {
		checkField(t, "v2/auth/w/order/multi", body, "")
	}
	for _, body := range []string{
		`{"id":[[1]]}`, `{"id":{"0":1}}`, `{"id":[1,null]}`, `{"cid":[1]}`, `{"cid":[1,"2026-01-02"]}`, `{"cid":[["2026-01-02",1]]}`, `{"cid":[[1,"2026-01-02",2]]}`, `{"cid":[[1]]}`, `{"cid":[[]]}`, `{"cid":[{"0":1}]}`, `{"cid":1}`, `{"cid":[[1,20260102]]}`, `{"all":[1]}`, `{"gid":"x"}`,
	} {
		checkField(t, "v2/auth/w/order/cancel/multi", body, "")
	}
}

func TestOrdersOfRestV1ThatAreNotCertainAreRefused(t *testing.T) { // A35
	change := func(old, now string) string { return strings.Replace(orderV1, old, now, 1) }
	more := func(fields string) string { return strings.TrimSuffix(orderV1, "}") + "," + fields + "}" }
	for _, symbol := range []string{"tBTCUSD", "TBTCUSD", "BtcUsd", "btcUSD", "btc", "btcusdt", "btc:usd:eur", ":usd", "btc:", "btc/usd", "btcus ", "BTC:usd", "fUSD", `btcus\u0064`, "", "bt:cus", "btcuſd", strings.Repeat("a", 26) + ":usd"} {
		checkField(t, newOrderV1, change(`"btcusd"`, `"`+symbol+`"`), "symbol")
	}
	for _, kind := range []string{"LIMIT", "EXCHANGE LIMIT", "Exchange Limit", "exchange  limit", "stop-limit", "stop limit", "ioc", "exchange", "exchange fok", "", `exchange\u0020limit`} {
		checkField(t, newOrderV1, change(`"exchange limit"`, `"`+kind+`"`), "type")
	}
	for _, side := range []string{"BUY", "Sell", "long", "sell ", "", "1", `\u0062uy`} {
		checkField(t, newOrderV1, change(`"buy"`, `"`+side+`"`), "side")
	}
	for _, direction := range []string{"LEND", "Loan", "borrow", ""} {
		checkField(t, "v1/offer/new", `{"currency":"usd","amount":"1","direction":"`+direction+`"}`, "direction")
	}
	for _, v := range []string{"1", "true", "2", `"0"`, `"1"`, "[]"} {
		checkField(t, newOrderV1, more(`"use_all_available":`+v), "use_all_available")
		checkField(t, "v1/order/cancel/replace", strings.Replace(more(`"use_remaining":`+v), "{", `{"order_id":1,`, 1), "use_remaining")
	}
	checkField(t, newOrderV1, more(`"ocoorder":true,"buy_price_oco":"8","sell_price_oco":"9"`), "sell_price_oco")
	checkField(t, newOrderV1, more(`"is_postonly":true,"post_only":false`), "post_only")
	checkField(t, newOrderV1, more(`"lev":101`), "lev")
	for _, orders := range []string{`[]`, `{}`, `[null]`, `[[` + orderV1 + `]]`, orderV1, `[` + orderV1 + `,{}]`, `[` + strings.Repeat(orderV1+",", 75) + orderV1 + `]`} {
		checkField(t, "v1/order/new/multi", `{"orders":`+orders+`}`, "")
	}
}
