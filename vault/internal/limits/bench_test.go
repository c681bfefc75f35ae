package limits_test

import (
	"fmt"
	"testing"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// allLimits never refuse what a benchmark does.
func allLimits() *policy.Limits {
	return &policy.Limits{
		Rate: &policy.Rate{Interval: 1, Burst: 100_000}, CancelRate: &policy.Rate{Interval: 1, Burst: 100_000},
		DailyRequests: ptr(uint64(1e15)),
		DailyNotional: map[string]policy.Decimal{"EUR": dec("1"), "USD": dec("900000000000000000"), "UST": dec("1")},
	}
}

// slowOrders has a commit that begins with a call of hold.
func slowOrders(t testing.TB, hold func()) *limits.Orders {
	l, err := limits.NewLedger(func([]limits.Record) error { hold(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.Orders("id", nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func BenchmarkTake(b *testing.B) {
	order := func(n int) *policy.Request {
		r := request()
		for range n {
			r.Ops = append(r.Ops, submit(7, "tBTCUSD", "0.5", "60000"))
		}
		return r
	}
	for name, r := range map[string]*policy.Request{"read": read(), "order": order(1), "75orders": order(75), "cancel": cancels(1)} {
		b.Run(name, func(b *testing.B) {
			d := newDisk(b)
			m, l, start := d.meter(d.ledger(), now(), true), allLimits(), now()
			step := time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				step += 75
				if err := m.Take(l, r, policy.Now{Wall: start.Wall, Steady: start.Steady.Add(step)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTakeParallel(b *testing.B) {
	d := newDisk(b)
	m, l, r := d.meter(d.ledger(), now(), true), allLimits(), request(submit(7, "tBTCUSD", "0.5", "60000"))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := m.Take(l, r, now()); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	for _, n := range []uint64{100, 60_000} {
		b.Run(fmt.Sprint(n, "orders"), func(b *testing.B) {
			d := newDisk(b)
			o := d.orders(d.ledger())
			for cid := range n {
				remember(b, o, submit(cid*7919+1, "tBTCUSD", "0.5", "60000"))
			}
			r, at := request(update(0, time.Now(), "0.25", "", "60000")), now()
			cid := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				cid = (cid + 1) % n
				r.Ops[0].CID = cid*7919 + 1
				if _, err := o.Judge(r, at, allow); err != nil || r.Ops[0].Was == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJudgeWithoutAnUpdate(b *testing.B) {
	o, r, at := slowOrders(b, func() {}), request(submit(7, "tBTCUSD", "0.5", "60000")), now()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = o.Judge(r, at, allow)
	}
}

func BenchmarkRemember(b *testing.B) {
	o, at := slowOrders(b, func() { time.Sleep(2 * time.Millisecond) }), now()
	r := request(submit(1, "tBTCUSD", "0.5", "60000"))
	b.ReportAllocs()
	for b.Loop() {
		r.Ops[0].CID++
		if r.Ops[0].CID%60_000 == 0 {
			o = slowOrders(b, func() { time.Sleep(2 * time.Millisecond) })
		}
		if err := o.Remember(r, at); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnlock reads a full memory.
func BenchmarkUnlock(b *testing.B) {
	d := newDisk(b)
	l := d.ledger()
	o := d.orders(l)
	for cid := range uint64(limits.MaxOrders - 1) {
		remember(b, o, submit(cid+1, "tBTCUSD", "0.5", "60000"))
	}
	remember(b, o, submit(1, "tBTCUSD", "0.5", "60000")) // waits
	stored, size := d.all("id"), 0
	for _, v := range stored {
		size += len(v)
	}
	b.ReportMetric(float64(size)/limits.MaxOrders, "B/order")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Orders("id", stored); err != nil {
			b.Fatal(err)
		}
	}
}
