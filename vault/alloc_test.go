//go:build !race

// The race detector makes sync.Pool forget at random: under it, signing allocates.

package vault_test

import (
	"testing"

	"bfxvault/vault"
)

// The whole way from a request to its signature, under a grant with every rule.
func TestSigningUnderEveryRuleAllocatesNothing(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantSpec("mm-1", maker(t)))
	for name, request := range map[string]vault.SignRequest{
		"an order": {Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)},
		"a read":   {Label: "main", Path: "v2/auth/r/wallets", Body: []byte("{}")},
		"several":  {Label: "main", Path: "v2/auth/w/order/multi", Body: []byte(`{"ops":[["on",` + testOrder + `],["oc",{"id":1}]]}`)},
	} {
		caller := uid(1001)
		n := testing.AllocsPerRun(1000, func() {
			if _, err := r.v.Sign(caller, request); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
