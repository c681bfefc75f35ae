package policyfile_test

import (
	"slices"
	"strings"
	"testing"

	"bfxvault/cmd/internal/policyfile"
	"bfxvault/vault/policy"
)

func TestAdviceIsGivenWhereRulesBoundLessThanTheySeem(t *testing.T) {
	amount := map[string]policy.Decimal{"USD": policy.NewDecimal(1)}
	for name, test := range map[string]struct {
		grant policy.GrantSpec
		says  []string
	}{
		"a sale near zero":            {policy.GrantSpec{Allow: []string{"trade"}, MaxNotional: amount}, []string{"near zero"}},
		"a sale near zero, all day":   {policy.GrantSpec{Allow: []string{"trade"}, DailyNotional: amount}, []string{"near zero"}},
		"its amount is bounded":       {policy.GrantSpec{Allow: []string{"trade"}, MaxNotional: amount, MaxOrder: amount}, nil},
		"its price is":                {policy.GrantSpec{Allow: []string{"trade"}, MaxNotional: amount, PriceBand: map[string]policy.BandSpec{}}, nil},
		"any order":                   {policy.GrantSpec{Allow: []string{"trade"}}, []string{"any order"}},
		"some order":                  {policy.GrantSpec{Allow: []string{"trade"}, Symbols: []string{"tBTCUSD"}}, nil},
		"a day of sales near zero":    {policy.GrantSpec{Allow: []string{"trade"}, DailyNotional: amount, MaxOrder: amount}, []string{"near zero"}},
		"no order":                    {policy.GrantSpec{Allow: []string{"read"}, MaxNotional: amount}, nil},
		"any address":                 {policy.GrantSpec{Allow: []string{"withdraw"}}, []string{"any address"}},
		"any address up to an amount": {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Max: amount}}, []string{"any address"}},
		"some address":                {policy.GrantSpec{Allow: []string{"withdraw"}, Withdraw: &policy.WithdrawSpec{Addresses: []string{"a"}}}, nil},
		"any order and any address":   {policy.GrantSpec{Allow: []string{"trade", "withdraw"}}, []string{"any order", "any address"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.grant.Key = "main"
			advice := policyfile.Advice(map[string]policy.BotSpec{"mm-1": {Grants: []policy.GrantSpec{test.grant}}})
			if len(advice) != len(test.says) {
				t.Fatalf("%q", advice)
			}
			for i, sentence := range advice {
				if !strings.HasPrefix(sentence, "mm-1 on main: ") || !slices.ContainsFunc(test.says[i:i+1], func(s string) bool { return strings.Contains(sentence, s) }) {
					t.Errorf("%q, want %q", sentence, test.says[i])
				}
			}
		})
	}
}

// A10
func TestAdviceIsGivenWhereAProgramAloneIsMatched(t *testing.T) {
	uid, sum := uint32(1001), policy.Digest{}
	for name, test := range map[string]struct {
		match policy.Match
		says  bool
	}{
		"an interpreter":          {policy.Match{Exe: "/usr/bin/python3"}, true},
		"its content":             {policy.Match{SHA256: &sum}, true},
		"of a group":              {policy.Match{GID: &uid, Exe: "/usr/bin/python3"}, true},
		"under a user of its own": {policy.Match{UID: &uid, Exe: "/usr/bin/python3"}, false},
		"in its unit":             {policy.Match{Unit: "/system.slice/a.service", SHA256: &sum}, false},
		"a user":                  {policy.Match{UID: &uid}, false},
	} {
		advice := policyfile.Advice(map[string]policy.BotSpec{"mm-1": {Match: []policy.Match{test.match}}})
		if (len(advice) == 1) != test.says {
			t.Errorf("%s: %q", name, advice)
		}
	}
}
