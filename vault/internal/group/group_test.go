package group_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/group"
)

var (
	errEnded = errors.New("ended")
	errLate  = errors.New("late")
)

func TestWhatComesWhileOneFliesGoesTogetherIntoTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
		var batches [][]int
		g := group.New(func(batch []int) error {
			time.Sleep(time.Second / 2)
			batches = append(batches, batch)
			return nil
		}, errEnded, errLate)
		var wg sync.WaitGroup
		for i := range 100 {
			f, err := g.Join(i)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				if err := f.Wait(); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait()
			}
		}
		wg.Wait()
		if len(batches) != 2 || len(batches[0]) != 1 || len(batches[1]) != 99 {
			t.Errorf("batches %v", batches)
		}
		f, _ := g.Join(100) // at rest, and on again
		if err := f.Wait(); err != nil || len(batches) != 3 {
			t.Errorf("%v, %d batches", err, len(batches))
		}
	})
}

func TestOneFliesAtATimeAndEachGetsItsOwnResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flying := 0
		g := group.New(func(batch []int) error {
			flying++
			if flying != 1 {
				t.Errorf("%d at a time", flying)
			}
			time.Sleep(time.Second / 2)
			flying--
			return fmt.Errorf("batch of %d", batch[0])
		}, errEnded, errLate)
		var wg sync.WaitGroup
		for i := range 10 {
			f, _ := g.Join(i)
			synctest.Wait()
			time.Sleep(600 * time.Millisecond)
			wg.Go(func() {
				if err := f.Wait(); err == nil || err.Error() != fmt.Sprintf("batch of %d", i) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestStopLetsNothingMoreTakeOffAndWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int32
		g := group.New(func([]int) error { time.Sleep(time.Second / 2); done.Add(1); return nil }, errEnded, errLate)
		first, _ := g.Join(1)
		synctest.Wait()
		second, _ := g.Join(2)
		g.Stop()
		g.Stop()
		if done.Load() != 0 || !g.Stopped() {
			t.Error("Stop has waited, or has not stopped")
		}
		if err := first.Wait(); err != nil {
			t.Errorf("one that had taken off: %v", err)
		}
		if err := second.Wait(); !errors.Is(err, errEnded) || done.Load() != 1 {
			t.Errorf("one that had not: %v", err)
		}
		if _, err := g.Join(3); !errors.Is(err, errEnded) {
			t.Errorf("one that came later: %v", err)
		}
	})
}

// A48: nobody waits for a disk that hangs, and what lands late has landed all the same.
func TestAFlightThatIsLateIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		landed := 0
		g := group.New(func([]int) error { <-hung; landed++; return nil }, errEnded, errLate)
		f, err := g.Join(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(); !errors.Is(err, errLate) {
			t.Errorf("%v", err)
		}
		close(hung)
		if err := f.Wait(); err != nil || landed != 1 {
			t.Errorf("%v after it has landed", err)
		}
	})
}
