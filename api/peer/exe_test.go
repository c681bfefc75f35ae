package peer_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

// copyOfThis puts this binary at path, so that it can be replaced.
func copyOfThis(path string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}

func bot(t testing.TB, exe, socket string) *child {
	t.Helper()
	cmd := command("dial", socket)
	cmd.Path = exe
	b := start(t, cmd)
	if b.line() != "connected" {
		t.Fatal("it did not connect")
	}
	return b
}

// A9: the path of a program, as long as the file there is the one that runs.
func TestAnExecutableIsTheFileThatRuns(t *testing.T) {
	l, socket := openListener(t)
	for _, tc := range []struct {
		name   string
		change func(path string) error
		ok     bool
	}{
		{"left as it is", func(string) error { return nil }, true},
		{"deleted", os.Remove, false},
		{"replaced by a new version", func(path string) error {
			if err := copyOfThis(path + ".new"); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, false},
		{"replaced by a link to itself elsewhere", func(path string) error {
			if err := os.Rename(path, path+".away"); err != nil {
				return err
			}
			return os.Symlink(path+".away", path)
		}, false},
		{"written over in place", func(path string) error { return os.Chmod(path, 0o700) }, false}, // a running file cannot be written; its change time is what would tell
		{"deleted, and a file named like the kernel's remark", func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return copyOfThis(path + " (deleted)")
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(folder(t), "bot")
			try(t, copyOfThis(path))
			bot(t, path, socket)
			_, info := mustAttest(t, l)
			try(t, tc.change(path))
			exe, err := info.Exe()
			switch {
			case !tc.ok && !errors.Is(err, peer.ErrUnreadable):
				t.Errorf("got %q, %v", exe, err)
			case tc.ok && (err != nil || exe != path):
				t.Errorf("got %q, %v", exe, err)
			}
			if sum, err := info.SHA256(); tc.ok && (err != nil || sum != hashOf(t, path)) || !tc.ok && !errors.Is(err, peer.ErrUnreadable) {
				t.Errorf("hash %x, %v", sum, err)
			}
		})
	}
}

// P4: who connects as one program and becomes another is neither: what a wrong
// program has written, the right one shall not be thanked for.
func TestAfterAnExecTheConnectionHasNoExecutable(t *testing.T) {
	l, socket := openListener(t)
	path := filepath.Join(folder(t), "bot")
	try(t, copyOfThis(path))
	b := start(t, command("become", socket, path))
	if b.line() != "connected" {
		t.Fatal("it did not connect")
	}
	_, before := mustAttest(t, l)
	if exe, err := before.Exe(); err != nil || exe == path {
		t.Fatalf("before: %q, %v", exe, err)
	}
	fmt.Fprintln(b.in)
	if b.line() != "connected" {
		t.Fatal("it did not become the other program")
	}
	_, after := mustAttest(t, l)
	if exe, err := after.Exe(); exe != path || err != nil || after.Process() != before.Process() {
		t.Fatalf("a new connection of the new program: %q, %v", exe, err)
	}
	if exe, err := before.Exe(); !errors.Is(err, peer.ErrUnreadable) || !before.Alive() {
		t.Errorf("the old connection: %q, %v", exe, err)
	}
	if sum, err := after.SHA256(); err != nil || sum != hashOf(t, path) {
		t.Errorf("hash of the new program: %x, %v", sum, err)
	}
	if sum, err := before.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		t.Errorf("hash on the old connection, of a file with the same content: %x, %v", sum, err)
	}
}

// becomeRole connects to args[0] and, told to, becomes the program args[1], which
// inherits the connection and makes another.
func becomeRole(args []string) error {
	c, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	f, err := c.(*net.UnixConn).File()
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		return err
	}
	fmt.Println("connected")
	bufio.NewReader(os.Stdin).ReadString('\n')
	return unix.Exec(args[1], []string{args[1], args[0]}, append(os.Environ(), roleEnv+"=dial"))
}

// A9: a program that never had a path.
func TestAnExecutableInMemoryHasNoPath(t *testing.T) {
	l, socket := openListener(t)
	fd, err := unix.MemfdCreate("bot", 0)
	try(t, err)
	mem := os.NewFile(uintptr(fd), "memfd")
	defer mem.Close()
	from, err := os.Open("/proc/self/exe")
	try(t, err)
	defer from.Close()
	_, err = io.Copy(mem, from)
	try(t, err)
	bot(t, fmt.Sprintf("/proc/self/fd/%d", fd), socket)
	_, info := mustAttest(t, l)
	if exe, err := info.Exe(); !errors.Is(err, peer.ErrUnreadable) {
		t.Errorf("got %q, %v", exe, err)
	}
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		t.Errorf("hash %x, %v", sum, err)
	}
}

