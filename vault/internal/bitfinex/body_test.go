package bitfinex_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"bfxvault/vault/internal/bitfinex"
)

const (
	submit = "v2/auth/w/order/submit"
	reads  = "v2/auth/r/orders" // whose body need only be well-formed
)

// order is what ccxt sends for a limit order.
const order = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.001","price":"10000","flags":4096}`

// nested returns depth containers inside each other.
func nested(open, inner, end string, depth int) string {
	return strings.Repeat(open, depth) + inner + strings.Repeat(end, depth)
}

// list returns [1,1,…] with n elements.
func list(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]"
}

// object returns {"0":1,"1":1,…} with n members.
func object(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + strconv.Itoa(i) + `":1`)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// sized returns an object of exactly n bytes.
func sized(n int) string {
	return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`
}

var goodBodies = []string{
	"", "{}", "[]", "{ }", "[ ]", order, `{"id": 12345}`, "{ \"id\": 1 }\n", "{}\r\n\t ",
	`{"id": [1, 2], "cid": [[1234, "2026-01-02"]], "all": 1}`,
	`{"ops":[["on",{"type":"LIMIT","symbol":"tBTCUSD"}],["oc",{"id":1}],["oc",{"id":1}]]}`,
	`{"amount":123.45,"big":1e+21,"rate":1e-7,"n":-0,"m":-0.0,"e":1E9,"z":0e0,"f":0.5}`,
	`[true,false,null,"",[],{}]`, `{"a":true}`, `{"":""}`, `{"a":null,"A":null}`,
	`{"settings":{"api:n` + "\u00e4" + `me":"` + "\u2603 \U0001f600" + `"}}`, // raw UTF-8, as ccxt sends it
	`{"settings":{"api:n\u00e4me":"\u2603 \ud83d\uDE00 \"\\\/\b\f\n\r\t"}}`,  // escaped, as Python sends it
	`{"a":"` + "\u202e\u200b\u007f\ufffd\ufeff" + `"}`,                       // which texts a field may hold is its own question
	`{"a":"\ufffd\uffff\u0001\u007f"}`,
	`[{"a":1},{"a":1}]`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"\u0061":1,"\u0062":2}`, `{"a":1,"ab":2,"":3}`, `{"\\u0061":1,"a":2}`,
	nested("[", "", "]", bitfinex.MaxDepth), nested(`{"a":`, "1", "}", bitfinex.MaxDepth),
	list(bitfinex.MaxValues - 1), object(bitfinex.MaxNames), sized(bitfinex.MaxBody),
	`[` + object(bitfinex.MaxNames) + `,` + object(bitfinex.MaxNames) + `]`, // names of a closed object do not count
}

