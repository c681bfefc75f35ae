package campaign_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ordinaryUser is a user without privileges: one that no machine has where the
// tests run as root, oneself (0) where they do not.
func ordinaryUser() int {
	if os.Geteuid() == 0 {
		return 40017
	}
	return 0
}

// refuseSecretMemory makes memfd_secret(2) fail with ENOSYS in this thread and in
// what it starts, as kernels do that do not have it.
func refuseSecretMemory() error {
	const nr = 0 // offset of nr in struct seccomp_data, seccomp(2)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_MEMFD_SECRET, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

const memlockEnv = "CAMPAIGN_MEMLOCK"

// setMemlock changes the soft RLIMIT_MEMLOCK of a process of the given user; the
// hard one stays, so that it can be raised again. Another user's process takes
// CAP_SYS_RESOURCE, which root may lack, so that user does it, by this program.
func setMemlock(pid, uid int, bytes uint64) error {
	if uid == 0 {
		return memlock(pid, bytes)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{fmt.Sprintf("%s=%d %d", memlockEnv, pid, bytes)}
	cmd.Dir = "/"
	cmd.SysProcAttr = as(uid)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("prlimit as uid %d: %w: %s", uid, err, out)
	}
	return nil
}

// memlockForUser is the other side of setMemlock.
func memlockForUser() error {
	var pid int
	var bytes uint64
	if _, err := fmt.Sscan(os.Getenv(memlockEnv), &pid, &bytes); err != nil {
		return err
	}
	return memlock(pid, bytes)
}

func memlock(pid int, bytes uint64) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_MEMLOCK, nil, &limit); err != nil {
		return fmt.Errorf("prlimit: %w", err)
	}
	limit.Cur = bytes
	if err := unix.Prlimit(pid, unix.RLIMIT_MEMLOCK, &limit, nil); err != nil {
		return fmt.Errorf("prlimit: %w", err)
	}
	return nil
}

// as runs a process as another user, without any other group.
func as(uid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
}
