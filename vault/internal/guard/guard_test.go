package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"bfxvault/vault/internal/guard"
)

// TestMain runs the test binary as one of the children below where a test asks
// for it.
func TestMain(m *testing.M) {
	if name := os.Getenv("GUARD_CHILD"); name != "" {
		if err := children()[name](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runChild runs the named child, as attr says, and fails where it does. A child
// that hangs is killed.
func runChild(t *testing.T, name string, attr *syscall.SysProcAttr) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// The path of the binary lies in a folder that other users cannot enter.
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = []string{"GUARD_CHILD=" + name}
	cmd.SysProcAttr = attr
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("child %s: %v\n%s", name, err, out)
	}
}

// onEachBackend runs f with every backend that the kernel has. Where it lacks one,
// asking for it must be an error.
func onEachBackend(t *testing.T, f func(t *testing.T, b guard.Backend)) {
	t.Helper()
	backends := []guard.Backend{guard.Memguard, guard.MemfdSecret}
	if guard.Best() == guard.Memguard {
		backends = backends[:1]
		if _, err := guard.NewSlab(1, 1, guard.MemfdSecret); err == nil {
			t.Error("Best says memguard, and yet there is memfd_secret")
		}
	}
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) { f(t, b) })
	}
}

func newSlab(t testing.TB, slotSize, slots int, b guard.Backend) *guard.Slab {
	t.Helper()
	s, err := guard.NewSlab(slotSize, slots, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Destroy)
	return s
}

func alloc(t testing.TB, s *guard.Slab) int {
	t.Helper()
	i, err := s.Alloc()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// use returns a copy of slot i, or nil where the slab refuses.
func use(s *guard.Slab, i int) []byte {
	if !s.Enter() {
		return nil
	}
	defer s.Leave()
	return bytes.Clone(s.Slot(i))
}

func fill(s *guard.Slab, i int, with byte) {
	if s.Enter() {
		defer s.Leave()
		for j := range s.Slot(i) {
			s.Slot(i)[j] = with
		}
	}
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func isLimit(err error) bool {
	var limit *guard.LimitError
	return errors.As(err, &limit)
}

// lockedBytes returns VmLck of the process.
func lockedBytes() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(status), "VmLck:")
	kb, err := strconv.ParseUint(strings.Fields(after)[0], 10, 64)
	if err != nil {
		panic(err)
	}
	return kb * 1024
}

// mapping is one line of /proc/self/smaps with its VmFlags.
type mapping struct {
	start, end  uintptr
	perms, path string
	flags       []string
}

// mappings returns the address space in order.
func mappings() (all []mapping) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(smaps)) {
		f := strings.Fields(line)
		if f[0] == "VmFlags:" {
			all[len(all)-1].flags = f[1:]
			continue
		}
		start, end, isRange := strings.Cut(f[0], "-")
		if !isRange || strings.HasSuffix(f[0], ":") {
			continue
		}
		from, err1 := strconv.ParseUint(start, 16, 64)
		to, err2 := strconv.ParseUint(end, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			panic(err)
		}
		all = append(all, mapping{start: uintptr(from), end: uintptr(to), perms: f[1], path: strings.Join(f[5:], " ")})
	}
	return all
}

// mappingOf returns the index in all of the mapping that holds addr, or -1.
func mappingOf(all []mapping, addr uintptr) int {
	for i, m := range all {
		if m.start <= addr && addr < m.end {
			return i
		}
	}
	return -1
}
