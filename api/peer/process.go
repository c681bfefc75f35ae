package peer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pinned reports whether the kernel gave a pidfd for the caller (Linux 6.5 and
// later), its pid can be seen from here, and /proc shows the pids of our own
// namespace. Without it a caller has a uid and a gid and nothing else: [Info.Unit],
// [Info.Exe] and [Info.SHA256] always fail.
func (i *Info) Pinned() bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.pinnedMu()
}

func (i *Info) pinnedMu() bool { return i.pidfd >= 0 && i.PID > 0 && i.proc }

// file names one in the process's folder under /proc. Whoever has read it asks
// [Info.Alive] last, lest it was a successor's.
func (i *Info) file(name string) string { return "/proc/" + strconv.Itoa(int(i.PID)) + name }

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
