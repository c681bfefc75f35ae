//go:build !race

// Not under the race detector: its shadow memory is terabytes to scan, and copies.

package guard_test

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/vault/internal/guard"
)

// marks are 256 bytes, twice, in locked memory and nowhere else.
type marks []byte

func newMarks(t *testing.T, seed uint64) marks {
	s := newSlab(t, 512, 1, guard.Memguard)
	i := alloc(t, s)
	if !s.Enter() {
		t.Fatal("Enter refused")
	}
	t.Cleanup(s.Leave)
	m := marks(s.Slot(i))
	for i := range 256 {
		seed = seed*6364136223846793005 + 1442695040888963407
		m[i], m[256+i] = byte(seed>>56), byte(seed>>56)
	}
	return m
}

// inRegisters loads all marks into vector registers, by way of memmove.
func (m marks) inRegisters() { copy(m[256:], m[:256]) }

// onTheStack leaves the marks 2 KiB below the frame of the caller.
//
//go:noinline
func (m marks) onTheStack() byte {
	var frame [2048]byte
	//lint:ignore S1001 copy would take the marks through vector registers, which is another test
	for i, b := range m {
		frame[i] = b
	}
	return frame[m[0]]
}

// signal makes the kernel write this thread's registers to its signal stack.
func signal() {
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGURG); err != nil {
		panic(err)
	}
}

// leaked reports whether any aligned 16 of the marks are in writable memory that is
// not locked. Byte by byte: it must not load the marks into a vector register.
func (m marks) leaked(t *testing.T) bool {
	t.Helper()
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	buf := newSlab(t, 256<<10, 1, guard.Memguard) // locked, so not read itself
	defer buf.Destroy()
	i := alloc(t, buf)
	if !buf.Enter() {
		t.Fatal("Enter refused")
	}
	defer buf.Leave()
	for _, r := range mappings() {
		if r.perms[:2] != "rw" || slices.Contains(r.flags, "lo") {
			continue
		}
		for at := r.start; at < r.end; at += uintptr(len(buf.Slot(i)) - 15) {
			chunk := buf.Slot(i)[:min(uintptr(len(buf.Slot(i))), r.end-at)]
			n, _ := memory.ReadAt(chunk, int64(at))
			if m.in(chunk[:n]) {
				return true
			}
		}
	}
	return false
}

func (m marks) in(chunk []byte) bool {
	var first [256]bool // the first byte of any 16: no secret
	for i := 0; i < 256; i += 16 {
		first[m[i]] = true
	}
	for at := 0; at+16 <= len(chunk); at++ {
		if !first[chunk[at]] {
			continue
		}
		for i := 0; i < 256; i += 16 {
			n := 0
			for n < 16 && chunk[at+n] == m[i+n] {
				n++
			}
			if n == 16 {
				return true
			}
		}
	}
	return false
}

// leaksFrom runs f and reports whether it has leaked while its goroutine waits,
// stack and all.
func (m marks) leaksFrom(t *testing.T, f func(m marks)) bool {
	t.Helper()
	done, stay := make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f(m)
		close(done)
		<-stay
	}()
	<-done
	defer close(stay)
	return m.leaked(t)
}

// Each way of leaking is shown to leak without Quiet: the test can see it.
func TestQuietLeavesNoSecretInRegistersOrOnTheStack(t *testing.T) { // P1, A52
	loud := func(f func()) { f() }
	for seed, c := range map[uint64]struct {
		name string
		f    func(run func(func()), m marks)
	}{
		1: {"a signal while f runs", func(run func(func()), m marks) { run(func() { m.inRegisters(); signal() }) }},
		3: {"a signal later on", func(run func(func()), m marks) { run(m.inRegisters); signal() }},
		5: {"a frame of the stack", func(run func(func()), m marks) { run(func() { m.onTheStack() }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if newMarks(t, seed).leaksFrom(t, func(m marks) { c.f(guard.Quiet, m) }) {
				t.Error("leaked")
			}
			if !newMarks(t, seed+1).leaksFrom(t, func(m marks) { c.f(loud, m) }) {
				t.Error("no leak without Quiet: the test is blind")
			}
		})
	}
}

func TestQuietRestoresSignalsAndPassesPanicsOn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := signalMask(t)
	var nothing *int
	for name, f := range map[string]func(){
		"a panic":       func() { panic("f") },
		"a fault":       func() { *nothing = 1 },
		"a nested call": func() { guard.Quiet(func() { panic("f") }) },
	} {
		if !panics(func() { guard.Quiet(f) }) {
			t.Errorf("%s: lost", name)
		}
		if after := signalMask(t); after != before {
			t.Errorf("%s: signal mask %v, want %v", name, after, before)
		}
	}
}

func signalMask(t *testing.T) (mask unix.Sigset_t) {
	t.Helper()
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &mask); err != nil {
		t.Fatal(err)
	}
	return mask
}
