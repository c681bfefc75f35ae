//go:build !race

package limits_test

import (
	"testing"
	"time"

	"bfxvault/vault/policy"
)

// costsNothing fails where f allocates. All allocations of the process are counted,
// so that no commit may be encoding anything meanwhile.
func costsNothing(t *testing.T, name string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, f); n != 0 {
		t.Errorf("%s: %v allocations", name, n)
	}
}

func TestTakeAndCheckCostNoAllocation(t *testing.T) {
	d := newDisk(t)
	m := d.meter(d.ledger(), now(), true)
	all, order, at := allLimits(), request(submit(7, "tBTCUSD", "0.5", "60000")), now()
	for range 3 { // the first reserves a 64th of what a day has, and waits for it
		if err := m.Take(all, order, at); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func() error{
		"Take":  func() error { return m.Take(all, order, at) },
		"Check": func() error { return m.Check(all, order, at) },
	} {
		costsNothing(t, name, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if d.count() != 1 {
		t.Errorf("%d commits: what they allocate was counted", d.count())
	}
}

func TestJudgeCostsNoAllocation(t *testing.T) {
	begun, hold := make(chan struct{}), make(chan struct{})
	defer close(hold)
	o := slowOrders(t, func() { begun <- struct{}{}; <-hold })
	at := now()
	order, r := request(submit(far, "tBTCUSD", "0.5", "60000")), request(update(far, at.Wall, "0.25", "", ""))
	if err := o.Remember(order, at); err != nil {
		t.Fatal(err)
	}
	<-begun
	decide := func() policy.Decision { return policy.Decision{Allowed: r.Ops[0].Was != nil} }
	costsNothing(t, "Judge", func() {
		if d, err := o.Judge(r, at, decide); err != nil || !d.Allowed || !o.Confirm(r) {
			t.Fatal(d, err)
		}
	})
	costsNothing(t, "Judge without an update", func() { _, _ = o.Judge(order, at, allow) })
	costsNothing(t, "Remember without an order", func() { _ = o.Remember(r, at) })
}

// While a commit is under way, and another is queued.
func TestRememberCostsNoAllocation(t *testing.T) {
	begun, hold := make(chan struct{}), make(chan struct{})
	bare := false // on disk before the first commit that is held up
	o := slowOrders(t, func() {
		if bare {
			begun <- struct{}{}
			<-hold
		}
	})
	defer close(hold)
	at := now()
	if err := o.Remember(request(submit(0, "tBTCUSD", "0.5", "60000")), at); err != nil { // waits
		t.Fatal(err)
	}
	bare = true
	r, ops := request(submit(1, "tBTCUSD", "0.5", "60000")), bareOps()
	next := func() {
		r.Ops[0].CID++
		if err := o.Remember(r, at); err != nil {
			t.Fatal(err)
		}
	}
	next()
	<-begun
	for range 2000 { // maps have grown, and the next flight is there
		next()
	}
	costsNothing(t, "Remember", next)
	r.Ops[0].CID = 2 * far // those of bareOps begin at far
	costsNothing(t, "Remember beyond the cids of the exchange", next)
	own := uint64(3 * far) // none twice: that would be waited for
	for name, op := range ops {
		if op.CID != 0 {
			own += 10_000
			op.CID = own
		}
		r := request(op)
		costsNothing(t, "Remember of one "+name, func() {
			if err := o.Remember(r, at); err != nil {
				t.Fatal(err)
			}
			r.Ops[0].CID += min(1, r.Ops[0].CID)
		})
	}
	r = request(submit(1e12+7, "tBTCUSD", "0.5", "60000"))
	r.Ops[0] = update(1e12+7, time.Now(), "1", "", "")
	decide := ifKnown(r)
	costsNothing(t, "Judge of an unknown one", func() { _, _ = o.Judge(r, at, decide) })
}
