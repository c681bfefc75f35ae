package policyfile_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/cmd/internal/policyfile"
	"bfxvault/vault/policy"
)

// grantText is a file with one grant, whose lines begin with line 4.
func grantText(lines string) string {
	return "[bots.mm-1]\n[[bots.mm-1.grants]]\nkey = \"main\"\n" + lines
}

func mistakes(t testing.TB, text string) []string {
	_, err := policyfile.Parse("p.toml", []byte(text), endpoints)
	if err == nil {
		return nil
	}
	var list policyfile.Errors
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("the error is %T, without any mistake", err)
	}
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
		if e.Line < 1 || e.Column < 1 || strings.Count(e.Excerpt(), "\n") != 1 || !strings.Contains(e.Excerpt(), "^") {
			t.Errorf("%s: line %d, column %d, excerpt %q", e, e.Line, e.Column, e.Excerpt())
		}
	}
	return lines
}

// P3, A63: nothing that is not understood is passed over, and all of it is told.
func TestEveryMistakeIsToldWithItsPlaceAndTheWayOut(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"an unknown field": {grantText("max_ordr = 5\n"), []string{`4:1: unknown field "max_ordr": did you mean "max_order"?`}},
		"an unknown field that resembles none": {grantText("x = 5\nrate = { per_second = 1, xyz = 1 }\n"), []string{
			`4:1: unknown field "x": known here are key, allow, market_orders,`, `5:26: unknown field "xyz": known here are per_second, burst`}},
		"an unknown table":             {"[bots]\n[bot]\n", []string{`2:2: unknown field "bot": did you mean "bots"?`}},
		"a field in another case, A30": {grantText("Allow = [\"read\"]\n"), []string{`4:1: unknown field "Allow": did you mean "allow"?`}},
		"another kind": {grantText("allow = \"read\"\nmarket_orders = 1\nmax_leverage = \"1\"\nmax_order = 5\nhours = 8\nsymbols = [1, \"x\"]\n"), []string{
			"4:9: allow: must be a list", "5:17: market_orders: must be true or false", "6:16: max_leverage: must be a whole number",
			"7:13: max_order: must be a table", "8:9: hours: must be a text in quotes", "9:12: symbols: must be a text in quotes"}},
		"numbers out of range": {grantText("max_leverage = -1\ndaily_requests = -1\nrate = { per_second = 1, burst = 4294967296 }\n"), []string{
			"4:16: max_leverage: must be a whole number in plain digits, from 0 to 4294967295",
			"5:18: daily_requests: must be a whole number in plain digits, from 0 to 9223372036854775807",
			"6:34: rate.burst: must be a whole number in plain digits, from 0 to 4294967295"}},
		"a part that is missing": {grantText("price_band = { tBTCUSD = { reference = 1 } }\nrate = { burst = 1 }\n"), []string{
			"4:26: price_band.tBTCUSD: percent is missing here", "5:8: rate: per_second is missing here"}},
		"what Compile refuses, each part of it": {
			grantText("allow = [\"read\", \"trad\", \"fly\"]\norder_types = [\"LIMIT\", \"EXCHANGE LMIT\"]\nmax_order = { BTC = -1, btc = 1, eth = 1 }\n" +
				"price_band = { tBTCUSD = { reference = 0, percent = 1 } }\nendpoints = [\"v2/auth/w/deposit/adress\"]\n"), []string{
				`4:18: allow: unknown permission "trad"`, `4:26: allow: unknown permission "fly"`,
				`5:25: order_types: unknown order type "EXCHANGE LMIT": did you mean "EXCHANGE LIMIT"?`,
				"6:21: max_order.BTC: must not be negative", `6:25: max_order: "btc" is not a currency`, `6:34: max_order: "eth" is not a currency`,
				"7:40: price_band.tBTCUSD.reference: must be above 0", `8:14: endpoints: unknown endpoint "v2/auth/w/deposit/adress": did you mean "v2/auth/w/deposit/address"?`}},
		"what is not supported yet": {grantText("websocket = true\nallow = [\"withdraw\"]\nwithdraw = { approval = \"totp\", addresses = [\"not one\"] }\n"), []string{
			"4:13: websocket: is not supported yet", "6:25: withdraw.approval: is not supported yet", `6:46: withdraw.addresses: "not one" is not an address`}},
		"a rule of withdrawals without them": {grantText("withdraw = {}\n"), []string{`4:12: withdraw: restricts what "withdraw" in allow permits`}},
		"a hint that nobody can judge":       {grantText("allow = \"withdraw\"\nwithdraw = {}\n"), []string{"4:9: allow: must be a list"}},
		"names, A29": {"[bots.Mm]\n[bots.\"a b\"]\n[[bots.ok.grants]]\nkey = \"Main\"\n[[bots.ok.grants]]\n[bots." + strings.Repeat("a", 33) + "]\n", []string{
			`1:7: "Mm" cannot be a bot's name`, `2:7: "a b" cannot be a bot's name`, `4:7: "Main" cannot be an API key's label`, "5:11: a grant needs a key", "6:7: "}},
		"two grants for one key":  {grantText("[[bots.mm-1.grants]]\nkey = \"main\"\n"), []string{`5:7: this bot has a grant for "main" already, in line 3`}},
		"a role":                  {"[bots.a]\nrole = \"admin\"\n", []string{`2:8: role: must be "proxy", "proxy-insecure-same-uid", or left out`}},
		"a proxy without a match": {"[bots.a]\nrole = \"proxy\"\n", []string{`2:8: role: "proxy" needs a match`}},
		"matches, A6": {"[bots.a]\nmatch = [{}, { uid = 65534 }, { exe = \"x\", uid = 1 }, { Uid = 1 }]\n", []string{
			"2:10: match: a match needs at least one of", "2:14: match: uid or gid", "2:39: match.exe: must be an absolute path", `2:57: unknown field "Uid": did you mean "uid"?`}},
		"an empty file":          {"", []string{"1:1: there are no bots here"}},
		"no TOML":                {"[bots.a]\nmatch = [\n", []string{"2:10: array is incomplete"}},
		"a control character":    {"[bots]\n# \x1b[2J\n", []string{"2:3: "}},
		"a name twice":           {grantText("allow = []\nallow = [\"read\"]\n"), []string{`5:1: "allow" is here a second time, after line 4`}},
		"a name twice inline":    {grantText("max_order = { BTC = 1, BTC = 2 }\n"), []string{`4:24: "BTC" is here a second time, after line 4`}},
		"a bot twice":            {"[bots.a]\nrole = \"\"\n[bots.a]\n", []string{"3:2: table a already exists"}},
		"a table after its line": {grantText("rate = { per_second = 1 }\n[bots.mm-1.grants.rate]\nburst = 1\n"), []string{"5:2: "}},
		"a value as a table":     {grantText("allow = []\n[bots.mm-1.grants.allow]\n"), []string{"5:19: "}},
		"columns are characters": {"[bots.a]\nmatch = [{ exe = \"/ä\", uid = true }]\n", []string{"2:30: match.uid: must be a whole number"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mistakes(t, test.text)
			if len(got) != len(test.want) {
				t.Fatalf("%q, want %d mistakes", got, len(test.want))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("%q, want %q", got[i], test.want[i])
				}
			}
		})
	}
}

