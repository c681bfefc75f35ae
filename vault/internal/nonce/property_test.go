package nonce_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/nonce"
)

func asHeld(err error, held **nonce.HeldError) bool { return errors.As(err, held) }

// machine is a vault on a machine whose clock steps and whose power fails.
type machine struct {
	t          *rapid.T
	epoch      time.Time     // when the machine was built
	step       time.Duration // by which its wall clock is wrong
	unlockStep time.Duration // its step at the last unlock
	latency    time.Duration // of a commit

	mu        sync.Mutex // what the commit shares with the test
	power     *bool      // of this incarnation; false once it crashed
	late      bool       // whether a commit in flight at a crash still reaches the disk
	onDisk    nonce.RequestNonce
	diskFull  bool
	clock     *nonce.Clock
	book      *nonce.Book
	counter   *nonce.Counter
	highest   nonce.RequestNonce // ever given out
	crashes   nonce.RequestNonce
	farthest  time.Duration // the largest step that an unlock believed
	callsMade int
}

var errDisk = errors.New("no space left")

func (m *machine) boot() time.Duration { return time.Since(m.epoch) }
func (m *machine) wall() time.Time     { return time.Now().Add(m.step) }

func (m *machine) unlock() {
	power := true
	m.power = &power
	m.clock = nonce.NewClock(m.wall, m.boot)
	m.farthest = max(m.farthest, m.step)
	m.unlockStep = m.step
	book, err := nonce.NewBook(func(marks []nonce.Mark) error {
		time.Sleep(m.latency)
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case !power && !m.late:
			return errDisk
		case m.diskFull:
			return errDisk
		case marks[0].UpTo <= m.onDisk && power:
			m.t.Errorf("mark %d after %d", marks[0].UpTo, m.onDisk)
		}
		m.onDisk = max(m.onDisk, marks[0].UpTo)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.book = book
	m.counter = book.Counter("k", m.onDisk)
}

// crash leaves everything as it is, a commit in flight included, and starts anew
// from the disk. What was in flight gets there before the restart or never.
func (m *machine) crash() {
	m.mu.Lock()
	*m.power = false
	m.late = rapid.Bool().Draw(m.t, "late")
	m.mu.Unlock()
	synctest.Wait()
	time.Sleep(m.latency)
	synctest.Wait()
	m.crashes++
	m.unlock()
}

func (m *machine) sign() {
	m.callsMade++
	now, ahead := m.clock.Now()
	if want := m.step-m.unlockStep > time.Minute; ahead != want {
		m.t.Fatalf("ahead is %v with a step of %v since unlock", ahead, m.step-m.unlockStep)
	}
	n, err := m.counter.Next(now)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil && m.diskFull:
		return
	case err != nil:
		m.t.Fatalf("refused: %v", err)
	case n <= m.highest:
		m.t.Fatalf("%d after %d", n, m.highest)
	case n > m.onDisk:
		m.t.Fatalf("%d with %d on disk", n, m.onDisk)
	}
	m.highest = n
	// Not burnt: the clock it was unlocked with, a minute of tolerance, a minute of
	// reach that one crash may skip, and a second for each crash.
	limit := micros(time.Now().Add(m.farthest+2*time.Minute)) + (m.crashes+2)*second + nonce.RequestNonce(m.callsMade)
	if n > limit {
		m.t.Fatalf("%d is %d s beyond what was reasonable", n, (n-limit)/second)
	}
}

// P6, A40, A41, A44: unique and rising over crashes, full disks and clock steps;
// nothing refused but for the disk, nothing burnt.
func TestNumbersHoldOverCrashesAndClockSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// rapid ends a failed or unusable run by a panic, which has to arrive in its
		// own goroutine and not in the bubble's.
		var end any
		synctest.Test(t, func(*testing.T) {
			defer func() { end = recover() }()
			time.Sleep(time.Until(day))
			m := &machine{t: rt, epoch: time.Now().Add(-time.Hour), onDisk: micros(day), highest: micros(day)}
			m.latency = time.Duration(rapid.IntRange(0, 3000).Draw(rt, "latency ms")) * time.Millisecond
			m.unlock()
			defer func() { m.book.Stop() }()
			rt.Repeat(m.actions())
		})
		if end != nil {
			panic(end)
		}
	})
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"sign": func(*rapid.T) { m.sign() },
		"sign a lot": func(rt *rapid.T) {
			for range rapid.IntRange(1, 200).Draw(rt, "times") {
				m.sign()
				time.Sleep(250 * time.Millisecond)
			}
		},
		"pass": func(rt *rapid.T) {
			time.Sleep(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(rt, "ns")))
		},
		"step": func(rt *rapid.T) {
			m.step = rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Microsecond, 59 * time.Second,
				61 * time.Second, time.Hour, 365 * 24 * time.Hour}).Draw(rt, "step")
		},
		"disk": func(rt *rapid.T) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.diskFull = rapid.Bool().Draw(rt, "full")
		},
		"crash": func(*rapid.T) { m.crash() },
	}
}

// A44: a year's step while it runs moves nothing.
func TestAYearsStepWhileRunningBurnsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start, step := time.Now(), time.Duration(0)
		clock := nonce.NewClock(func() time.Time { return time.Now().Add(step) }, func() time.Duration { return time.Since(start) })
		c := newBook(t, newDisk(t).commit).Counter("k", now())
		for i := range 1000 {
			if i == 100 {
				step = 365 * 24 * time.Hour
			}
			at, _ := clock.Now()
			if n := mustNext(t, c, at); n > now()+61*second {
				t.Fatalf("%d s ahead", (n-now())/second)
			}
			time.Sleep(time.Second)
		}
	})
}

// P6: a daemon that dies at every start does not run away from the clock.
func TestALoopOfCrashesGainsASecondEach(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		start := now()
		d.marks["k"] = start
		const crashes = 1000
		for range crashes {
			c := newBook(t, d.commit).Counter("k", d.mark("k"))
			mustNext(t, c, now())
			synctest.Wait()
		}
		if gained := d.mark("k") - start; gained > 60*second+crashes*(second+2) {
			t.Errorf("%d s ahead after %d crashes", gained/second, crashes)
		}
	})
}