// An ordinary uid cannot read what an undumpable program of the same uid runs:
// unreadable means no.
func TestAnUnreadableExecutableIsAnError(t *testing.T) {
	cmd := command("undumpable", filepath.Join(mkdirForAll(t), "s"))
	if isRoot() {
		as(cmd, nobody)
	}
	if got := start(t, cmd).line(); got != "refused" {
		t.Error(got)
	}
}

// mkdirForAll is a folder in which other uids can make their sockets.
func mkdirForAll(t testing.TB) string {
	dir := folder(t)
	try(t, os.Chmod(dir, 0o777|os.ModeSticky))
	return dir
}

func undumpableRole(args []string) error {
	if len(args) == 2 { // the bot
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return err
		}
		return dialRole(args)
	}
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	defer l.Close()
	b, err := startCmd(command("undumpable", args[0], "bot"))
	if err != nil {
		return err
	}
	defer b.Process.Kill()
	_, info, err := attest(l)
	if err != nil {
		return err
	}
	b.line()
	exe, err := info.Exe()
	if !errors.Is(err, peer.ErrUnreadable) || !info.Alive() {
		return fmt.Errorf("got %q, %v", exe, err)
	}
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		return fmt.Errorf("hash %x, %v", sum, err)
	}
	fmt.Println("refused")
	return nil
}

// inNamespaces runs a role as the first process of new namespaces: with a user
// namespace where this process is not root.
func inNamespaces(t *testing.T, flags uintptr, role string, args ...string) (*child, string) {
	t.Helper()
	cmd := command(role, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	if !isRoot() {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	c, err := startCmd(cmd)
	if err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	line := c.line()
	if line == "unavailable" {
		t.Skip("no namespaces here: mounting is refused")
	}
	return c, line
}

// A4: the pid of a dead caller, given to another program. A pid namespace lets the
// test choose the number.
func TestARecycledPidIsNotItsPredecessor(t *testing.T) {
	if _, got := inNamespaces(t, syscall.CLONE_NEWPID|syscall.CLONE_NEWNS, "recycle", folder(t)); got != "told apart" {
		t.Error(got)
	}
}

func recycleRole(args []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Println("unavailable")
		return nil
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Println("unavailable")
		return nil
	}
	l, err := peer.Listen(peer.Options{Path: filepath.Join(args[0], "s"), GID: -1})
	if err != nil {
		return err
	}
	first, err := startCmd(command("dial", l.Addr().String()))
	if err != nil {
		return err
	}
	_, info, err := attest(l)
	if err != nil {
		return err
	}
	first.line()
	before, err := info.Exe()
	if err != nil {
		return err
	}
	hash, err := info.SHA256()
	if err != nil {
		return err
	}
	pid := first.Process.Pid
	first.Process.Kill()
	first.Wait()
	second, err := takePid(pid, l.Addr().String())
	if err != nil {
		return err
	}
	_, successor, err := attest(l)
	if err != nil {
		return err
	}
	second.line()
	if successor.PID != info.PID || !successor.Alive() {
		return fmt.Errorf("pid %d was not taken again: %d", info.PID, successor.PID)
	}
	after, err := info.Exe()
	if info.Alive() || err == nil || info.Process() == successor.Process() {
		return fmt.Errorf("taken for its successor: %v, %q, %v", info.Alive(), after, err)
	}
	if exe, err := successor.Exe(); exe != before || err != nil {
		return fmt.Errorf("the successor: %q, %v", exe, err)
	}
	if sum, err := successor.SHA256(); sum != hash || err != nil {
		return fmt.Errorf("the successor's hash: %x, %v", sum, err)
	}
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrGone) {
		return fmt.Errorf("its hash, of the same file: %x, %v", sum, err)
	}
	if unit, err := info.Unit(); !errors.Is(err, peer.ErrGone) {
		return fmt.Errorf("its unit: %q, %v", unit, err)
	}
	fmt.Println("told apart")
	return nil
}

// takePid starts children until one gets the pid: threads take numbers, too.
func takePid(pid int, socket string) (*child, error) {
	for range 100 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			return nil, err
		}
		cmd := exec.Command("/proc/self/exe", socket)
		cmd.Env = append(os.Environ(), roleEnv+"=dial")
		c, err := startCmd(cmd)
		if err != nil {
			return nil, err
		}
		if c.Process.Pid == pid {
			return c, nil
		}
		c.Process.Kill()
		c.Wait()
	}
	return nil, fmt.Errorf("pid %d could not be had again", pid)
}

