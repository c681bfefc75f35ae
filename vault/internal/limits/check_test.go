package limits_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// What Check refuses is what Take does; that they agree is a property, see spender.
func TestCheckSaysWhatTakeWouldAndChargesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		m := d.meter(d.ledger(), now(), true)
		order := request(submit(1, "tBTCUSD", "5", "2"))
		minute := &policy.Rate{Interval: time.Minute, Burst: 1}
		for rule, tc := range map[string]struct {
			limits *policy.Limits
			spend  *policy.Request
		}{
			"rate":           {&policy.Limits{Rate: minute}, order},
			"cancel_rate":    {&policy.Limits{CancelRate: minute}, cancels(1)},
			"daily_requests": {daily(1), order},
			"daily_notional": {&policy.Limits{DailyNotional: map[string]policy.Decimal{"USD": dec("19")}}, order},
		} {
			start, before, commits := time.Now(), m.Left(tc.limits, now()), d.count()
			for range 3 {
				if err := m.Check(tc.limits, tc.spend, now()); err != nil {
					t.Errorf("%s: %v", rule, err)
				}
			}
			synctest.Wait()
			if time.Since(start) > 0 || d.count() != commits || !reflect.DeepEqual(before, m.Left(tc.limits, now())) {
				t.Errorf("%s: waited, reserved or charged", rule)
			}
			if err := m.Take(tc.limits, tc.spend, now()); err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
			before = m.Left(tc.limits, now())
			if got := refused(t, m.Check(tc.limits, tc.spend, now())); got != rule {
				t.Errorf("%s: refused by %q", rule, got)
			}
			if !reflect.DeepEqual(before, m.Left(tc.limits, now())) {
				t.Errorf("%s: a refusal charged", rule)
			}
		}
	})
}

// A35: an update that is over a limit is not one that was made.
func TestAnUpdateThatIsCheckedInJudgeLeavesTheMemoryAsItWas(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		m, o := d.meter(l, now(), true), d.orders(l)
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		synctest.Wait()
		before := d.count()
		limit := &policy.Limits{DailyNotional: map[string]policy.Decimal{"USD": dec("150")}}
		r := request(update(7, time.Now(), "2", "", ""))
		var err error
		decision, _ := o.Judge(r, now(), func() policy.Decision {
			err = m.Check(limit, r, now())
			return policy.Decision{Allowed: err == nil}
		})
		if decision.Allowed || refused(t, err) != "daily_notional" || d.count() != before {
			t.Errorf("allowed %t, %v, %d commits", decision.Allowed, err, d.count()-before)
		}
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was == nil || was.Amount != dec("1") {
			t.Errorf("the order is remembered as %+v", was)
		}
	})
}

// A39: a rate that is lowered and raised again gives nothing back.
func TestARateThatShrinksForgetsNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newDisk(t).meter(newDisk(t).ledger(), now(), true)
		rate := func(burst uint32) *policy.Limits {
			return &policy.Limits{Rate: &policy.Rate{Interval: time.Second, Burst: burst}}
		}
		for range 100 {
			if err := m.Take(rate(100), read(), now()); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct{ burst, left uint32 }{{100, 0}, {1, 0}, {100, 0}, {1, 0}, {150, 50}, {100, 0}} {
			if left := *m.Left(rate(tc.burst), now()).Rate; left != tc.left {
				t.Errorf("burst %d: %d left, want %d", tc.burst, left, tc.left)
			}
			if rule := refused(t, m.Take(rate(tc.burst), request(make([]policy.Op, tc.left+1)...), now())); rule != "rate" {
				t.Errorf("burst %d: more than was left is refused by %q", tc.burst, rule)
			}
		}
		time.Sleep(100 * time.Second)
		if left := *m.Left(rate(100), now()).Rate; left != 100 {
			t.Errorf("%d left once all are earned back", left)
		}
	})
}

// A39: numbers that no policy may have any more, but a file may.
func TestARateThatTakesCenturiesToFillIsALimit(t *testing.T) {
	for _, rate := range []policy.Rate{
		{Interval: 1 << 61, Burst: 4}, {Interval: 1 << 62, Burst: 2}, {Interval: 1 << 60, Burst: 8}, {Interval: 1 << 40, Burst: math.MaxUint32},
		{Interval: math.MaxInt64, Burst: 1}, {Interval: math.MaxInt64, Burst: math.MaxUint32}, {Interval: 1e14, Burst: 1_000_000},
	} {
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			l, passed := &policy.Limits{Rate: &rate, CancelRate: &rate}, uint32(0)
			for fresh, m := range map[bool]*limits.Meter{true: d.meter(d.ledger(), now(), true), false: d.meter(d.ledger(), now(), false)} {
				for range 20 {
					if m.Take(l, request(make([]policy.Op, 75)...), now()) == nil {
						passed += 75
					}
					if m.Take(l, read(), now()) == nil {
						passed++
					}
					if !fresh && passed > 0 {
						t.Fatalf("%+v begins full", rate)
					}
				}
				if passed > rate.Burst {
					t.Errorf("%+v: %d passed", rate, passed)
				}
				passed = 0
			}
		})
	}
	inBubble(t, func(t *testing.T) { // many tokens that are out, and a rate that earns each slowly
		m := newDisk(t).meter(newDisk(t).ledger(), now(), true)
		fast := &policy.Limits{Rate: &policy.Rate{Interval: time.Microsecond, Burst: 1_000_000}}
		slow := &policy.Limits{Rate: &policy.Rate{Interval: 10_000 * time.Second, Burst: 1}}
		if err := m.Take(fast, request(make([]policy.Op, 1_000_000)...), now()); err != nil {
			t.Fatal(err)
		}
		var limit *limits.LimitError
		if err := m.Take(slow, read(), now()); !errors.As(err, &limit) || limit.RetryAfter < 1000*time.Hour {
			t.Errorf("got %v", err)
		}
	})
}
