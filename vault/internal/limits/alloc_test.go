//go:build !race

package limits_test

import (
	"testing"
	"time"

	"bfxvault/vault/policy"
)

func TestTakeAndJudgeCostNoAllocation(t *testing.T) {
	d := newDisk(t)
	l := d.ledger()
	m, o := d.meter(l, now(), true), d.orders(l)
	all, order, at := allLimits(), request(submit(7, "tBTCUSD", "0.5", "60000")), now()
	for range 3 { // reserve
		if err := m.Take(all, order, at); err != nil {
			t.Fatal(err)
		}
	}
	remember(t, o, submit(7, "tBTCUSD", "0.5", "60000"))
	r := request(update(7, time.Now(), "0.25", "", ""))
	decide := func() policy.Decision { return policy.Decision{Allowed: r.Ops[0].Was != nil} }
	for name, f := range map[string]func(){
		"Take": func() {
			if err := m.Take(all, order, at); err != nil {
				t.Fatal(err)
			}
		},
		"Judge": func() {
			if d, err := o.Judge(r, at, decide); err != nil || !d.Allowed || !o.Confirm(r) {
				t.Fatal(d, err)
			}
		},
		"Judge without an update":   func() { _, _ = o.Judge(order, at, allow) },
		"Remember without an order": func() { _ = o.Remember(r, at) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// While a commit is under way, which allocates on another goroutine.
func TestRememberCostsNoAllocation(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	o := slowOrders(t, func() { <-hold })
	r, at := request(submit(1, "tBTCUSD", "0.5", "60000")), now()
	for range 2000 { // maps have grown, and both flights are there
		r.Ops[0].CID++
		_ = o.Remember(r, at)
	}
	if n := testing.AllocsPerRun(1000, func() {
		r.Ops[0].CID++
		if err := o.Remember(r, at); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