func TestAMistakeIsPrintedWithItsLineAndACaret(t *testing.T) {
	_, err := policyfile.Parse("p.toml", []byte(grantText("\tmax_leverage\t= 0x10 # \u200b\n")), nil)
	want := "p.toml:4:17: max_leverage: must be a whole number in plain digits, from 0 to 4294967295\n" +
		"    \tmax_leverage\t= 0x10 # \uFFFD\n    \t            \t  ^~~~"
	if err == nil || err.Error() != want {
		t.Fatalf("%v\nwant\n%s", err, want)
	}
}

func TestAFileIsBounded(t *testing.T) {
	if got := mistakes(t, "[bots]\n"+strings.Repeat("#\n", policyfile.MaxSize/2)); len(got) != 1 || !strings.HasPrefix(got[0], "1:1: larger than") {
		t.Errorf("a large file: %q", got)
	}
	if got := mistakes(t, grantText(strings.Repeat("x", policyfile.MaxSize/2)+" = 1\n")); len(got) != 1 || len(got[0]) > policyfile.MaxSize {
		t.Errorf("a long line: %d mistakes", len(got))
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "x%d = 1\n", i)
	}
	if got := mistakes(t, grantText(many.String())); len(got) != 101 || !strings.Contains(got[100], "which are not told") {
		t.Errorf("%d mistakes told, the last one %q", len(got), got[len(got)-1])
	}
	if got := mistakes(t, "[bots]\nx = "+strings.Repeat("[", 100_000)); len(got) != 1 {
		t.Errorf("deep nesting: %q", got)
	}
}

// P3: absent and empty mean the opposite, in every list and table that can be.
func TestAbsentAndEmptyAreToldApart(t *testing.T) {
	grant := reflect.TypeFor[policy.GrantSpec]()
	checked := 0
	for i, name := range tomlNames(grant) {
		prefix, suffix := "", ""
		field := func(g *policy.GrantSpec) reflect.Value { return reflect.ValueOf(g).Elem().Field(i) }
		checked += tellApart(t, grant.Field(i).Type, name, prefix, suffix, field)
	}
	withdraw := reflect.TypeFor[policy.WithdrawSpec]()
	for i, name := range tomlNames(withdraw) {
		field := func(g *policy.GrantSpec) reflect.Value { return reflect.ValueOf(g.Withdraw).Elem().Field(i) }
		checked += tellApart(t, withdraw.Field(i).Type, name, "allow = [\"withdraw\"]\nwithdraw = { ", " }", field)
	}
	if checked < 13 {
		t.Fatalf("only %d lists and tables checked", checked)
	}
}

