package peer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

func word(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

func dial(t testing.TB, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	try(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// P4, A6: another process, under each uid that can be had here, the largest too.
func TestACallerIsWhoTheKernelSays(t *testing.T) {
	l, path := openListener(t)
	uids := []uint32{uint32(os.Geteuid())}
	if isRoot() {
		uids = append(uids, 1, 1000, nobody, 1<<31-1, 1<<31, 4000000000, 1<<32-2)
	} else {
		t.Log("not root: own uid only")
	}
	seen := map[string]bool{}
	for _, uid := range uids {
		cmd := command("dial", path)
		if isRoot() {
			as(cmd, uid)
		}
		bot := start(t, cmd)
		bot.line()
		c, info := mustAttest(t, l)
		if info.UID != uid || isRoot() && info.GID != uid || info.PID != int32(bot.Process.Pid) {
			t.Errorf("got uid %d, gid %d, pid %d, want %d of pid %d", info.UID, info.GID, info.PID, uid, bot.Process.Pid)
		}
		if !info.Alive() || !info.Pinned() {
			t.Errorf("alive %v, pinned %v", info.Alive(), info.Pinned())
		}
		buf := make([]byte, 64)
		if n, err := c.Read(buf); string(buf[:n]) != "hello" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		if seen[info.Process()] {
			t.Errorf("another process with the key %s", info.Process())
		}
		seen[info.Process()] = true
	}
}

func TestConnectionsOfOneProcessShareItsKeyAndNothingElse(t *testing.T) {
	l, path := openListener(t)
	other, _ := openListener(t)
	conns := map[uint64]bool{}
	keys := map[string]bool{}
	for range 100 {
		dial(t, path)
		dial(t, other.Addr().String())
		for _, from := range []net.Listener{l, other} {
			_, info := mustAttest(t, from)
			if conns[info.Conn] {
				t.Fatalf("connection number %d twice", info.Conn)
			}
			conns[info.Conn], keys[info.Process()] = true, true
		}
	}
	if len(keys) != 1 || keys[""] {
		t.Errorf("keys of one process: %v", keys)
	}
}

// A5: gone before anybody looked.
func TestACallerThatIsGoneIsRefused(t *testing.T) {
	l, path := openListener(t)
	for _, waited := range []bool{true, false} { // collected, or still a zombie
		bot := start(t, command("dial", path))
		bot.line()
		bot.Process.Kill()
		if waited {
			bot.Wait()
		} else {
			waitForZombie(t, bot.Process.Pid)
		}
		if c, info, err := attest(l); !errors.Is(err, peer.ErrGone) {
			t.Errorf("collected %v: got %v, %+v, %v", waited, c, info, err)
		}
	}
}

// waitForZombie returns when the process has ended and before it is collected.
func waitForZombie(t testing.TB, pid int) {
	t.Helper()
	var info unix.Siginfo
	try(t, unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil))
}

// A4: the end of a process shows at once, while its pid is still taken.
func TestACallerThatEndsIsNoLongerAlive(t *testing.T) {
	l, path := openListener(t)
	bot := start(t, command("dial", path))
	bot.line()
	c, info := mustAttest(t, l)
	if !info.Alive() {
		t.Fatal("not alive")
	}
	bot.Process.Kill()
	waitForZombie(t, bot.Process.Pid)
	if info.Alive() {
		t.Error("a zombie counts as alive")
	}
	if exe, err := info.Exe(); err == nil {
		t.Errorf("the executable of a zombie: %s", exe)
	}
	if _, err := info.SHA256(); !errors.Is(err, peer.ErrGone) {
		t.Errorf("the hash of a zombie: %v", err)
	}
	if unit, err := info.Unit(); !errors.Is(err, peer.ErrGone) {
		t.Errorf("the unit of a zombie: %s, %v", unit, err)
	}
	c.Close()
}

func TestAClosedConnectionHasNoCaller(t *testing.T) {
	l, path := openListener(t)
	dial(t, path)
	before := descriptors(t)
	c, info := mustAttest(t, l)
	if n := descriptors(t); n != before+2 { // the connection and the pidfd
		t.Errorf("%d descriptors more", n-before)
	}
	c.Close()
	c.Close()
	if info.Alive() || info.Pinned() {
		t.Error("still alive")
	}
	if _, err := info.Exe(); err == nil {
		t.Error("still an executable")
	}
	if _, err := info.SHA256(); err == nil {
		t.Error("still a hash")
	}
	if unit, err := info.Unit(); err == nil || unit != "" {
		t.Error("still a unit")
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors left", n-before)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	try(t, err)
	return len(list)
}

// A7: the address that a caller gives itself is not read.
func TestAnAddressSaysNothingAboutTheCaller(t *testing.T) {
	l, path := openListener(t)
	for _, name := range []string{"x;uid=0;", "x\nuid=0\npid=1", "@uid=0;pid=1", "@\x00uid=0", "pid=1;uid=0;socket=x"} {
		local := name
		if name[0] != '@' {
			local = filepath.Join(folder(t), name)
		}
		c, err := net.DialUnix("unix", &net.UnixAddr{Net: "unix", Name: local}, &net.UnixAddr{Net: "unix", Name: path})
		try(t, err)
		server, info := mustAttest(t, l)
		if info.UID != uint32(os.Geteuid()) || info.PID != int32(os.Getpid()) {
			t.Errorf("%q: uid %d, pid %d", name, info.UID, info.PID)
		}
		c.Write([]byte("hello"))
		if n, err := server.Read(make([]byte, 9)); n != 5 || err != nil {
			t.Errorf("%q: read %d, %v", name, n, err)
		}
		c.Close()
	}
}

func TestWhatDoesNotComeFromListenIsRefused(t *testing.T) {
	plain, err := net.Listen("unix", filepath.Join(folder(t), "s"))
	try(t, err)
	defer plain.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer tcp.Close()
	for _, l := range []net.Listener{plain, tcp} {
		c, err := net.Dial(l.Addr().Network(), l.Addr().String())
		try(t, err)
		defer c.Close()
		if _, _, err := attest(l); !errors.Is(err, peer.ErrUnattested) {
			t.Errorf("%s: %v", l.Addr().Network(), err)
		}
	}
	a, b := net.Pipe()
	defer b.Close()
	if _, _, err := peer.Credentials(peer.Limits{}).ServerHandshake(a); !errors.Is(err, peer.ErrUnattested) {
		t.Errorf("a pipe: %v", err)
	}
}

func TestWhatACallerWritesArrivesWhole(t *testing.T) {
	l, path := openListener(t)
	c := dial(t, path)
	server, _ := mustAttest(t, l)
	sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	go func() {
		for part := sent; len(part) > 0; {
			n := min(len(part), 1+len(part)%50021)
			c.Write(part[:n])
			part = part[n:]
		}
		c.Close()
	}()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
	}
	if n, err := server.Read(nil); n != 0 || err != nil {
		t.Errorf("reading nothing: %d, %v", n, err)
	}
}

// A11: a connection whose descriptor went to a child, and back.
func TestAnotherWriterEndsTheConnection(t *testing.T) {
	l, path := openListener(t)
	c := dial(t, path).(*net.UnixConn)
	server, _ := mustAttest(t, l)
	c.Write([]byte("mine"))
	file, err := c.File()
	try(t, err)
	cmd := command("write-to-3")
	cmd.ExtraFiles = []*os.File{file}
	heir := start(t, cmd)
	if heir.line() != "written" {
		t.Fatal("the heir could not write")
	}
	file.Close()
	c.Write([]byte("mine again"))
	buf := make([]byte, 64)
	if n, err := server.Read(buf); string(buf[:n]) != "mine" || err != nil {
		t.Errorf("first %q, %v: two writers were joined", buf[:n], err)
	}
	if n, err := server.Read(buf); n != 0 || !errors.Is(err, peer.ErrOtherWriter) {
		t.Errorf("then %q, %v", buf[:n], err)
	}
	if strings.Contains(string(buf), "heir") {
		t.Errorf("its bytes were left in the buffer: %q", buf)
	}
	if n, err := server.Read(buf); err == nil {
		t.Errorf("afterwards %q", buf[:n])
	}
}

// A11: a connection that went to another process as a message.
func TestAConnectionThatWasPassedOnEnds(t *testing.T) {
	l, path := openListener(t)
	giver := dial(t, path).(*net.UnixConn)
	server, info := mustAttest(t, l)
	file, err := giver.File()
	try(t, err)
	defer file.Close()

	hand := filepath.Join(folder(t), "hand")
	hl, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: hand})
	try(t, err)
	defer hl.Close()
	taker := start(t, command("take", hand))
	c, err := hl.AcceptUnix()
	try(t, err)
	defer c.Close()
	_, _, err = c.WriteMsgUnix([]byte{0}, unix.UnixRights(int(file.Fd())), nil)
	try(t, err)
	if taker.line() != "written" {
		t.Fatal("it could not write")
	}
	if info.PID != int32(os.Getpid()) {
		t.Errorf("the caller is pid %d", info.PID)
	}
	buf := make([]byte, 64)
	if n, err := server.Read(buf); n != 0 || !errors.Is(err, peer.ErrOtherWriter) {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

// takeRole is handed a connection and writes to it.
func takeRole(args []string) error {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: args[0]})
	if err != nil {
		return err
	}
	oob := make([]byte, unix.CmsgSpace(4))
	if _, _, _, _, err := c.ReadMsgUnix(make([]byte, 1), oob); err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	if _, err := unix.Write(fds[0], []byte("of the taker")); err != nil {
		return err
	}
	fmt.Println("written")
	return nil
}

