package nonce_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/nonce"
)

const second nonce.RequestNonce = 1_000_000

func micros(t time.Time) nonce.RequestNonce { return nonce.RequestNonce(t.UnixMicro()) }

func now() nonce.RequestNonce { return micros(time.Now()) }

// inBubble runs f in a synctest bubble of today: its clock starts in 2000, where
// microseconds have 15 digits. Afterwards a minute of the bubble's time passes, in
// which every commit that had begun ends: Stop waits for none.
func inBubble(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)))
		f(t)
		time.Sleep(time.Minute)
	})
}

// disk keeps marks as the store would, and complains about one that goes back.
type disk struct {
	t       testing.TB
	latency time.Duration

	mu      sync.Mutex
	full    error
	marks   map[string]nonce.RequestNonce
	commits int
}

func newDisk(t testing.TB) *disk {
	return &disk{t: t, marks: map[string]nonce.RequestNonce{}}
}

func (d *disk) commit(marks []nonce.Mark) error {
	if d.latency > 0 {
		time.Sleep(d.latency)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commits++
	if d.full != nil {
		return d.full
	}
	seen := map[string]bool{}
	for _, m := range marks {
		if m.UpTo <= d.marks[m.Key] || seen[m.Key] {
			d.t.Errorf("mark of %s: %d after %d", m.Key, m.UpTo, d.marks[m.Key])
		}
		seen[m.Key] = true
		d.marks[m.Key] = m.UpTo
	}
	return nil
}

func (d *disk) fill(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = err
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

func (d *disk) mark(key string) nonce.RequestNonce {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.marks[key]
}

func newBook(t testing.TB, commit func([]nonce.Mark) error) *nonce.Book {
	t.Helper()
	b, err := nonce.NewBook(commit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

func mustNext(t testing.TB, c *nonce.Counter, now nonce.RequestNonce) nonce.RequestNonce {
	t.Helper()
	n, err := c.Next(now)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// P6, A39: many callers, and no number twice.
func TestNumbersAreUniqueAndRiseForEveryCaller(t *testing.T) {
	d := newDisk(t)
	b := newBook(t, d.commit)
	const callers, each = 32, 2000
	for _, key := range []string{"main/1", "main/2"} {
		c := b.Counter(key, now())
		all := make([][]nonce.RequestNonce, callers)
		var wg sync.WaitGroup
		for i := range all {
			wg.Go(func() {
				for range each {
					n, err := c.Next(now())
					if err != nil {
						t.Error(err)
						return
					}
					if own := all[i]; len(own) > 0 && n <= own[len(own)-1] {
						t.Errorf("%d after %d", n, own[len(own)-1])
					}
					all[i] = append(all[i], n)
				}
			})
		}
		wg.Wait()
		flat := slices.Concat(all...)
		slices.Sort(flat)
		if distinct := len(slices.Compact(flat)); distinct != callers*each {
			t.Errorf("%d distinct numbers of %d", distinct, callers*each)
		}
	}
}

// P6: nothing leaves before a mark at or above it is on disk.
func TestANumberIsNeverAboveThePersistedMark(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = 20 * time.Millisecond
		c := newBook(t, d.commit).Counter("k", now())
		for range 2000 {
			n := mustNext(t, c, now())
			if m := d.mark("k"); n > m {
				t.Fatalf("%d given out with mark %d", n, m)
			}
			time.Sleep(170 * time.Millisecond)
		}
	})
}

func TestTheFirstCallersShareOneCommit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		c := newBook(t, d.commit).Counter("k", now()-1)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { mustNext(t, c, now()) })
		}
		wg.Wait()
		if d.count() != 1 {
			t.Errorf("%d commits", d.count())
		}
	})
}

func TestKeysThatWakeUpTogetherShareCommits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second / 2
		b := newBook(t, d.commit)
		var wg sync.WaitGroup
		for i := range 1000 {
			c := b.Counter(string(rune('a'+i)), now()-1)
			wg.Go(func() { mustNext(t, c, now()) })
		}
		wg.Wait()
		if d.count() > 2 {
			t.Errorf("%d commits", d.count())
		}
	})
}