func tellApart(t *testing.T, kind reflect.Type, name, prefix, suffix string, field func(*policy.GrantSpec) reflect.Value) int {
	empty := map[reflect.Kind]string{reflect.Slice: " = []", reflect.Map: " = {}"}[kind.Kind()]
	if empty == "" {
		return 0
	}
	for text, wantNil := range map[string]bool{prefix + suffix: true, prefix + name + empty + suffix: false} {
		f, err := policyfile.Parse("p.toml", []byte(grantText(text)), endpoints)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, f := range []*policyfile.File{f, reread(t, f)} {
			if v := field(&f.Bots["mm-1"].Grants[0]); v.IsNil() != wantNil || v.Len() != 0 {
				t.Errorf("%s: %s is %#v", text, name, v.Interface())
			}
		}
	}
	return 1
}

func reread(t *testing.T, f *policyfile.File) *policyfile.File {
	again, err := policyfile.Parse("printed.toml", policyfile.Print(f), endpoints)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func maxOrder(text string) (policy.Decimal, error) {
	f, err := policyfile.Parse("p.toml", []byte(grantText("max_order = { BTC = "+text+" }")), nil)
	if err != nil {
		return policy.Decimal{}, err
	}
	return f.Bots["mm-1"].Grants[0].MaxOrder["BTC"], nil
}

// P3, A32: a number is the digits that stand there, in quotes or not.
func TestDecimalsAreReadExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?`).Draw(t, "text")
		for _, spelled := range []string{text, `"` + text + `"`, "'" + text + "'"} {
			if got, err := maxOrder(spelled); err != nil || got != decimal(text) {
				t.Fatalf("%s is read as %v: %v", spelled, got, err)
			}
		}
	})
	refused := []string{
		"1e3", "1E3", "1.5e-7", "inf", "+inf", "-inf", "nan", "+1", "+0.5", "1_000", "0.000_1", "0x10", "0o17", "0b1", `"1e3"`, `"+1"`, `" 1"`,
		`""`, `"0x10"`, `"1_0"`, `"٣"`, "true", "[]", "2027-03-31", "0.1234567890123456789", "1234567890123456789", `"00"`, "-1", `"-0.5"`,
	}
	for _, text := range refused {
		if got, err := maxOrder(text); err == nil {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

func TestADayIsReadBareAndInQuotes(t *testing.T) {
	want := policy.Date{Year: 2027, Month: 3, Day: 31}
	for _, text := range []string{"2027-03-31", `"2027-03-31"`} {
		f, err := policyfile.Parse("p.toml", []byte(grantText("expires = "+text)), nil)
		if err != nil || *f.Bots["mm-1"].Grants[0].Expires != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"2027-02-30", "2027-03-31T00:00:00Z", "2027-03-31 00:00:00", "07:32:00", "20270331", `"31.3.2027"`, `""`} {
		if got := mistakes(t, grantText("expires = "+text)); len(got) != 1 || !strings.HasPrefix(got[0], "4:1") {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// What is read is never half read.
func FuzzParse(f *testing.F) {
	seeds := []string{
		string(read(f, "testdata/whole.toml")), string(read(f, "testdata/whole.printed.toml")), "", "[bots]", grantText("max_order = { BTC = 0.1 }"),
		grantText("allow = [\"reed\"]\nsymbols = []\nprice_band = {tBTCUSD={reference=1,percent=0}}"), "bots.a.match=[{uid=0}]\nbots.a.grants=[]",
		"[[bots.a.grants]]\nkey='x'\n[bots.a.grants.withdraw]\nmax={}\n", "\xff", "a=\"\"\"\n\\\n\"\"\"", "[bots.a]\nrole=5\n[bots.a]",
		"bots=[]", "[[bots]]", "bots.a=1", "[bots.a]\ngrants={}", "[bots.a]\ngrants=[1]\nmatch=[1]", "[[bots.a.match]]\nuid=1\r\n",
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kept := slices.Clone(text)
		file, err := policyfile.Parse("p.toml", text, endpoints)
		if !slices.Equal(kept, text) {
			t.Fatal("the text was changed")
		}
		if err != nil {
			mistakes(t, string(text))
			return
		}
		for _, bot := range file.Bots {
			for _, m := range bot.Match {
				if err := m.Check(); err != nil {
					t.Fatal(err)
				}
			}
			for _, g := range bot.Grants {
				if _, err := g.Compile(endpoints); err != nil {
					t.Fatal(err)
				}
			}
		}
		again := reread(t, file)
		if changes := append(policyfile.Diff(file.Bots, again.Bots), policyfile.Diff(again.Bots, file.Bots)...); len(changes) > 0 {
			t.Fatalf("read again it differs: %v", changes)
		}
	})
}

func TestTheFilesOfTheDocumentationAreRight(t *testing.T) {
	blocks := 0
	for _, name := range []string{"policy.md", "bots.md"} {
		for _, rest := range strings.Split(string(read(t, "../../../docs/"+name)), "```toml\n")[1:] {
			text, _, _ := strings.Cut(rest, "```")
			if !strings.Contains(text, "[bots") {
				continue
			}
			blocks++
			if _, err := policyfile.Parse(name, []byte(text), endpoints); err != nil {
				t.Error(err)
			}
		}
	}
	if blocks < 5 {
		t.Errorf("only %d files", blocks)
	}
}