// writeToThreeRole writes to an inherited connection.
func writeToThreeRole([]string) error {
	if _, err := os.NewFile(3, "inherited").Write([]byte("of the heir")); err != nil {
		return err
	}
	fmt.Println("written")
	return nil
}

// A11, A20: descriptors that come with a message do not fill our table.
func TestDescriptorsThatAreSentAlongAreDropped(t *testing.T) {
	l, path := openListener(t)
	c := dial(t, path).(*net.UnixConn)
	server, _ := mustAttest(t, l)
	before := descriptors(t)
	rights := unix.UnixRights(0, 1, 2, 0, 1, 2, 0, 1, 2)
	_, _, err := c.WriteMsgUnix([]byte("take these"), rights, nil)
	try(t, err)
	buf := make([]byte, 64)
	if n, err := server.Read(buf); n != 0 || !errors.Is(err, peer.ErrOtherWriter) {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if n := descriptors(t); n > before { // the connection and the pidfd are closed by now
		t.Errorf("%d descriptors more", n-before)
	}
}

// P4: who connects as root and goes on as somebody else is neither.
func TestACallerThatChangesItsUidLosesItsConnection(t *testing.T) {
	if !isRoot() {
		t.Skip("needs root, to change a uid")
	}
	l, path := openListener(t)
	bot := start(t, command("setuid", path))
	if bot.line() != "written" {
		t.Fatal("it could not write")
	}
	server, info := mustAttest(t, l)
	if info.UID != 0 {
		t.Errorf("uid %d", info.UID)
	}
	buf := make([]byte, 64)
	if n, err := server.Read(buf); n != 0 || !errors.Is(err, peer.ErrOtherWriter) {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

func setuidRole(args []string) error {
	c, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	if err := syscall.Setuid(1000); err != nil {
		return err
	}
	if _, err := c.Write([]byte("with another uid")); err != nil {
		return err
	}
	fmt.Println("written")
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// A11, A57: nothing of ours is inherited.
func TestNoDescriptorOutlivesAnExec(t *testing.T) {
	before := start(t, command("list-fds")).line() // whoever runs the test may leave some
	l, path := openListener(t)
	dial(t, path)
	mustAttest(t, l)
	if got := start(t, command("list-fds")).line(); got != before {
		t.Errorf("a child has the descriptors %s, before they were %s", got, before)
	}
	// And the list does show one that is left open.
	leak, err := unix.Dup(0)
	try(t, err)
	defer unix.Close(leak)
	got := start(t, command("list-fds")).line()
	if !slices.Contains(strings.Fields(got), fmt.Sprint(leak)) || got == before {
		t.Errorf("a child that inherits %d has %s", leak, got)
	}
}

// listDescriptorsRole asks for each number, so that it opens none itself. The
// runtime opens its own, which are close-on-exec; inherited ones are not.
func listDescriptorsRole([]string) error {
	var open []string
	for fd := range 1024 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && (fd < 3 || flags&unix.FD_CLOEXEC == 0) {
			open = append(open, fmt.Sprint(fd))
		}
	}
	fmt.Println(strings.Join(open, " "))
	return nil
}
