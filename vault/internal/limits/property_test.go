package limits_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// event is one thing that happens to a machine.
type event struct {
	Kind string
	For  time.Duration // to let pass; or by which a clock is wrong from now on
	N    int           // how many requests, or which order
	M    int
	Yes  bool // the disk is full; what was in flight at the crash gets to the disk; cancels
}

func drawSpending(t *rapid.T) event {
	e := event{Kind: rapid.SampledFrom([]string{"take", "take", "take", "burst", "pass", "step", "disk", "crash", "lock", "limit"}).Draw(t, "kind")}
	switch e.Kind {
	case "take", "burst":
		e.N = rapid.IntRange(1, 40).Draw(t, "n")
		e.M = rapid.IntRange(1, 5).Draw(t, "operations")
		e.Yes = rapid.Bool().Draw(t, "cancels too")
	case "pass":
		e.For = time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "for"))
	case "step":
		const day = 24 * time.Hour
		e.For = rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Hour, -day, day, -365 * day, 365 * day}).Draw(t, "step")
	case "disk", "crash":
		e.Yes = rapid.Bool().Draw(t, "yes")
	case "limit":
		e.N = rapid.SampledFrom([]int{0, 1, 10, 63, 64, 200, 5000}).Draw(t, "limit")
	}
	return e
}

// spender is a vault on a machine whose clocks step and whose power fails, and a
// grant that is asked to the limit.
type spender struct {
	disk   *disk
	step   time.Duration // by which the wall clock is wrong
	steady time.Duration // likewise the steady one: as the wall clock was at the unlock
	born   time.Time
	ledger *limits.Ledger
	meter  *limits.Meter
	limits *policy.Limits

	operations, cancels uint32 // charged ever
	days                map[time.Time]*spent
	lost                int    // restarts, and commits that failed
	checked             *error // what Check said of the request that follows
}

// spent is what was signed on a day of the meter, and the largest limit it had.
type spent struct {
	requests, most uint64
	usd, mostUSD   policy.Decimal
}

const perSecond = 7

func newSpender(d *disk) *spender {
	s := &spender{disk: d, days: map[time.Time]*spent{}, born: time.Now()}
	s.setLimit(200)
	s.unlock(true)
	return s
}

func (s *spender) setLimit(n int) {
	second := &policy.Rate{Interval: time.Second / perSecond, Burst: 50}
	s.limits = &policy.Limits{Rate: second, CancelRate: second, DailyRequests: ptr(uint64(n)),
		DailyNotional: map[string]policy.Decimal{"USD": policy.NewDecimal(uint64(n)).MulUp(dec("2.5"))}}
}

func (s *spender) now() policy.Now {
	return policy.Now{Wall: time.Now().Add(s.step), Steady: time.Now().Add(s.steady)}
}

func (s *spender) unlock(fresh bool) {
	s.steady = s.step
	s.ledger = s.disk.ledger()
	s.meter = s.disk.meter(s.ledger, s.now(), fresh)
}

func (s *spender) live(e event) (err error) {
	switch e.Kind {
	case "take":
		for range e.N {
			err = errors.Join(err, s.agree(e), s.take(e))
			time.Sleep(100 * time.Millisecond)
		}
	case "burst":
		results := make(chan error, e.N)
		for range e.N {
			go func() { results <- s.take(e) }()
		}
		for range e.N {
			err = errors.Join(err, <-results)
		}
	case "pass":
		time.Sleep(e.For)
	case "step":
		s.step = e.For
	case "disk":
		s.disk.fill(e.Yes)
	case "limit":
		s.setLimit(e.N)
	case "crash":
		s.lost++
		s.disk.crash(s.ledger, e.Yes)
		s.unlock(false)
	case "lock":
		err = s.lock()
	}
	return err
}

// lock ends an incarnation in good order: of a day that goes on nothing is lost.
func (s *spender) lock() error {
	before, drained := s.meter.Left(s.limits, s.now()), s.ledger.Drain(time.Minute)
	if !drained && !s.disk.full {
		return errors.New("not drained")
	}
	s.unlock(false)
	after := s.meter.Left(s.limits, s.now())
	before.Rate, before.CancelRate, after.Rate, after.CancelRate = nil, nil, nil, nil // start empty
	if drained && after.DayEnds.Equal(before.DayEnds) && !reflect.DeepEqual(before, after) {
		return fmt.Errorf("left were %v %v, and are %v %v", *before.Requests, before.Notional, *after.Requests, after.Notional)
	}
	return nil
}

