package faultfs

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// faults is what goes wrong now.
type faults struct {
	writes, syncs syscall.Errno
	readOnly      bool
	only          func(path string) bool
	hang          chan struct{} // closed on release; nil while nothing hangs
	hung          int           // operations that wait
}

// FailWrites makes every write and fallocate fail with errno (ENOSPC, EIO,
// EDQUOT); 0 ends it.
func (f *FS) FailWrites(errno syscall.Errno) { f.set(func(now *faults) { now.writes = errno }) }

// FailSyncs makes every fsync and fdatasync, of folders too, fail with errno; 0
// ends it. What they were to make durable stays not durable.
func (f *FS) FailSyncs(errno syscall.Errno) { f.set(func(now *faults) { now.syncs = errno }) }

// ReadOnly makes everything that changes a file or a folder fail with EROFS, on
// open files too, as ext4 does after an error. fsync still works.
func (f *FS) ReadOnly(on bool) { f.set(func(now *faults) { now.readOnly = on }) }

// Hang makes writes, fallocate and fsync wait until Hang(false), Cut, Unmount or
// the end of the waiting thread by a kill; everything else goes on.
func (f *FS) Hang(on bool) {
	f.set(func(now *faults) {
		switch {
		case on && now.hang == nil:
			now.hang = make(chan struct{})
		case !on && now.hang != nil:
			close(now.hang)
			now.hang = nil
		}
	})
}

// Only limits all faults to paths for which hit says true, and is asked with the
// path below the mount ("audit/0001.log"). nil lifts the limit. hit must not
// touch the mount. It does not limit Cut, nor release what hangs already.
func (f *FS) Only(hit func(path string) bool) { f.set(func(now *faults) { now.only = hit }) }

// Hung is how many operations wait for the end of Hang now.
func (f *FS) Hung() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault.hung
}

func (f *FS) set(change func(now *faults)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.fault)
}

// hits reports whether faults are for path.
func (now *faults) hits(path string) bool { return now.only == nil || now.only(path) }

// refuseMu is what an operation on path answers before it does anything; faulty
// are the errors that its kind is subject to.
func (f *FS) refuseMu(path string, faulty ...syscall.Errno) syscall.Errno {
	if f.dead {
		return syscall.EIO
	}
	for _, errno := range faulty {
		if errno != 0 && f.fault.hits(path) {
			return errno
		}
	}
	return 0
}

// readOnlyMu is the error of a change to a file system that is read-only.
func (f *FS) readOnlyMu() syscall.Errno {
	if f.fault.readOnly {
		return syscall.EROFS
	}
	return 0
}

// alive is refuseMu for what only looks.
func (f *FS) alive() syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuseMu("")
}

// waitMu holds an operation on path while the disk hangs, without the lock. It
// fails with EINTR once the caller was killed: the kernel cannot end a process
// that waits for an answer of ours, and a test that kills it would wait forever.
func (f *FS) waitMu(ctx context.Context, path string) syscall.Errno {
	for f.fault.hang != nil && !f.dead && f.fault.hits(path) {
		released := f.fault.hang
		f.fault.hung++
		f.mu.Unlock()
		gone := sleep(ctx, released)
		f.mu.Lock()
		f.fault.hung--
		if gone {
			return syscall.EINTR
		}
	}
	return 0
}

// sleep returns false when released, true when the caller was killed. Signals
// that do not kill, such as those of the Go scheduler, do not wake it, as they
// would not wake a write to a real disk.
func sleep(ctx context.Context, released chan struct{}) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-released:
			return false
		case <-tick.C:
			if caller, ok := fuse.FromContext(ctx); ok && killed(int(caller.Pid)) {
				return true
			}
		}
	}
}

// killed reports whether thread tid has a SIGKILL coming, or is gone.
func killed(tid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	if err != nil {
		return true
	}
	for line := range bytes.Lines(status) {
		name, mask, _ := bytes.Cut(line, []byte(":"))
		if s := string(name); s != "SigPnd" && s != "ShdPnd" {
			continue
		}
		pending, err := strconv.ParseUint(string(bytes.TrimSpace(mask)), 16, 64)
		if err == nil && pending&(1<<(syscall.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}
