package bitfinex_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"bfxvault/vault/policy"
)

// members is a JSON object as a library reads it: strings, json.Number, bool, nil,
// and what is nested.
type members map[string]any

// readNames reads the members of body that have one of names, in each of the ways
// that other programs would. The ways that ignore case see a field in any spelling;
// all of them must see the same.
func readNames(t *testing.T, body []byte, names []string) members {
	t.Helper()
	exact := members{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&exact); err != nil {
		t.Fatalf("encoding/json: %v", err)
	}
	var fields, raws []reflect.StructField
	for i, name := range names {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[any](), Tag: reflect.StructTag(`json:"` + name + `"`)}
		fields = append(fields, f)
		f.Type = reflect.TypeFor[jsontext.Value]()
		raws = append(raws, f)
	}
	folding := reflect.New(reflect.StructOf(fields)) // encoding/json ignores case
	d = json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(folding.Interface()); err != nil {
		t.Fatalf("encoding/json, struct: %v", err)
	}
	// Ignoring case is ignoring _ too, and ccxt sends both cid_date and cidDate.
	strict, lax := reflect.New(reflect.StructOf(raws)), reflect.New(reflect.StructOf(raws))
	if err := jsonv2.Unmarshal(body, strict.Interface()); err != nil {
		t.Fatalf("go-json-experiment: %v", err)
	}
	if err := jsonv2.Unmarshal(body, lax.Interface(), jsonv2.MatchCaseInsensitiveNames(true), jsontext.AllowDuplicateNames(true)); err != nil {
		t.Fatalf("go-json-experiment, ignoring case: %v", err)
	}
	found := members{}
	for i, name := range names {
		want, ok := exact[name]
		for way, got := range map[string]any{
			"encoding/json into a struct": folding.Elem().Field(i).Interface(),
			"go-json-experiment":          valueOf(t, strict.Elem().Field(i).Bytes()),
			"the same ignoring case":      valueOf(t, lax.Elem().Field(i).Bytes()),
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q: %s reads %s otherwise than encoding/json into a map: %s", body, way, name, diff)
			}
		}
		if ok && want != nil {
			found[name] = want
		}
	}
	return found
}

