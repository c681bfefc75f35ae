package guard_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/vault/internal/guard"
)

// children are the programs that the test binary runs itself as.
func children() map[string]func() error {
	both := func(f func(guard.Backend) error) func() error {
		return func() error {
			err := f(guard.Memguard)
			if guard.Best() == guard.MemfdSecret {
				err = errors.Join(err, f(guard.MemfdSecret))
			}
			return err
		}
	}
	return map[string]func() error{
		"64KiB":   both(under64KiB),
		"none":    both(underNoLimit),
		"lowered": both(underLoweredLimit),
	}
}

// As an ordinary user, and as the root of a user namespace, who has CAP_IPC_LOCK
// by name only: a clear error, no hang, no panic, and whatever there was before
// is as it was.
func TestTooLittleLockableMemoryIsAClearError(t *testing.T) { // A53, A54
	type caller struct {
		name string
		attr *syscall.SysProcAttr
	}
	// Without root there is nobody else to be, and no exemption to lose.
	callers := []caller{{"ordinary user", nil}}
	if os.Geteuid() == 0 {
		self := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 65534, Size: 1}}
		callers = []caller{
			{"ordinary user", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}},
			{"root of a user namespace", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: self, GidMappings: self}},
		}
	}
	for _, c := range callers {
		for child := range children() {
			t.Run(c.name+"/"+child, func(t *testing.T) { runChild(t, child, c.attr) })
		}
	}
}

func setLimit(bytes uint64) error {
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: bytes, Max: bytes})
}

// under64KiB uses up the limit by buffers, by slabs and by growth.
func under64KiB(b guard.Backend) error {
	if err := setLimit(64 << 10); err != nil {
		return err
	}
	bystander, err := newBystander(b)
	if err != nil {
		return err
	}
	defer bystander.destroy()

	var buffers []*guard.Buffer
	for {
		buffer, err := guard.NewBuffer(100)
		if err != nil {
			if err := checkLimit(err, 64<<10); err != nil {
				return err
			}
			break
		}
		buffers = append(buffers, buffer)
	}
	if len(buffers) != 14 { // 16 pages, two of them the bystander's
		return fmt.Errorf("%s: %d buffers", b, len(buffers))
	}
	if _, err := guard.NewSlab(128, 1, b); !isLimit(err) {
		return fmt.Errorf("%s: a slab: %v", b, err)
	}
	if _, err := guard.NewSlab(128, 10_000, b); !isLimit(err) {
		return fmt.Errorf("%s: a large slab: %v", b, err)
	}
	if got := guard.Best(); b == guard.MemfdSecret && got != b {
		return fmt.Errorf("a used up limit made Best say %s", got)
	}
	for _, buffer := range buffers {
		buffer.Destroy()
	}
	// What was given back is there to be had again, down to the last page.
	s, err := guard.NewSlab(128, 1, b)
	if err != nil {
		return err
	}
	defer s.Destroy()
	for n := 0; ; n++ {
		if _, err := s.Alloc(); err != nil {
			if n != 14*32 {
				return fmt.Errorf("%s: %d slots", b, n)
			}
			return errors.Join(checkLimit(err, 64<<10), bystander.check())
		}
	}
}

// underNoLimit has no lockable memory from the start.
func underNoLimit(b guard.Backend) error {
	if err := setLimit(0); err != nil {
		return err
	}
	if _, err := guard.NewBuffer(1); err == nil || checkLimit(err, 0) != nil {
		return fmt.Errorf("a buffer: %w", err)
	}
	if _, err := guard.NewSlab(128, 1, b); err == nil || checkLimit(err, 0) != nil {
		return fmt.Errorf("%s: a slab: %w", b, err)
	}
	return nil
}

// underLoweredLimit has memory, and then may have no more.
func underLoweredLimit(b guard.Backend) error {
	if err := setSoftLimit(64 << 10); err != nil {
		return err
	}
	bystander, err := newBystander(b)
	if err != nil {
		return err
	}
	defer bystander.destroy()
	if err := setSoftLimit(0); err != nil {
		return err
	}
	if _, err := guard.NewBuffer(1); !isLimit(err) {
		return fmt.Errorf("a buffer: %w", err)
	}
	for n := 0; ; n++ {
		if _, err := bystander.slab.Alloc(); err != nil {
			if !isLimit(err) || n != 31 {
				return fmt.Errorf("%s: growth after %d slots: %w", b, n, err)
			}
			return bystander.check()
		}
	}
}

func setSoftLimit(bytes uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return err
	}
	limit.Cur = bytes
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
}

// checkLimit returns nil for a LimitError that is right.
func checkLimit(err error, want uint64) error {
	var limit *guard.LimitError
	if !errors.As(err, &limit) {
		return fmt.Errorf("not a LimitError: %w", err)
	}
	if limit.Limit != want || limit.Need < 4096 || limit.InUse != lockedBytes() {
		return fmt.Errorf("%d bytes locked, but: %w", lockedBytes(), err)
	}
	return nil
}

// bystander is a buffer and a slab that others' failures must not touch.
type bystander struct {
	slab   *guard.Slab
	slot   int
	buffer *guard.Buffer
}

func newBystander(b guard.Backend) (by bystander, err error) {
	if by.slab, err = guard.NewSlab(128, 1, b); err != nil {
		return by, err
	}
	if by.slot, err = by.slab.Alloc(); err != nil {
		return by, err
	}
	fill(by.slab, by.slot, 0x5a)
	if by.buffer, err = guard.NewBuffer(6); err != nil {
		return by, err
	}
	copy(by.buffer.Bytes(), "secret")
	return by, nil
}

func (by bystander) check() error {
	if string(by.buffer.Bytes()) != "secret" {
		return errors.New("another buffer was wiped")
	}
	if !bytes.Equal(use(by.slab, by.slot), bytes.Repeat([]byte{0x5a}, 128)) {
		return errors.New("another slab was wiped")
	}
	return nil
}

func (by bystander) destroy() {
	by.slab.Destroy()
	by.buffer.Destroy()
}

func TestLimitErrorSaysHowToRaiseTheLimit(t *testing.T) {
	for _, c := range []struct {
		err  guard.LimitError
		want []string
	}{
		{guard.LimitError{Need: 4096, InUse: 8192, Limit: 65536}, []string{"4096", "8192", "65536",
			"ulimit -l 16384", "LimitMEMLOCK=16777216", "--ulimit memlock=16777216"}},
		{guard.LimitError{Need: 20 << 20, InUse: 1 << 20, Limit: 0}, []string{"LimitMEMLOCK=33554432"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.err.Error(), want) {
				t.Errorf("%q lacks %q", c.err.Error(), want)
			}
		}
	}
}
