package guard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// LimitError says that RLIMIT_MEMLOCK does not leave room for what was asked. Root
// and CAP_IPC_LOCK are exempt from it, in the first user namespace only.
type LimitError struct {
	Need  uint64 // bytes that had to be locked, whole pages
	InUse uint64 // bytes that the process has locked already
	Limit uint64 // RLIMIT_MEMLOCK, in bytes
}

// Error names the three numbers and how to raise the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("not enough lockable memory: need %d bytes, %d in use, limit %d (RLIMIT_MEMLOCK): "+
		"raise it with `ulimit -l %d`, LimitMEMLOCK=%d in the systemd unit, or --ulimit memlock=%d for a container",
		e.Need, e.InUse, e.Limit, (e.suggest()+1023)/1024, e.suggest(), e.suggest())
}

// suggest returns a limit that would do: 16 MiB, or the next power of two that
// fits what is asked.
func (e *LimitError) suggest() uint64 {
	limit := uint64(16 << 20)
	for limit < e.InUse+e.Need {
		limit *= 2
	}
	return limit
}

// explain turns a refusal for want of RLIMIT_MEMLOCK into a [*LimitError] and
// leaves other errors as they are. The kernel says EAGAIN for memfd_secret, ENOMEM
// for mlock, and EPERM for mlock under a limit of 0 (mlock(2)).
func explain(err error, size int) error {
	if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("guard: %w", err)
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		return fmt.Errorf("guard: %w", err)
	}
	inUse, known := lockedBytes()
	need := uint64(pages(size))
	if limit.Cur == unix.RLIM_INFINITY || known && inUse+need <= limit.Cur {
		return fmt.Errorf("guard: %w", err)
	}
	return &LimitError{Need: need, InUse: inUse, Limit: limit.Cur}
}

// Lockable returns RLIMIT_MEMLOCK of this process in bytes, and what of it is in use;
// zero where a sandbox hides it. No limit is 2^64-1.
func Lockable() (limit, used uint64) {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &r) != nil {
		return 0, 0 // unreachable: the resource is one that Linux has
	}
	used, _ = lockedBytes()
	return r.Cur, used
}

// lockedBytes returns VmLck of this process, if a sandbox lets it be read.
func lockedBytes() (uint64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if f := bytes.Fields(lines.Bytes()); len(f) == 3 && string(f[0]) == "VmLck:" {
			kb, err := strconv.ParseUint(string(f[1]), 10, 64)
			return kb * 1024, err == nil
		}
	}
	return 0, false
}