// valueOf reads a value of go-json-experiment's, numbers as they are written.
func valueOf(t *testing.T, raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	switch jsontext.Value(raw).Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	case '0':
		return json.Number(raw)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// meaning is what a rule looks at, in other words than policy.Op's.
type meaning struct {
	Action                                                     policy.Action
	Class                                                      policy.Class
	Symbol, Type, AffCode, Currency, Address                   string
	Amount, Delta, Price, AuxPrice, StopPrice, Trailing, Lever string
	Flags, ID, CID, Day                                        string
	External                                                   bool
}

func meaningOf(op policy.Op) meaning {
	text := func(o policy.Optional) string {
		if !o.Set {
			return ""
		}
		r, _ := new(big.Rat).SetString(o.String())
		return r.RatString()
	}
	n := func(v uint64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprint(v)
	}
	m := meaning{
		Action: op.Action, Class: op.Class, Symbol: string(op.Symbol), AffCode: string(op.AffCode), Currency: string(op.Currency), Address: string(op.Address),
		Amount: text(op.Amount), Delta: text(op.Delta), Price: text(op.Price), AuxPrice: text(op.AuxPrice), StopPrice: text(op.StopPrice), Trailing: text(op.Trailing), Lever: text(op.Leverage),
		Flags: n(uint64(op.Flags)), ID: n(op.ID), CID: n(op.CID), External: op.External,
	}
	if op.Type != 0 {
		m.Type = op.Type.String()
	}
	if op.Day != 0 {
		m.Day = time.Unix(int64(op.Day)*86400, 0).UTC().Format(time.DateOnly)
	}
	return m
}

func (o members) text(name string) string {
	s, _ := o[name].(string)
	return s
}

// number reads a decimal with math/big.
func (o members) number(t *testing.T, name string) string {
	text := ""
	switch v := o[name].(type) {
	case nil:
		return ""
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s was taken, and is no number: %v", name, o[name])
	}
	return r.RatString()
}

// whole is number, and nothing for 0.
func (o members) whole(t *testing.T, name string) string {
	if n := o.number(t, name); n != "0" {
		return n
	}
	return ""
}

func (o members) isOn(name string) bool { return o[name] == true || o[name] == json.Number("1") }

// orderNames are the fields of an order's forms that a rule looks at.
var orderNames = map[policy.Action][]string{
	policy.Submit:  {"type", "symbol", "amount", "price", "price_aux_limit", "price_oco_stop", "price_trailing", "lev", "flags", "cid", "meta"},
	policy.Update:  {"amount", "delta", "price", "price_aux_limit", "price_oco_stop", "price_trailing", "lev", "flags", "id", "cid", "cid_date", "meta"},
	policy.Retract: {"id", "cid", "cid_date"},
}

// expectOrder reads one of order/submit, update and cancel.
func expectOrder(t *testing.T, body []byte, action policy.Action) meaning {
	o := readNames(t, body, orderNames[action])
	m := meaning{Action: action, Class: policy.Trade, ID: o.whole(t, "id"), CID: o.whole(t, "cid"), Day: o.text("cid_date")}
	if m.Day == "1970-01-01" {
		m.Day = ""
	}
	switch action {
	case policy.Retract:
		m.Class = policy.Cancel
		return m
	case policy.Submit:
		m.Symbol, m.Type = o.text("symbol"), o.text("type")
	case policy.Update:
		m.Delta = o.number(t, "delta")
	}
	m.Amount, m.Price, m.AuxPrice, m.StopPrice = o.number(t, "amount"), o.number(t, "price"), o.number(t, "price_aux_limit"), o.number(t, "price_oco_stop")
	m.Trailing, m.Lever, m.Flags = o.number(t, "price_trailing"), o.number(t, "lev"), o.whole(t, "flags")
	if o["meta"] != nil {
		m.AffCode = readNames(t, remarshal(t, o["meta"]), []string{"aff_code"}).text("aff_code")
	}
	return m
}

func remarshal(t *testing.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expectOrderV1 reads an order of REST v1.
func expectOrderV1(t *testing.T, body []byte) meaning {
	o := readNames(t, body, []string{"symbol", "amount", "price", "side", "type", "lev", "is_hidden", "is_postonly", "post_only", "use_all_available", "ocoorder", "buy_price_oco", "sell_price_oco"})
	if v := o["use_all_available"]; v != nil && v != false && v != json.Number("0") {
		t.Errorf("%q would use all that is there", body)
	}
	word := strings.ReplaceAll(strings.ReplaceAll(o.text("type"), "fill-or-kill", "fok"), "-", " ")
	m := meaning{
		Action: policy.Submit, Class: policy.Trade, Symbol: "t" + strings.ToUpper(o.text("symbol")), Type: strings.ToUpper(word),
		Amount: o.number(t, "amount"), Price: o.number(t, "price"), Lever: o.number(t, "lev"),
	}
	if o.text("side") == "sell" {
		m.Amount = "-" + m.Amount
	}
	if strings.HasSuffix(m.Type, "TRAILING STOP") {
		m.Trailing, m.Price = m.Price, ""
	}
	var flags policy.Flags
	for flag, on := range map[policy.Flags]bool{policy.FlagHidden: o.isOn("is_hidden"), policy.FlagPostOnly: o.isOn("is_postonly") || o.isOn("post_only"), policy.FlagOCO: o.isOn("ocoorder")} {
		if on {
			flags |= flag
		}
	}
	if flags != 0 {
		m.Flags = fmt.Sprint(uint64(flags))
	}
	buy, sell := o.number(t, "buy_price_oco"), o.number(t, "sell_price_oco")
	m.StopPrice = buy
	if buy == "" || buy == "0" {
		m.StopPrice = sell
	}
	if (m.StopPrice == "0" || m.StopPrice == "") && !o.isOn("ocoorder") {
		m.StopPrice = ""
	} else if m.StopPrice == "" {
		m.StopPrice = buy
	}
	return m
}

// valueNames are the fields of these forms that a rule looks at.
var valueNames = map[string][]string{
	"v2/auth/w/funding/offer/submit": {"symbol", "amount", "flags", "meta"},
	"v1/offer/new":                   {"currency", "amount", "direction"},
	"v2/auth/w/funding/auto":         {"currency", "amount"},
	"v2/auth/w/position/increase":    {"symbol", "amount"},
	"v2/auth/w/transfer":             {"currency", "amount", "email_dst", "user_id_dst", "tfaToken"},
	"v1/transfer":                    {"currency", "amount"},
	"v2/auth/w/withdraw":             {"method", "amount", "address", "invoice", "payment_id", "note"},
	"v1/withdraw":                    {"amount", "address", "payment_id"}, // and the method, whose two spellings fold to one
}

// expectValue reads the writes that move value.
func expectValue(t *testing.T, path string, body []byte, unread bool) meaning {
	o := readNames(t, body, valueNames[path])
	m := meaning{Amount: o.number(t, "amount")}
	switch path {
	case "v2/auth/w/funding/offer/submit":
		m.Action, m.Class, m.Symbol, m.Flags = policy.Offer, policy.Funding, o.text("symbol"), o.whole(t, "flags")
		if o["meta"] != nil {
			m.AffCode = readNames(t, remarshal(t, o["meta"]), []string{"aff_code"}).text("aff_code")
		}
	case "v1/offer/new":
		m.Action, m.Class, m.Symbol = policy.Offer, policy.Funding, "f"+strings.ToUpper(o.text("currency"))
		if o.text("direction") == "loan" {
			m.Amount = "-" + m.Amount
		}
	case "v2/auth/w/funding/auto":
		m.Class, m.Symbol = policy.Funding, "f"+strings.TrimPrefix(o.text("currency"), "f")
	case "v2/auth/w/position/increase":
		m.Class, m.Symbol = policy.Trade, o.text("symbol")
	case "v2/auth/w/transfer", "v1/transfer":
		m.Action, m.Class, m.Currency = policy.Transfer, policy.Withdraw, strings.ToUpper(o.text("currency"))
		m.External = unread || o["email_dst"] != nil || o["user_id_dst"] != nil || o["tfaToken"] != nil
	case "v2/auth/w/withdraw", "v1/withdraw":
		m.Action, m.Class, m.Address = policy.Withdrawal, policy.Withdraw, o.text("address")
		if unread || o.text("invoice")+o.text("payment_id")+o.text("note") != "" {
			m.Address = ""
		}
		m.Currency = map[string]string{
			"bitcoin": "BTC", "litecoin": "LTC", "ethereum": "ETH", "ethereumc": "ETC", "zcash": "ZEC", "monero": "XMR", "ripple": "XRP",
			"tetheruso": "UST", "tetherusl": "UST", "tetherusx": "UST", "tetheruss": "UST", "tetheruse": "UST",
		}[methodOf(t, path, body)]
	}
	return m
}

// methodOf is the method of a withdrawal, in either spelling where it is REST v1's.
func methodOf(t *testing.T, path string, body []byte) string {
	var o members
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	if path == "v1/withdraw" {
		return o.text("withdraw_type") + o.text("withdrawType")
	}
	return o.text("method")
}

// fieldPaths are what FuzzFields parses for.
var fieldPaths = []string{
	submit, "v2/auth/w/order/multi", "v2/auth/w/order/update", "v2/auth/w/order/cancel", newOrderV1, "v1/order/new/multi", "v1/order/cancel/replace",
	"v2/auth/w/funding/offer/submit", "v1/offer/new", "v2/auth/w/funding/auto", "v2/auth/w/position/increase", "v2/auth/w/transfer", "v1/transfer", "v2/auth/w/withdraw", "v1/withdraw",
}

// expect reads an accepted body through the libraries.
func expect(t *testing.T, path string, body []byte, unread bool) (want []meaning) {
	switch path {
	case submit:
		return []meaning{expectOrder(t, body, policy.Submit)}
	case "v2/auth/w/order/update":
		return []meaning{expectOrder(t, body, policy.Update)}
	case "v2/auth/w/order/cancel":
		return []meaning{expectOrder(t, body, policy.Retract)}
	case "v2/auth/w/order/multi":
		for _, op := range readNames(t, body, []string{"ops"})["ops"].([]any) {
			pair := op.([]any)
			if len(pair) != 2 {
				t.Fatalf("%q has an operation of %d parts", body, len(pair))
			}
			action, known := map[string]policy.Action{"on": policy.Submit, "ou": policy.Update, "oc": policy.Retract, "oc_multi": policy.Other}[pair[0].(string)]
			switch {
			case !known:
				t.Fatalf("%q has an unknown operation", body)
			case action == policy.Other:
				want = append(want, meaning{Action: policy.Retract, Class: policy.Cancel})
			default:
				want = append(want, expectOrder(t, remarshal(t, pair[1]), action))
			}
		}
		return want
	case newOrderV1, "v1/order/cancel/replace":
		return []meaning{expectOrderV1(t, body)}
	case "v1/order/new/multi":
		for _, o := range readNames(t, body, []string{"orders"})["orders"].([]any) {
			want = append(want, expectOrderV1(t, remarshal(t, o)))
		}
		return want
	}
	return []meaning{expectValue(t, path, body, unread)}
}

// checkFields is what FuzzFields asks: whatever is taken means to every rule what it
// means to other readers.
func checkFields(t *testing.T, which uint8, body string) {
	path := fieldPaths[int(which)%len(fieldPaths)]
	r, err := parseAny(path, body)
	if err != nil || body == "" {
		return
	}
	var got []meaning
	classes := policy.Class(0)
	for _, op := range r.Ops {
		got = append(got, meaningOf(op))
		classes |= op.Class
	}
	if classes != r.Class {
		t.Errorf("%s %q: class %v, its operations %v", path, body, r.Class, classes)
	}
	if diff := cmp.Diff(expect(t, path, []byte(body), len(r.Unread) > 0), got); diff != "" {
		t.Errorf("%s %q (-libraries +parser):\n%s", path, body, diff)
	}
}

func TestFieldsAreReadAsTheLibrariesReadThem(t *testing.T) { // A30, A31, A32, A33
	for which, path := range fieldPaths {
		for _, request := range honest {
			if p, body, _ := strings.Cut(request, " "); p == path {
				checkFields(t, uint8(which), body)
			}
		}
		checkFields(t, uint8(which), leastOf(path))
	}
}

func FuzzFields(f *testing.F) { // P3, A30-A35
	seeds := 0
	add := func(path, body string) {
		for which, p := range fieldPaths {
			if p == path {
				f.Add(uint8(which), body)
				seeds++
			}
		}
	}
	for _, request := range honest {
		path, body, _ := strings.Cut(request, " ")
		add(path, body)
	}
	for path, body := range leasts {
		add(path, body)
	}
	for _, v := range readVectors(f) {
		add(v.Path, v.Body)
	}
	for _, n := range append(append([]string(nil), hostileNumbers...), hostileTexts...) {
		add(submit, with("amount", n))
		add(submit, with("price", `"`+n+`"`))
	}
	for _, name := range respelled("amount") {
		add(submit, with(name, `"9"`))
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(checkFields)
}