// badBodies break RFC 8259, or leave two readers room to disagree.
var badBodies = []string{
	// no document, more than one, or none of ours
	" ", "\n", " {}", "\n{}", "\ufeff{}", "null", "true", "1", `"a"`, `"{}"`, "x", "\x00", "{}x", "{}{}", "{},", "[]]", "{}}", "{}\x00", "{}\v", "{} //", "1{}", "7[]",
	"{", "[", "}", "]", "{]", "[}", "[[]", `{"a":[}`, `{"a":1`, `{"a":1,`, `[1,`, `{"a"`, `{"a":`, `{"a`,
	// punctuation
	"{,}", "[,]", "[1,]", `{"a":1,}`, "[1 2]", `{"a":1 "b":2}`, `{"a" 1}`, `{"a",1}`, `{"a":1:2}`, `["a":1]`, "[1,,2]", `{"a"::1}`, `{:1}`, `{"a":}`, `[1;2]`,
	`{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{"a":'b'}`, `{["a"]:1}`, `{{}:1}`, "[1/**/]", "[1]#", "{/*\"a\":1*/}", "[\u00a01]", "[\u20281]", "[\f1]",
	// words and numbers
	"[True]", "[tru]", "[truee]", "[nul]", "[NULL]", "[undefined]", "[NaN]", "[Infinity]", "[-Infinity]", "[t", "[n",
	"[01]", "[00]", "[-01]", "[+1]", "[.5]", "[-.5]", "[1.]", "[1.e3]", "[1e]", "[1e+]", "[1e1.5]", "[0x10]", "[1_000]", "[1,000.]", "[--1]", "[-]", "[1a]", "[1e1e1]", "[\u0661]", "[\uff11]", "[1n]", "[1.2.3]", "[-", "[1.", "[1e",
	// strings
	`["a]`, "[\"a\nb\"]", "[\"a\tb\"]", "[\"\x00\"]", "[\"\x1f\"]", `["\x41"]`, `["\a"]`, `["\'"]`, `["\0"]`, `["\u"]`, `["\u00"]`, `["\u006"]`, `["\u00g1"]`, `["\u 061"]`, `["\u+061"]`, `["\U0061"]`, `["\`, `["\u0`, `["\"]`, `["\
"]`,
	`["\u0000"]`, `{"\u0000":1}`, `{"a\u0000b":1}`,
	// surrogates, A33
	`["\ud800"]`, `["\udc00"]`, `["\ud83d"]`, `["\ud83dx"]`, `["\ud83d\ud83d"]`, `["\ude00\ud83d"]`, `["\ud83d\n"]`, `["\ud83d\u0061"]`, `["\uD83D\uDBFF"]`, `["\ud83d\ude0"]`, "[\"\xed\xa0\xbd\xed\xb8\x80\"]", `{"\ud800":1}`,
	// bytes that are not UTF-8
	"[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xc1\x81\"]", "[\"\xe0\x80\xaf\"]", "[\"\xf8\x88\x80\x80\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xc3\"]", "[\"\xe2\x82\"]", "[\"\x80\"]", "{\"\xff\":1}", "[\xff]", "{}\xff",
	// one name twice, A31
	`{"amount":"1","amount":"900"}`, `{"a":1,"b":2,"a":1}`, `{"a":1,"a":1}`, `{"":1,"":2}`, `{"amount":1,"\u0061mount":900}`, `{"\u0061mount":1,"amount":900}`, `{"\u0061":1,"\u0061":2}`, `{"\u006A":1,"\u006a":2}`, `{"a\/b":1,"a/b":2}`,
	`{"\t":1,"\u0009":2}`, `{"\ud83d\ude00":1,"` + "\U0001f600" + `":2}`, `{"` + "\u00e4" + `":1,"\u00e4":2}`, `{"x":{"a":1,"a":2}}`, `[[{"a":1,"b":{"a":1},"a":2}]]`, `{"ops":[["on",{"amount":"1","amount":"900"}]]}`, `{"a":{"b":1},"c":{"b":1},"a":1}`,
	`{"__proto__":1,"__proto__":2}`,
	// above a cap, A18
	nested("[", "", "]", bitfinex.MaxDepth+1), nested(`{"a":`, "1", "}", bitfinex.MaxDepth+1), strings.Repeat("[", bitfinex.MaxBody), strings.Repeat(`{"a":`, 10000),
	list(bitfinex.MaxValues), "[" + strings.Repeat("[],", bitfinex.MaxValues) + "1]", object(bitfinex.MaxNames + 1), sized(bitfinex.MaxBody + 1),
	`{"a":` + object(bitfinex.MaxNames) + "}",
}

func TestAWellFormedBodyIsTaken(t *testing.T) {
	for _, body := range goodBodies {
		if _, err := parse(reads, []byte(body)); err != nil {
			t.Errorf("%.60q: %v", body, err)
		}
	}
}

func TestABodyThatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) { // P3, A18, A31, A33
	for _, body := range badBodies {
		_, err := parse(reads, []byte(body))
		var syntax *bitfinex.SyntaxError
		if !errors.As(err, &syntax) || syntax.Field != "body" {
			t.Errorf("%.60q: error %v, want a *SyntaxError about the body", body, err)
		}
	}
}

func TestEveryBrokenOffOrderIsRefused(t *testing.T) {
	for i := 1; i < len(order); i++ {
		if _, err := parse(submit, []byte(order[:i])); err == nil {
			t.Errorf("%q was taken", order[:i])
		}
	}
}

