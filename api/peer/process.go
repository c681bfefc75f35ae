package peer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pinned reports whether the kernel gave a pidfd for the caller (Linux 6.5 and
// later) and its pid can be seen from here. Without it a caller has a uid and a
// gid and nothing else: [Info.Exe] always fails.
func (i *Info) Pinned() bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.pinnedMu()
}

func (i *Info) pinnedMu() bool { return i.pidfd >= 0 && i.PID > 0 }

// Alive reports whether the process that connected still runs: false once it has
// ended, even if nobody has waited for it yet, and false once the connection is
// closed. Where the kernel gives no pidfd (before Linux 6.5) an open connection
// counts as alive: there only uid and gid are used, and those are checked on
// every message.
func (i *Info) Alive() bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.aliveMu()
}

func (i *Info) aliveMu() bool {
	if i.ended {
		return false
	}
	return i.pidfd < 0 || running(i.pidfd)
}

// running asks by poll(2) and not by pidfd_send_signal(2): that one finds a
// zombie alive, and may not be sent to another uid.
func running(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n == 0
	}
}

// Exe returns the path of the executable that the caller runs now, as this
// process sees it: the file under that path is the very file that runs, and that
// ran when the connection was made. It fails with [ErrUnreadable] where that
// cannot be told: another uid without CAP_SYS_PTRACE, an undumpable caller, an
// executable that was replaced or deleted, one from another mount namespace or
// from memory (A9), and for ever after an exec (P4): what one program has begun,
// another shall not end.
//
// What it cannot see is an exec between connect(2) and the handshake.
func (i *Info) Exe() (string, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if !i.pinnedMu() {
		return "", ErrUnreadable
	}
	link := "/proc/" + strconv.Itoa(int(i.PID)) + "/exe"
	path, err := os.Readlink(link)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	now, ok := programOf(i.PID)
	same := ok && now == i.program && now.isAt(path)
	// Last, so that all of the above was about this process and no successor.
	if !i.aliveMu() {
		return "", ErrGone
	}
	if !same {
		return "", fmt.Errorf("%w: %q is not the file that runs", ErrUnreadable, path)
	}
	return path, nil
}

// program is the file that a process runs. The time of its last change is that of
// its content too, so a file that was written over is another program.
type program struct {
	dev, ino uint64
	changed  unix.Timespec
}

// programOf looks through /proc at the file that runs, wherever it lies.
func programOf(pid int32) (p program, ok bool) {
	var st unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(int(pid))+"/exe", &st) != nil {
		return p, false
	}
	return program{st.Dev, st.Ino, st.Ctim}, true
}

// isAt reports whether the program is what stands under a path here.
func (p program) isAt(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && p == program{st.Dev, st.Ino, st.Ctim}
}

// Process names the caller's process: equal for all connections of one process,
// different for two processes even when they had the same pid one after the
// other. For counting and penalties, not for granting.
func (i *Info) Process() string { return i.process }

// processKey prefers the inode of the pidfd, which is unique until the machine
// restarts (pidfs, Linux 6.9), then the start time. With neither, callers share a
// key and so a penalty, which is the safe side.
func processKey(uid uint32, pid int32, pidfd int) string {
	if pidfd >= 0 {
		var fs unix.Statfs_t
		var st unix.Stat_t
		if unix.Fstatfs(pidfd, &fs) == nil && fs.Type == unix.PID_FS_MAGIC && unix.Fstat(pidfd, &st) == nil {
			return fmt.Sprintf("%d/%d", pid, st.Ino)
		}
	}
	if pid <= 0 {
		return fmt.Sprintf("uid %d", uid)
	}
	return fmt.Sprintf("%d@%s", pid, startTime(pid))
}

// startTime is field 22 of /proc/PID/stat (proc_pid_stat(5)). The name in field 2
// is chosen by the process and may hold spaces and brackets; the last bracket ends
// it.
func startTime(pid int32) []byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, start = 3, 22
	if len(fields) <= start-state {
		return nil
	}
	return fields[start-state]
}
