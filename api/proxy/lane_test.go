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

// learn has the lanes know the API key of a stand-in credential.
func (l *lanes) learn(id, apiKey string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.learnMu(id, apiKey)
}

// arrive has somebody queue, who writes down when their turn comes, and gives it on.
func arrive(t *testing.T, l *lanes, who string, r rank, order *[]string, all *sync.WaitGroup) {
	t.Helper()
	all.Go(func() {
		leave, _, err := l.enter(t.Context(), flow{id: who}, r)
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
		hold, _, err := l.enter(t.Context(), flow{id: "a"}, ordinary)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var all sync.WaitGroup
		for _, who := range strings.Fields("a a a a b b c") { // a floods
			arrive(t, l, who, ordinary, &order, &all)
		}
		arrive(t, l, "c", cancel, &order, &all)
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
		hold, _, err := l.enter(t.Context(), flow{id: "flood"}, ordinary)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var all sync.WaitGroup
		for range 20 {
			arrive(t, l, "flood", cancel, &order, &all)
		}
		arrive(t, l, "other", ordinary, &order, &all)
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
		hold, _, err := l.enter(t.Context(), flow{id: "flood"}, ordinary)
		if err != nil {
			t.Fatal(err)
		}
		defer hold()
		for i := range 2 * mostWaiting {
			go l.enter(t.Context(), flow{id: "flood"}, cancel+rank(i%2))
		}
		synctest.Wait()
		if _, _, err := l.enter(t.Context(), flow{id: "flood"}, ordinary); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
		if _, _, err := l.enter(t.Context(), flow{id: "other"}, ordinary); !errors.Is(err, errLate) { // it may wait, and gives up
			t.Errorf("%v", err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if _, _, err := l.enter(stopped, flow{id: "other"}, ordinary); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		for _, q := range l.lanes["KEY"].queues { // all have given up by now
			if len(q.waiting) != 0 || len(q.order) != 0 {
				t.Errorf("%v still wait", q)
			}
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
			ctx, stop := context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond)
			defer stop()
			if i%3 != 0 {
				ctx = t.Context()
			}
			leave, _, err := l.enter(ctx, flow{id: fmt.Sprint(i % 40)}, rank(i%3))
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
			leave, _, err := l.enter(t.Context(), flow{id: fmt.Sprint(i % 40)}, ordinary)
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

// Whoever names a credential that is not theirs fills places of their own with it.
func TestAStrangerTakesNobodysPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		l.learn("bot", "KEY")
		hold, _, err := l.enter(t.Context(), flow{1, "bot"}, ordinary)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * mostWaiting {
			go func() {
				if leave, _, err := l.enter(t.Context(), flow{2, "bot"}, ordinary); err == nil {
					leave()
				}
			}()
		}
		synctest.Wait()
		var before int // of the strangers left before the bot
		go func() {
			leave, _, err := l.enter(t.Context(), flow{1, "bot"}, ordinary)
			if err != nil {
				t.Error(err)
				return
			}
			l.mu.Lock()
			before = mostWaiting - len(l.lanes["KEY"].queues[ordinary].waiting[flow{2, "bot"}])
			l.mu.Unlock()
			leave()
		}()
		synctest.Wait()
		hold()
		synctest.Wait()
		if before != 1 {
			t.Errorf("%d strangers left before it", before)
		}
	})
}

// Before its first signature nobody knows which API key a credential stands for. Then its
// request has its nonce: it is next in that lane, and those that came after it follow.
func TestAFirstSignatureMovesIntoTheLaneOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		l.learn("known", "KEY")
		hold, _, err := l.enter(t.Context(), flow{id: "known"}, ordinary)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var all sync.WaitGroup
		arrive(t, l, "known", cancel, &order, &all)
		from, lane, err := l.enter(t.Context(), flow{id: "new"}, ordinary)
		if err != nil || lane == "KEY" {
			t.Fatal(lane, err)
		}
		arrive(t, l, "new", ordinary, &order, &all) // waits in the lane of its own
		all.Go(func() {
			leave, err := l.move(t.Context(), from, "KEY", flow{id: "new"})
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, "moved")
			leave()
		})
		synctest.Wait()
		if len(order) != 0 {
			t.Errorf("%v left while the lane was taken", order)
		}
		hold()
		all.Wait()
		if got := strings.Join(order, " "); got != "moved known new" {
			t.Errorf("they left as %s", got)
		}
		if len(l.lanes) != 0 {
			t.Errorf("%d lanes are left", len(l.lanes))
		}
	})
}
