package peer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

// A4, DESIGN section 16: before Linux 6.5 there is no pidfd for a peer, and uid and
// gid are all that counts. A seccomp filter makes this kernel such a one.
func TestWithoutAPidfdThereAreUidAndGidOnly(t *testing.T) {
	if got := start(t, command("old-kernel", filepath.Join(folder(t), "s"))).line(); got != "uid and gid only" {
		t.Error(got)
	}
}

func oldKernelRole(args []string) error {
	if err := refusePidfds(); err != nil {
		return err
	}
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	keys := map[string]bool{}
	for range 3 {
		b, err := startCmd(command("dial-as", args[0], ") R 1 (2"))
		if err != nil {
			return err
		}
		b.line()
		c, info, err := attest(l)
		if err != nil {
			return err
		}
		exe, err := info.Exe()
		if info.UID != uint32(os.Geteuid()) || info.Pinned() || !info.Alive() || !errors.Is(err, peer.ErrUnreadable) {
			return fmt.Errorf("uid %d, pinned %v, alive %v, %q, %v", info.UID, info.Pinned(), info.Alive(), exe, err)
		}
		if err := nothingElse(info); err != nil {
			return err
		}
		// In clock ticks since boot: no other field past the name looks like it.
		want := regexp.MustCompile(fmt.Sprintf(`^%d@[1-9][0-9]{2,}$`, b.Process.Pid))
		if keys[info.Process()] || !want.MatchString(info.Process()) {
			return fmt.Errorf("key %s, want %s and another than before", info.Process(), want)
		}
		keys[info.Process()] = true
		if c.Close(); info.Alive() {
			return errors.New("alive on a closed connection")
		}
		b.Process.Kill()
		b.Wait()
	}
	fmt.Println("uid and gid only")
	return nil
}

// nothingElse: what cannot be pinned is neither told nor promised.
func nothingElse(info *peer.Info) error {
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		return fmt.Errorf("hash %x, %v", sum, err)
	}
	if unit, err := info.Unit(); !errors.Is(err, peer.ErrNoUnit) {
		return fmt.Errorf("unit %q, %v", unit, err)
	}
	for _, err := range []error{peer.CanReadPrograms(info.UID), peer.CanReadUnits()} {
		var obstacle *peer.Obstacle
		if !errors.As(err, &obstacle) || !strings.Contains(obstacle.Reason, "Linux 6.5") {
			return fmt.Errorf("selectors can be checked: %v", err)
		}
	}
	return nil
}

// dialAsRole gives itself a name that looks like the rest of /proc/PID/stat.
func dialAsRole(args []string) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte(args[1]), 0); err != nil {
		return err
	}
	return dialRole(args)
}

// refusePidfds makes getsockopt(SO_PEERPIDFD) fail as on an older kernel, for all
// threads and children.
func refusePidfds() error {
	runtime.LockOSThread() // both calls have to come from one thread
	defer runtime.UnlockOSThread()
	const number, option = 0, 16 + 2*8 // offsets in struct seccomp_data: nr, the low half of args[2]
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_GETSOCKOPT, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: option},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SO_PEERPIDFD, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOPROTOOPT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