// DESIGN section 16: a daemon in a container does not see the pids outside. Such a
// caller has a uid and a gid, and its writing is still its own.
func TestACallerWhosePidCannotBeSeenHasUidAndGidOnly(t *testing.T) {
	socket := filepath.Join(folder(t), "s")
	daemon, got := inNamespaces(t, syscall.CLONE_NEWPID, "pid-blind", socket)
	if got != "listening" {
		t.Fatal(got)
	}
	start(t, command("dial", socket))
	if got := daemon.line(); got != "pid 0, uid 0, uid and gid only" {
		t.Error(got)
	}
	if got := daemon.line(); got != "not our /proc" {
		t.Error(got)
	}
}

func pidBlindRole(args []string) error {
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	fmt.Println("listening")
	c, info, err := attest(l)
	if err != nil {
		return err
	}
	buf := make([]byte, 64)
	if n, err := c.Read(buf); string(buf[:n]) != "hello" {
		return fmt.Errorf("read %q, %v", buf[:n], err)
	}
	if exe, err := info.Exe(); info.Pinned() || !info.Alive() || !errors.Is(err, peer.ErrUnreadable) {
		return fmt.Errorf("pinned %v, alive %v, %q, %v", info.Pinned(), info.Alive(), exe, err)
	}
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		return fmt.Errorf("hash %x, %v", sum, err)
	}
	if unit, err := info.Unit(); !errors.Is(err, peer.ErrNoUnit) {
		return fmt.Errorf("unit %q, %v", unit, err)
	}
	fmt.Printf("pid %d, uid %d, uid and gid only\n", info.PID, info.UID)
	return strangersProc(l)
}

// A9: in its own mount namespace a program can lie where another one lies for us.
func TestALookAlikeFromAnotherMountNamespaceIsNotTheProgram(t *testing.T) {
	l, socket := openListener(t)
	dir := folder(t)
	try(t, os.WriteFile(dir+"/trusted", []byte("not what will run"), 0o755))
	try(t, copyOfThis(dir+"/other"))
	if _, got := inNamespaces(t, syscall.CLONE_NEWNS, "look-alike", socket, dir+"/trusted", dir+"/other"); got != "connected" {
		t.Fatalf("it says %q", got)
	}
	_, info := mustAttest(t, l)
	if exe, err := info.Exe(); !errors.Is(err, peer.ErrUnreadable) {
		t.Errorf("got %q, %v", exe, err)
	}
	if sum, err := info.SHA256(); err != nil || sum != hashOf(t, dir+"/other") {
		t.Errorf("it is not known by what it runs: %x, %v", sum, err)
	}
}

// lookAlikeRole mounts args[2] over args[1] and becomes it.
func lookAlikeRole(args []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Println("unavailable")
		return nil
	}
	if err := unix.Mount(args[2], args[1], "", unix.MS_BIND, ""); err != nil {
		fmt.Println("unavailable")
		return nil
	}
	return unix.Exec(args[1], []string{args[1], args[0]}, append(os.Environ(), roleEnv+"=dial"))
}

// A6: in a user namespace, a uid as large as they come, and one without a name.
func TestInAUserNamespaceANamelessCallerIsRefused(t *testing.T) {
	for _, tc := range []struct {
		id   int
		want string
	}{{4000000000, "uid 4000000000"}, {nobody, peer.ErrUnmapped.Error()}} {
		dir := mkdirForAll(t)
		cmd := command("in-userns", filepath.Join(dir, "s"))
		host := os.Geteuid()
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: tc.id, HostID: host, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: tc.id, HostID: os.Getegid(), Size: 1}},
		}
		c, err := startCmd(cmd)
		if err != nil {
			t.Skipf("no user namespaces here: %v", err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		if got := c.line(); got != tc.want {
			t.Errorf("id %d: %s, want %s", tc.id, got, tc.want)
		}
	}
}

func inUserNamespaceRole(args []string) error {
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	defer l.Close()
	b, err := startCmd(command("dial", args[0]))
	if err != nil {
		return err
	}
	defer b.Process.Kill()
	_, info, err := attest(l)
	if err != nil {
		fmt.Println(err)
		return nil
	}
	fmt.Println("uid", info.UID)
	return nil
}
