package limits_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

func daily(n uint64) *policy.Limits { return &policy.Limits{DailyRequests: &n} }

// A39
func TestOfAHundredAtALimitExactlyAsManyPass(t *testing.T) {
	for _, n := range []uint64{0, 1, 7, 50, 64, 99, 100, 1000} {
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			d.latency = time.Millisecond
			m := d.meter(d.ledger(), now(), true)
			var passed, refusals atomic.Uint64
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					for range 3 {
						if refused(t, m.Take(daily(n), read(), now())) == "" {
							passed.Add(1)
						} else {
							refusals.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if want := min(n, 300); passed.Load() != want || refusals.Load() != 300-want {
				t.Errorf("limit %d: %d of 300 passed", n, passed.Load())
			}
			if n == 50 && d.count() > 4 {
				t.Errorf("%d commits: they were not shared", d.count())
			}
		})
	}
}

// A39: by notional too, two currencies in one request, all or nothing.
func TestARequestIsChargedInFullOrNotAtAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		l := &policy.Limits{
			Rate: &policy.Rate{Interval: time.Second, Burst: 10}, CancelRate: &policy.Rate{Interval: time.Second, Burst: 10},
			DailyRequests: ptr(uint64(1000)), DailyNotional: map[string]policy.Decimal{"USD": dec("1000"), "EUR": dec("50")},
		}
		both := func(usd, eur string) *policy.Request {
			return request(submit(1, "tBTCUSD", usd, "1"), submit(2, "tBTCEUR", "-"+eur, "1"),
				policy.Op{Action: policy.Retract, Class: policy.Cancel})
		}
		for _, tc := range []struct{ usd, eur, rule string }{
			{"600", "40", ""}, {"1", "11", "daily_notional"}, {"401", "1", "daily_notional"}, {"400", "10", ""},
		} {
			if got := refused(t, m.Take(l, both(tc.usd, tc.eur), now())); got != tc.rule {
				t.Fatalf("%v: refused by %q", tc, got)
			}
		}
		left := m.Left(l, now())
		if *left.Rate != 6 || *left.CancelRate != 8 || *left.Requests != 996 ||
			!left.Notional["USD"].IsZero() || !left.Notional["EUR"].IsZero() {
			t.Errorf("left: %d %d %d %v", *left.Rate, *left.CancelRate, *left.Requests, left.Notional)
		}
		if want := time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC); !left.DayEnds.Equal(want) {
			t.Errorf("the day ends %v", left.DayEnds)
		}
	})
}

// DESIGN section 10: cancels pass trade quotas, under their own rate.
func TestCancelsPayOnlyWithTheirOwnRate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		l := &policy.Limits{Rate: &policy.Rate{Interval: time.Hour, Burst: 1}, DailyRequests: ptr(uint64(1)),
			DailyNotional: map[string]policy.Decimal{}, CancelRate: &policy.Rate{Interval: time.Minute, Burst: 5}}
		if rule := refused(t, m.Take(l, read(), now())); rule != "" {
			t.Fatal(rule)
		}
		for range 5 {
			if rule := refused(t, m.Take(l, cancels(1), now())); rule != "" {
				t.Fatalf("refused by %s", rule)
			}
		}
		err := m.Take(l, cancels(0), now())
		var limit *limits.LimitError
		if !errors.As(err, &limit) || limit.Rule != "cancel_rate" || limit.RetryAfter != time.Minute || limit.Never {
			t.Fatalf("%+v", err)
		}
		time.Sleep(limit.RetryAfter - 1)
		if rule := refused(t, m.Take(l, cancels(1), now())); rule != "cancel_rate" {
			t.Errorf("a nanosecond early: %q", rule)
		}
		time.Sleep(time.Nanosecond)
		if rule := refused(t, m.Take(l, cancels(1), now())); rule != "" {
			t.Errorf("at that moment: %s", rule)
		}
		err = m.Take(l, cancels(6), now())
		if !errors.As(err, &limit) || !limit.Never {
			t.Errorf("more than ever fits: %v", err)
		}
	})
}

