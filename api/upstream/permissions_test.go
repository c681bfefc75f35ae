package upstream_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bfxvault/api/upstream"
)

// live is the answer of an API key as Bitfinex gives it.
const live = `[["account",1,0],["history",1,0],["orders",1,1],["positions",1,0],["funding",1,0],["settings",0,0],["wallets",1,0],` +
	`["withdraw",0,0],["ui_withdraw",0,0],["bfxpay",0,0],["eaas_agreement",0,0],["eaas_withdraw",0,0],["eaas_deposit",0,0],["eaas_brokerage",0,0]]`

func TestPermissionsAreRead(t *testing.T) {
	scopes, err := upstream.Permissions([]byte(live))
	if err != nil || len(scopes) != 14 {
		t.Fatalf("%v, %v", scopes, err)
	}
	if want := (upstream.Scope{Name: "orders", Read: true, Write: true}); scopes[2] != want {
		t.Errorf("%v", scopes[2])
	}
	if want := (upstream.Scope{Name: "withdraw"}); !slices.Contains(scopes, want) {
		t.Errorf("%v", scopes)
	}
}

// refusals are answers in which a permission could be missed.
func refusals() []string {
	many := `[` + strings.Repeat(`["a",0,0],`, 64) + `["a",0,0]]`
	return []string{
		``, `null`, `{}`, `[]`, `1`, `"orders"`, `[[]]`, `[null]`, `[["orders",1]]`, `[["orders",1,1,1]]`, `[["orders",2,0]]`, `[["orders",true,false]]`,
		`[["orders","1","0"]]`, `[["orders",1.0,0]]`, `[["orders",-0,0]]`, `[["orders",null,0]]`, `[[null,0,0]]`, `[["",0,0]]`, `[["Orders",1,0]]`,
		`[["or ders",1,0]]`, `[["orders\u001b",1,0]]`, `[["` + strings.Repeat("a", 33) + `",1,0]]`, `[["orders",1,0],["orders",0,0]]`, `[["orders",1,0]]x`,
		`[["orders",1,0]],`, `{"0":["orders",1,0]}`, many,
	}
}

func TestWhatIsNoListOfPermissionsIsRefused(t *testing.T) {
	for _, body := range refusals() {
		if scopes, err := upstream.Permissions([]byte(body)); err == nil {
			t.Errorf("%s: %v", body, scopes)
		}
	}
}

func FuzzPermissions(f *testing.F) {
	seeds := append(refusals(), live, `[["orders",1,0]]`, ` [ [ "orders" , 1 , 0 ] ] `)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		scopes, err := upstream.Permissions([]byte(body))
		if err != nil {
			if scopes != nil || len(err.Error()) > 100 {
				t.Fatalf("%v with %v", scopes, err)
			}
			return
		}
		// Nothing was skipped: written anew, it is what encoding/json sees in the answer.
		var want, got any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		rows := make([]any, 0, len(scopes))
		for _, s := range scopes {
			rows = append(rows, []any{s.Name, number(s.Read), number(s.Write)})
		}
		if got = rows; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v of %v", got, want)
		}
	})
}

func number(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
