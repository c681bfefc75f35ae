package peer

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// These tests are inside the package: from outside, only how long others wait would
// show in what order files are read.

// fake is a program that takes its time.
type fake struct {
	n    byte
	took time.Duration
	err  error
	read func() // at the beginning, where there is one
	end  func()
}

func (f fake) Close() error { return nil }

func (f fake) hash() ([sha256.Size]byte, error) {
	if f.read != nil {
		f.read()
	}
	time.Sleep(f.took)
	if f.end != nil {
		f.end()
	}
	return [sha256.Size]byte{f.n}, f.err
}

func (f fake) open() (content, error) { return f, nil }

func number(n int) program { return program{ino: uint64(n)} }

// A14: callers of one uid wait for each other, and those of another uid do not wait
// for them. After an hour of reading a uid rests for three.
func TestAUidThatShowsManyFilesHoldsUpItselfOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashes()
		begin := time.Now()
		var all sync.WaitGroup
		var ends [3]time.Duration
		for i := range ends {
			all.Go(func() {
				h.of(number(i), 1, fake{n: byte(i), took: time.Hour}.open)
				ends[i] = time.Since(begin)
			})
			synctest.Wait()
		}
		all.Go(func() {
			h.of(number(9), 2, fake{took: time.Hour}.open)
			if took := time.Since(begin); took != time.Hour {
				t.Errorf("another uid waited: %v", took)
			}
		})
		synctest.Wait()
		all.Go(func() { // and not for its turn with the file that the first is waiting to read
			h.of(number(2), 3, fake{took: time.Hour}.open)
			if took := time.Since(begin); took != 2*time.Hour {
				t.Errorf("a third uid waited for more than a slot: %v", took)
			}
		})
		all.Wait()
		if ends != [3]time.Duration{time.Hour, 5 * time.Hour, 8 * time.Hour} {
			// The last is known by then, and costs nothing but the wait.
			t.Errorf("they were done after %v", ends)
		}
		h.of(number(8), 1, fake{n: 8, took: time.Hour}.open)
		begin = time.Now()
		if sum, err := h.of(number(8), 1, fake{took: time.Hour}.open); sum[0] != 8 || err != nil || time.Since(begin) != 0 {
			t.Errorf("while it rests, a file that is known took %v: %x, %v", time.Since(begin), sum, err)
		}
		time.Sleep(24 * time.Hour)
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.turns) != 0 || len(h.busy) != 0 || len(h.slots) != 0 {
			t.Errorf("left behind: %v, %v, %d", h.turns, h.busy, len(h.slots))
		}
	})
}

func TestNoMoreThanTwoFilesAreReadAtATime(t *testing.T) { // A14
	synctest.Test(t, func(t *testing.T) {
		h := newHashes()
		var mu sync.Mutex
		now, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			most = max(most, now)
		}
		var all sync.WaitGroup
		for uid := range 10 {
			all.Go(func() {
				f := fake{took: time.Second, read: func() { count(1) }, end: func() { count(-1) }}
				h.of(number(uid), uint32(uid), f.open)
			})
		}
		all.Wait()
		if most != 2 {
			t.Errorf("%d at a time", most)
		}
	})
}

// A failure is that of one process, and nobody else's answer.
func TestAfterAFailureTheNextReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashes()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := h.of(number(1), 1, fake{took: time.Second, err: ErrGone}.open); !errors.Is(err, ErrGone) {
				t.Errorf("the first got %v", err)
			}
		})
		synctest.Wait()
		reads := 0
		for range 5 {
			all.Go(func() {
				sum, err := h.of(number(1), 1, fake{n: 7, read: func() { reads++ }}.open)
				if err != nil || sum[0] != 7 {
					t.Errorf("the next got %x, %v", sum, err)
				}
			})
		}
		all.Wait()
		if reads != 1 {
			t.Errorf("read %d times", reads)
		}
	})
}

func TestNoMoreThanAThousandHashesAreKept(t *testing.T) { // A14
	h := newHashes()
	for n := range 3 * maxHashed {
		h.keep(number(n), [sha256.Size]byte{byte(n)})
		h.keep(number(n), [sha256.Size]byte{byte(n)})
	}
	if len(h.known) != maxHashed || len(h.ring) != maxHashed {
		t.Errorf("%d kept, in a ring of %d", len(h.known), len(h.ring))
	}
	for n := 2 * maxHashed; n < 3*maxHashed; n++ {
		if sum, ok := h.known[number(n)]; !ok || sum[0] != byte(n) {
			t.Fatalf("number %d is not kept", n)
		}
	}
}

// A9: what is read is the file that was looked at, from begin to end.
func TestAFileThatChangesHasNoHash(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"left as it is": func(string) error { return nil },
		"longer":        func(path string) error { return os.Truncate(path, 1<<20+1) },
		"shorter":       func(path string) error { return os.Truncate(path, 1<<20-1) },
		"same length": func(path string) error {
			return os.WriteFile(path, make([]byte, 1<<20), 0o600)
		},
		"deleted": os.Remove,
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		// Long ago: two changes within one tick of the kernel's clock look like one.
		if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		f, err := os.Open(path)
		if err != nil || unix.Stat(path, &st) != nil {
			t.Fatal(err)
		}
		p := openProgram{identify(&st), f}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		sum, err := p.hash()
		want := sha256.Sum256(make([]byte, 1<<20))
		if ok := name == "left as it is"; ok && (err != nil || sum != want) || !ok && !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %x, %v", name, sum, err)
		}
		f.Close()
	}
}