func TestAnErrorPointsToTheByte(t *testing.T) {
	for body, want := range map[string]bitfinex.SyntaxError{
		`{"a":1,"a":2}`:     {Field: "body", Offset: 8, Reason: "has a name twice in one object"},
		`{"a":01}`:          {Field: "body", Offset: 7, Reason: "has a number that is not JSON"},
		`{"a":"\ud800"}`:    {Field: "body", Offset: 6, Reason: "has half a surrogate pair"},
		` {}`:               {Field: "body", Offset: 0, Reason: "must start with { or ["},
		`{} x`:              {Field: "body", Offset: 3, Reason: "has more after its end"},
		"{\"a\":\"b\xff\"}": {Field: "body", Offset: 7, Reason: "is not UTF-8"},
	} {
		_, err := parse(reads, []byte(body))
		var got *bitfinex.SyntaxError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%q: %v, want %v", body, err, &want)
		}
	}
}

func TestAnErrorNeverRepeatsTheRequest(t *testing.T) { // P1, A49
	const canary = "Canary!"
	for _, bad := range badBodies {
		_, err := parse(reads, []byte(`{"`+canary+`":"`+canary+`","x":`+canary+bad+canary))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%.40q: error %v", bad, err)
		}
	}
	for _, path := range hostilePaths {
		if _, err := parse(path+canary, nil); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: error %v", path, err)
		}
	}
	for name, value := range map[string]string{"x": `{"` + canary + `":1}`, "amount": `"` + canary + `"`, "type": `"` + canary + `"`, "meta": `"` + canary + `"`, "AMOUNT": "1", canary + `","flags`: "3"} {
		if _, err := parse(submit, []byte(`{"`+canary+`":"`+canary+`","`+name+`":`+value+`}`)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := parseV1("v1/balances", []byte(`{"`+canary+`":1,"nonce":"`+canary+`"}`)); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("v1: error %v", err)
	}
}

// readByLibrary says whether a body is one that Parse should take, going by two
// libraries and, for what only we ask, by hand: it starts with { or [, holds no
// U+0000 and keeps within the caps.
func readByLibrary(body []byte) bool {
	if len(body) == 0 {
		return true
	}
	if len(body) > bitfinex.MaxBody || body[0] != '{' && body[0] != '[' || !json.Valid(body) {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(body)) // refuses duplicate names and bad UTF-8
	values := 0
	open := []int{} // names of each open container
	names := 0
	for {
		name := len(open) > 0 && d.PeekKind() == '"' && isNameNext(d)
		token, err := d.ReadToken()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		switch token.Kind() {
		case '}', ']':
			names -= open[len(open)-1]
			open = open[:len(open)-1]
			continue
		case '{', '[':
			open = append(open, 0)
		case '"':
			if strings.Contains(token.String(), "\x00") {
				return false
			}
		}
		if name {
			names++
			open[len(open)-1]++
		} else {
			values++
		}
		if len(open) > bitfinex.MaxDepth || names > bitfinex.MaxNames || values > bitfinex.MaxValues {
			return false
		}
	}
}

// isNameNext says whether the string at hand is a member's name.
func isNameNext(d *jsontext.Decoder) bool {
	container, length := d.StackIndex(d.StackDepth())
	return container == '{' && length%2 == 0
}

// checkBody is what FuzzBody asks of any bytes.
func checkBody(t *testing.T, body string) {
	t.Helper()
	_, err := parse(reads, []byte(body))
	if want := readByLibrary([]byte(body)); want != (err == nil) {
		t.Fatalf("%q: the libraries say %v, the parser %v", body, want, err)
	}
}

func TestBodiesAreReadAsTheLibrariesReadThem(t *testing.T) {
	for _, body := range append(append([]string(nil), goodBodies...), badBodies...) {
		checkBody(t, body)
	}
}

func FuzzBody(f *testing.F) { // P3, A31, A33
	addAll(f, short(goodBodies))
	addAll(f, short(badBodies))
	f.Fuzz(checkBody)
}

// short leaves out what is long for a cap's sake: mutants of it are slow and
// find nothing.
func short(bodies []string) []string {
	var kept []string
	for _, b := range bodies {
		if len(b) < 1024 {
			kept = append(kept, b)
		}
	}
	return kept
}
