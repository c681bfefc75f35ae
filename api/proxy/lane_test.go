package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// arrive has somebody queue, who writes down when their turn comes, and gives it on.
func arrive(t *testing.T, l *lanes, who string, first bool, order *[]string, all *sync.WaitGroup) {
	t.Helper()
	all.Go(func() {
		leave, err := l.enter(t.Context(), who, first)
		if err != nil {
			t.Error(err)
			return
		}
		*order = append(*order, who) // one at a time
		leave()
	})
	synctest.Wait()
}

func TestCancelsGoFirstAndCredentialsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		for _, who := range []string{"a", "b", "c"} {
			l.learn(who, "KEY")
		}
		hold, err := l.enter(t.Context(), "a", false)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var all sync.WaitGroup
		for _, who := range strings.Fields("a a a a b b c") { // a floods
			arrive(t, l, who, false, &order, &all)
		}
		arrive(t, l, "c", true, &order, &all)
		hold()
		all.Wait()
		if got := strings.Join(order, " "); got != "c a b c a b a a" {
			t.Errorf("they left as %s", got)
		}
		if len(l.lanes) != 0 {
			t.Errorf("%d lanes are left", len(l.lanes))
		}
	})
}

// Who sends nothing but cancels holds up nobody for long.
func TestAFloodOfCancelsLetsOthersThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		l.learn("flood", "KEY")
		l.learn("other", "KEY")
		hold, err := l.enter(t.Context(), "flood", false)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var all sync.WaitGroup
		for range 20 {
			arrive(t, l, "flood", true, &order, &all)
		}
		arrive(t, l, "other", false, &order, &all)
		hold()
		all.Wait()
		if at := slices.Index(order, "other"); at != mostFirst {
			t.Errorf("it left at place %d", at)
		}
	})
}

func TestALaneIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		l.learn("flood", "KEY")
		l.learn("other", "KEY")
		hold, err := l.enter(t.Context(), "flood", false)
		if err != nil {
			t.Fatal(err)
		}
		defer hold()
		for i := range mostWaiting {
			go l.enter(t.Context(), "flood", i%2 == 0)
		}
		synctest.Wait()
		if _, err := l.enter(t.Context(), "flood", false); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
		if _, err := l.enter(t.Context(), "other", false); !errors.Is(err, errLate) { // it may wait, and gives up
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.enter(ctx, "other", false); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if waiting := l.lanes["KEY"].waiting; waiting != 0 { // all have given up by now
			t.Errorf("%d still wait", waiting)
		}
	})
}

// Whatever comes, leaves and gives up: one at a time has the turn, and none is lost.
func TestOneAtATimeHasTheTurn(t *testing.T) {
	l := newLanes()
	var inside, done atomic.Int32
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond)
			defer cancel()
			if i%3 != 0 {
				ctx = t.Context()
			}
			leave, err := l.enter(ctx, fmt.Sprint(i%40), i%5 == 0)
			if err != nil {
				return
			}
			l.learn(fmt.Sprint(i%40), "KEY") // from its second request on all share a lane
			done.Add(1)
			leave()
			leave()
		})
	}
	all.Wait()
	for i := range 40 {
		l.learn(fmt.Sprint(i), "KEY")
	}
	for i := range 100 {
		all.Go(func() {
			leave, err := l.enter(t.Context(), fmt.Sprint(i%40), false)
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d at once", n)
			}
			inside.Add(-1)
			leave()
		})
	}
	all.Wait()
	if len(l.lanes) != 0 || done.Load() == 0 {
		t.Errorf("%d lanes are left, %d had a turn", len(l.lanes), done.Load())
	}
}
