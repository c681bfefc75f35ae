package peer_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

// canReadRole prints what stands against checking the programs of uid args[0], or
// units where there is none.
func canReadRole(args []string) error {
	err := peer.CanReadUnits()
	if len(args) > 0 {
		uid, _ := strconv.ParseUint(args[0], 10, 32)
		err = peer.CanReadPrograms(uint32(uid))
	}
	fmt.Println(verdict(err))
	return nil
}

func verdict(err error) string {
	var obstacle *peer.Obstacle
	switch {
	case err == nil:
		return "nothing"
	case !errors.As(err, &obstacle) || obstacle.WayOut == "":
		return "no obstacle: " + err.Error()
	}
	return obstacle.Reason
}

// A12: a selector that could not be checked is known as such before it is stored.
func TestProgramsCanBeReadOfTheSameUidOrWithTheCapability(t *testing.T) {
	if got := verdict(peer.CanReadPrograms(uint32(os.Geteuid()))); got != "nothing" {
		t.Errorf("own uid: %s", got)
	}
	if !isRoot() {
		t.Log("not root: own uid only")
		return
	}
	if got := verdict(peer.CanReadPrograms(4000000000)); got != "nothing" {
		t.Errorf("as root: %s", got)
	}
	if got := start(t, as(command("can-read", fmt.Sprint(nobody)), nobody)).line(); got != "nothing" {
		t.Errorf("as the same uid: %s", got)
	}
	for _, uid := range []string{"0", "1000", "4000000000"} {
		if got := start(t, as(command("can-read", uid), nobody)).line(); !strings.Contains(got, "CAP_SYS_PTRACE") {
			t.Errorf("as another uid than %s: %s", uid, got)
		}
	}
}

// A landlocked root has the capability, and cannot use it.
func TestProgramsCannotBeReadOutOfASandbox(t *testing.T) {
	got := start(t, command("landlocked", fmt.Sprint(os.Geteuid()))).line()
	if got == "unavailable" {
		t.Skip("this kernel has no landlock")
	}
	if !strings.Contains(got, "landlock") {
		t.Error(got)
	}
}

func landlockedRole(args []string) error {
	runtime.LockOSThread() // a landlock holds for one thread
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	rules := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SOCK) // something harmless; the domain is what counts
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP {
		fmt.Println("unavailable")
		return nil
	}
	if errno != 0 {
		return errno
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return canReadRole(args)
}

// Units can be read where systemd's tree is seen, which is tested with real cgroups,
// and nowhere else.
func TestUnitsCannotBeReadWhereProcHidesThem(t *testing.T) {
	if _, got := inNamespaces(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS, "hidepid"); !strings.Contains(got, "hides") {
		t.Error(got)
	}
}

func hidepidRole([]string) error {
	if unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") != nil || unix.Mount("proc", "/proc", "proc", 0, "hidepid=2") != nil || !isRoot() {
		fmt.Println("unavailable")
		return nil
	}
	b, err := startCmd(as(command("can-read"), nobody))
	if err != nil {
		fmt.Println("unavailable")
		return nil
	}
	fmt.Println(b.line())
	return nil
}

// strangersProc: a caller of our own namespace has a pid, which is another
// process's under a /proc of another namespace.
func strangersProc(l net.Listener) error {
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, info, err := attest(l)
	if err != nil {
		return err
	}
	var obstacle *peer.Obstacle
	if exe, err := info.Exe(); info.PID != 1 || info.Pinned() || !errors.Is(err, peer.ErrUnreadable) {
		return fmt.Errorf("pid %d, pinned %v, %q, %v", info.PID, info.Pinned(), exe, err)
	}
	if err := peer.CanReadPrograms(0); !errors.As(err, &obstacle) {
		return fmt.Errorf("programs can be read: %v", err)
	}
	fmt.Println("not our /proc")
	return nil
}