func (s *spender) request(e event) *policy.Request {
	r := request()
	for range e.M {
		r.Ops = append(r.Ops, submit(1, "tBTCUSD", "-0.7", "3.5"))
	}
	if e.Yes {
		r.Ops = append(r.Ops, cancels(1).Ops...)
	}
	return r
}

// agree compares Check with the Take that follows: what is free of a limit may still
// fail because of the disk.
func (s *spender) agree(e event) error {
	r, at := s.request(e), s.now()
	before := s.meter.Left(s.limits, at)
	check := s.meter.Check(s.limits, r, at)
	if after := s.meter.Left(s.limits, at); !reflect.DeepEqual(before, after) {
		return fmt.Errorf("Check has changed what is left: %+v, %+v", before, after)
	}
	s.checked = &check
	return nil
}

func (s *spender) take(e event) error {
	r, l := s.request(e), s.limits
	err := s.meter.Take(l, r, s.now())
	s.disk.mu.Lock() // goroutines of a burst
	defer s.disk.mu.Unlock()
	if checked := s.checked; checked != nil {
		if s.checked = nil; !reflect.DeepEqual(*checked, err) && !errors.Is(err, errDisk) {
			return fmt.Errorf("Check: %w, Take: %w", *checked, err)
		}
	}
	left := s.meter.Left(l, s.now())
	day := s.days[left.DayEnds]
	if day == nil {
		day = &spent{}
		s.days[left.DayEnds] = day
	}
	if err != nil {
		var limit *limits.LimitError
		if !errors.As(err, &limit) && !(errors.Is(err, errDisk) && s.disk.full) {
			return fmt.Errorf("refused: %w", err)
		}
		return nil
	}
	day.requests += uint64(e.M)
	day.usd = day.usd.AddAbs(policy.NewDecimal(uint64(e.M)).MulUp(dec("2.45")))
	day.most = max(day.most, *l.DailyRequests)
	if l.DailyNotional["USD"].Cmp(day.mostUSD) > 0 {
		day.mostUSD = l.DailyNotional["USD"]
	}
	s.operations += uint32(e.M)
	if e.Yes {
		s.cancels++
	}
	earned := 50 + uint32(time.Since(s.born)*perSecond/time.Second) + 1
	switch {
	case day.requests > day.most || day.usd.Cmp(day.mostUSD) > 0:
		return fmt.Errorf("%d requests and %v USD of %d and %v until %v", day.requests, day.usd, day.most, day.mostUSD, left.DayEnds)
	case s.operations > earned || s.cancels > earned:
		return fmt.Errorf("%d operations and %d cancels, %d earned", s.operations, s.cancels, earned)
	}
	return nil
}

// A39, A40, A41: no more a day than the limit, and no more ever than was earned,
// over crashes, full disks, changed limits, and both clocks stepping.
func TestLimitsHoldOverCrashesAndClockSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		latency := time.Duration(rapid.IntRange(0, 300).Draw(rt, "latency ms")) * time.Millisecond
		part := rapid.Bool().Draw(rt, "failing commits persist a part")
		n := rapid.IntRange(1, 60).Draw(rt, "number of events")
		events := rapid.SliceOfN(rapid.Custom(drawSpending), n, n).Draw(rt, "events")
		var err error
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			d.latency, d.part = latency, part
			s := newSpender(d)
			for i, e := range events {
				if err = s.live(e); err != nil {
					err = fmt.Errorf("event %d, %+v: %w", i, e, err)
					return
				}
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// A limit that is asked for evenly is not refused before it is used up, but for a
// slice for each crash.
func TestLimitsAreThereToBeUsed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Uint64Range(1, 2000).Draw(rt, "limit")
		crashes := rapid.SliceOfN(rapid.Uint64Range(1, max(1, limit)), 0, 5).Draw(rt, "crashes after")
		var passed uint64
		inBubble(t, func(t *testing.T) {
			d := newDisk(t)
			m := d.meter(d.ledger(), now(), true)
			for m.Take(daily(limit), read(), now()) == nil {
				passed++
				for _, c := range crashes {
					if c == passed {
						synctest.Wait()
						m = d.meter(d.ledger(), now(), false)
					}
				}
			}
		})
		lost := uint64(len(crashes)) * (limit/64 + limit/128 + 1)
		if limit < 64 {
			lost = 0
		}
		if passed > limit || passed+lost < limit {
			rt.Fatalf("%d of %d passed, %d may be lost", passed, limit, lost)
		}
	})
}
