package nonce_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/nonce"
)

// event is one thing that happens to a machine.
type event struct {
	Kind string
	For  time.Duration // to let pass; or by which the wall clock is wrong from now on
	N    int           // how many signatures, a quarter of a second apart
	Yes  bool          // the disk is full; what was in flight at the crash gets to the disk
}

func drawEvent(t *rapid.T) event {
	e := event{Kind: rapid.SampledFrom([]string{"sign", "sign", "pass", "step", "disk", "crash"}).Draw(t, "kind")}
	switch e.Kind {
	case "sign":
		e.N = rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 200)).Draw(t, "n")
	case "pass":
		e.For = time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "for"))
	case "step":
		e.For = rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Microsecond, 59 * time.Second,
			61 * time.Second, time.Hour, 365 * 24 * time.Hour}).Draw(t, "step")
	case "disk", "crash":
		e.Yes = rapid.Bool().Draw(t, "yes")
	}
	return e
}

// machine is a vault on a machine whose clock steps and whose power fails.
type machine struct {
	epoch   time.Time     // when it was built
	latency time.Duration // of a commit

	step     time.Duration // by which its wall clock is wrong
	believed time.Duration // that, at the last unlock
	farthest time.Duration // the largest that an unlock believed
	clock    *nonce.Clock
	book     *nonce.Book
	counter  *nonce.Counter

	highest nonce.RequestNonce // ever given out
	crashes nonce.RequestNonce
	signed  nonce.RequestNonce

	mu       sync.Mutex // what the commits share with the rest
	power    int        // counts incarnations
	late     bool       // a commit of the incarnation before still reaches the disk
	diskFull bool
	onDisk   nonce.RequestNonce
	wrong    error
}

var errDisk = errors.New("no space left")

func newMachine(latency time.Duration) *machine {
	m := &machine{epoch: time.Now().Add(-time.Hour), latency: latency, onDisk: now(), highest: now()}
	m.unlock()
	return m
}

func (m *machine) unlock() {
	m.power++
	power := m.power
	wall := func() time.Time { return time.Now().Add(m.step) }
	m.clock = nonce.NewClock(wall, func() time.Duration { return time.Since(m.epoch) })
	m.believed, m.farthest = m.step, max(m.farthest, m.step)
	m.book, _ = nonce.NewBook(func(marks []nonce.Mark) error { return m.commit(power, marks[0].UpTo) })
	m.counter = m.book.Counter("k", m.onDisk)
}

func (m *machine) commit(power int, upTo nonce.RequestNonce) error {
	time.Sleep(m.latency)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.diskFull || power != m.power && !m.late {
		return errDisk
	}
	if upTo <= m.onDisk {
		m.wrong = fmt.Errorf("mark %d after %d", upTo, m.onDisk)
	}
	m.onDisk = upTo
	return nil
}

func (m *machine) live(e event) error {
	switch e.Kind {
	case "sign":
		for range e.N {
			if err := m.sign(); err != nil {
				return err
			}
			time.Sleep(250 * time.Millisecond)
		}
	case "pass":
		time.Sleep(e.For)
	case "step":
		m.step = e.For
	case "disk":
		m.mu.Lock()
		defer m.mu.Unlock()
		m.diskFull = e.Yes
	case "crash":
		m.crash(e.Yes)
	}
	return nil
}

// crash leaves everything as it is, a commit in flight included, and starts anew
// from the disk.
func (m *machine) crash(late bool) {
	m.mu.Lock()
	m.power, m.late = m.power+1, late
	m.mu.Unlock()
	time.Sleep(m.latency)
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashes, m.late = m.crashes+1, false
	m.unlock()
}

func (m *machine) sign() error {
	at, ahead := m.clock.Now()
	if want := m.step-m.believed > time.Minute; ahead != want {
		return fmt.Errorf("ahead is %v, %v after an unlock with %v", ahead, m.step, m.believed)
	}
	n, err := m.counter.Next(at)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signed++
	// Not burnt: the clock at an unlock, a minute of tolerance, a minute of reach
	// that a crash may skip, a second for each crash, and what was signed meanwhile.
	limit := micros(time.Now().Add(m.farthest+2*time.Minute)) + m.crashes*second + m.signed
	switch {
	case err != nil && m.diskFull:
		return nil
	case err != nil:
		return fmt.Errorf("refused: %w", err)
	case n <= m.highest:
		return fmt.Errorf("%d after %d", n, m.highest)
	case n > m.onDisk:
		return fmt.Errorf("%d with %d on disk", n, m.onDisk)
	case n > limit:
		return fmt.Errorf("%d s beyond what was reasonable", (n-limit)/second)
	}
	m.highest = n
	return m.wrong
}

// P6, A40, A41, A44: unique and rising over crashes, full disks and clock steps;
// nothing refused but for the disk, nothing burnt.
func TestNumbersHoldOverCrashesAndClockSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		latency := time.Duration(rapid.IntRange(0, 700).Draw(rt, "latency ms")) * time.Millisecond
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 60).Draw(rt, "events")
		var err error
		inBubble(t, func(*testing.T) {
			m := newMachine(latency)
			defer func() { m.book.Stop() }()
			for i, e := range events {
				if err = m.live(e); err != nil {
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