func TestRateCountsOperations(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newDisk(t).meter(newDisk(t).ledger(), now(), true)
		l := &policy.Limits{Rate: &policy.Rate{Interval: time.Second, Burst: 10}}
		for _, tc := range []struct {
			r    *policy.Request
			left uint32
		}{{read(), 9}, {request(submit(0, "tBTCUSD", "1", "1"), submit(0, "tBTCUSD", "1", "1")), 7}, {cancels(3), 7}} {
			if rule := refused(t, m.Take(l, tc.r, now())); rule != "" || *m.Left(l, now()).Rate != tc.left {
				t.Errorf("refused by %q, %d left, want %d", rule, *m.Left(l, now()).Rate, tc.left)
			}
		}
		time.Sleep(2500 * time.Millisecond)
		if left := *m.Left(l, now()).Rate; left != 9 {
			t.Errorf("%d left after 2.5 s", left)
		}
		time.Sleep(time.Hour)
		if left := *m.Left(l, now()).Rate; left != 10 {
			t.Errorf("%d left after an hour", left)
		}
	})
}

// A40: a restart fills no bucket, and a step of the wall clock neither.
func TestRatesGoByTheSteadyClockAndStartEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := &policy.Limits{Rate: &policy.Rate{Interval: time.Minute, Burst: 2}, CancelRate: &policy.Rate{Interval: time.Minute, Burst: 2}}
		start := now()
		m := d.meter(d.ledger(), start, false)
		for name, step := range map[string]time.Duration{"same": 0, "ahead": 365 * 24 * time.Hour, "back": -365 * 24 * time.Hour} {
			at := policy.Now{Wall: start.Wall.Add(step), Steady: start.Steady}
			if rule := refused(t, m.Take(l, read(), at)); rule != "rate" {
				t.Errorf("%s: %q", name, rule)
			}
			if rule := refused(t, m.Take(l, cancels(1), at)); rule != "cancel_rate" {
				t.Errorf("%s: %q", name, rule)
			}
		}
		at := func(after time.Duration) policy.Now {
			return policy.Now{Wall: start.Wall, Steady: start.Steady.Add(after)}
		}
		for i, tc := range []struct {
			after time.Duration
			rule  string
		}{{time.Minute, ""}, {time.Minute, "rate"}, {0, "rate"}, {time.Minute, "rate"}, {2*time.Minute - 1, "rate"}, {2 * time.Minute, ""},
			{time.Hour, ""}, {time.Hour, ""}, {time.Hour, "rate"}} {
			if rule := refused(t, m.Take(l, read(), at(tc.after))); rule != tc.rule {
				t.Errorf("step %d: %q", i, rule)
			}
		}
		if d.count() != 0 {
			t.Error("a grant with rates only has written something")
		}
	})
}

// A40
func TestADayThatWasLeftNeverComesBack(t *testing.T) {
	const dayLength = 24 * time.Hour
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		start := now()
		m := d.meter(d.ledger(), start, true)
		at := func(wall, steady time.Duration) policy.Now {
			return policy.Now{Wall: start.Wall.Add(wall), Steady: start.Steady.Add(steady)}
		}
		for i, tc := range []struct {
			at   policy.Now
			rule string
		}{
			{at(0, 0), ""}, {at(0, 0), "daily_requests"},
			{at(365*dayLength, 0), "daily_requests"}, // ahead
			{at(-365*dayLength, dayLength), "daily_requests"},
			{at(12*time.Hour-1, 12*time.Hour), "daily_requests"}, // a nanosecond before midnight
			{at(12*time.Hour, 12*time.Hour), ""},
			{at(0, 0), "daily_requests"}, // both back
			{at(12*time.Hour, 12*time.Hour), "daily_requests"},
		} {
			if rule := refused(t, m.Take(daily(1), read(), tc.at)); rule != tc.rule {
				t.Errorf("step %d: %q", i, rule)
			}
		}
		for range 2 { // an unlock with the clock put back a day, and a year
			m = d.meter(d.ledger(), at(-365*dayLength, -365*dayLength), false)
			if rule := refused(t, m.Take(daily(1), read(), at(0, 0))); rule != "daily_requests" {
				t.Errorf("unlocked in the past: %q", rule)
			}
		}
		if rule := refused(t, m.Take(daily(1), read(), at(2*dayLength, 2*dayLength))); rule != "" {
			t.Errorf("the day after: %q", rule)
		}
	})
}

func TestLimitsMayChangeAtAnyTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		m := d.meter(d.ledger(), now(), true)
		take := func(l *policy.Limits, n int) (passed int) {
			for range n {
				if m.Take(l, read(), now()) == nil {
					passed++
				}
			}
			return passed
		}
		for i, tc := range []struct {
			l       *policy.Limits
			n, want int
		}{
			{daily(100), 60, 60}, {daily(50), 5, 0}, {daily(70), 20, 10}, {&policy.Limits{}, 5, 5}, {daily(80), 20, 10},
			{daily(10_000), 500, 500}, {daily(580), 5, 0}, {daily(581), 5, 1},
		} {
			if got := take(tc.l, tc.n); got != tc.want {
				t.Errorf("step %d: %d passed, want %d", i, got, tc.want)
			}
		}
		rate := func(every time.Duration, burst uint32) *policy.Limits {
			return &policy.Limits{Rate: &policy.Rate{Interval: every, Burst: burst}}
		}
		for i, tc := range []struct {
			l    *policy.Limits
			want int
		}{
			{rate(time.Hour, 10), 10}, {rate(time.Second, 15), 5}, {rate(time.Minute, 5), 0}, {&policy.Limits{}, 20}, {rate(time.Minute, 5), 0},
		} {
			if got := take(tc.l, 20); got != tc.want {
				t.Errorf("rate, step %d: %d passed, want %d", i, got, tc.want)
			}
		}
		for minute := range 11 { // of five tokens, fifteen are out
			if got := take(rate(time.Minute, 5), 3); got != 0 {
				t.Errorf("%d passed after %d minutes", got, minute)
			}
			time.Sleep(time.Minute)
		}
		if got := take(rate(time.Minute, 5), 3); got != 1 {
			t.Errorf("%d passed after eleven minutes", got)
		}
	})
}

// A40: a steady time that is behind another caller's takes nothing away either.
func TestACallerThatWasHeldUpIsNotRefusedForIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		early, l := now(), &policy.Limits{Rate: &policy.Rate{Interval: time.Minute, Burst: 2}}
		m := d.meter(d.ledger(), early, true)
		time.Sleep(time.Minute)
		for i, at := range []policy.Now{now(), early} {
			if rule := refused(t, m.Take(l, read(), at)); rule != "" {
				t.Errorf("caller %d is refused by %s", i, rule)
			}
		}
		if rule := refused(t, m.Take(l, read(), early)); rule != "rate" {
			t.Errorf("a third: %q", rule)
		}
	})
}

// A35: policy.Decide refuses it; if it did not, this would.
func TestWhatCannotBePricedIsNotSigned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newDisk(t).meter(newDisk(t).ledger(), now(), true)
		l := &policy.Limits{DailyNotional: map[string]policy.Decimal{"USD": dec("1000")}}
		for name, op := range map[string]policy.Op{
			"no price":            submit(1, "tBTCUSD", "1", ""),
			"another currency":    submit(1, "tBTCEUR", "1", "1"),
			"an unknown order":    update(1, time.Now(), "1", "", "1"),
			"more than the limit": submit(1, "tBTCUSD", "1001", "1"),
		} {
			var limit *limits.LimitError
			if err := m.Take(l, request(op), now()); !errors.As(err, &limit) || limit.Rule != "daily_notional" || !limit.Never {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