// P6 without its price: in steady use nobody waits for the disk.
func TestABotInSteadyUseNeverWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		d.latency = time.Second
		c := newBook(t, d.commit).Counter("k", now())
		mustNext(t, c, now())
		for range 600 {
			time.Sleep(time.Second)
			before := time.Now()
			mustNext(t, c, now())
			if waited := time.Since(before); waited > 0 {
				t.Fatalf("waited %v", waited)
			}
		}
		// Ten minutes, one commit for every half of a minute's reach, and slack for
		// the five seconds that each takes.
		if n := d.count(); n < 15 || n > 25 {
			t.Errorf("%d commits in ten minutes", n)
		}
	})
}

// P6, A47: no mark, no number; and it heals by itself.
func TestWithoutADiskNoNumberIsGivenOut(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		full := errors.New("no space left")
		d := newDisk(t)
		c := newBook(t, d.commit).Counter("k", now())
		d.fill(full)
		start := now()
		if n, err := c.Next(start + 1); !errors.Is(err, full) {
			t.Fatalf("got %d, %v", n, err)
		}
		d.fill(nil)
		if n := mustNext(t, c, start+1); n != start+1 {
			t.Errorf("got %d, want the number that was not given out, %d", n, start+1)
		}
	})
}

func TestAFullDiskIsNotAskedAtEveryNumber(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		c := newBook(t, d.commit).Counter("k", now())
		mustNext(t, c, now())
		d.fill(errors.New("no space left"))
		time.Sleep(35 * time.Second) // renewal is due, and 25 s are left
		for range 1000 {
			mustNext(t, c, now())
			synctest.Wait()
			time.Sleep(time.Millisecond)
		}
		if n := d.count(); n > 4 {
			t.Errorf("%d commits were tried in one second", n)
		}
	})
}

func TestAStoppedBookGivesNothingAndLeavesNoGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) { // which fails when a goroutine is left
		d := newDisk(t)
		d.latency = time.Second / 2
		b := newBook(t, d.commit)
		started, late := b.Counter("a", now()), b.Counter("b", now())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := started.Next(now() + 1); !errors.Is(err, nonce.ErrStopped) {
				t.Errorf("one whose commit had begun: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := late.Next(now() + 1); !errors.Is(err, nonce.ErrStopped) {
				t.Errorf("one whose commit had not begun: %v", err)
			}
		})
		synctest.Wait()
		b.Stop()
		if d.count() != 0 {
			t.Errorf("Stop has waited for the disk: %d commits have ended", d.count())
		}
		b.Stop()
		wg.Wait()
		if d.count() != 1 {
			t.Errorf("%d commits, want only the one that had begun", d.count())
		}
		if _, err := started.Next(now()); !errors.Is(err, nonce.ErrStopped) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// A44: a caller that was suspended between reading the clock and asking.
func TestAnOldTimeDoesNotPutTheMarkBack(t *testing.T) {
	d := newDisk(t) // which complains
	c := newBook(t, d.commit).Counter("k", nonce.Min)
	var clock atomic.Uint64
	clock.Store(uint64(nonce.Min))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 500 {
				mustNext(t, c, nonce.RequestNonce(clock.Add(uint64(17*second))))
			}
		})
	}
	wg.Wait()
}

// A36: 16 digits, and never above what Bitfinex takes.
func TestNumbersHave16DigitsAndEndAtTheLargest(t *testing.T) {
	b := newBook(t, newDisk(t).commit)
	if n := mustNext(t, b.Counter("small", 1), 5); n != nonce.Min {
		t.Errorf("smallest is %d", n)
	}
	c := b.Counter("large", nonce.Max-2)
	for _, want := range []nonce.RequestNonce{nonce.Max - 1, nonce.Max} {
		if n := mustNext(t, c, 5); n != want {
			t.Errorf("got %d, want %d", n, want)
		}
	}
	for _, at := range []nonce.RequestNonce{0, nonce.Max, nonce.Max + 1, 1<<64 - 1} {
		if n, err := c.Next(at); !errors.Is(err, nonce.ErrExhausted) {
			t.Errorf("after the last, at %d: %d, %v", at, n, err)
		}
	}
	for _, mark := range []nonce.RequestNonce{nonce.Max, nonce.Max + 1, 1<<64 - 1} {
		if n, err := b.Counter("spent", mark).Next(nonce.Min); !errors.Is(err, nonce.ErrExhausted) {
			t.Errorf("mark %d: %d, %v", mark, n, err)
		}
	}
}

func TestABookNeedsItsCommit(t *testing.T) {
	if _, err := nonce.NewBook(nil); err == nil {
		t.Error("a book without a commit")
	}
}
