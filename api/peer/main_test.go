package peer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bfxvault/api/peer"
)

// The tests need other processes, under other uids and in other namespaces: they
// run this binary again, in one of these roles.
var roles = map[string]func(args []string) error{
	"dial":       dialRole,
	"listen":     listenRole,
	"knock":      knockRole,
	"write-to-3": writeToThreeRole,
	"list-fds":   listDescriptorsRole,
	"setuid":     setuidRole,
	"undumpable": undumpableRole,
	"in-userns":  inUserNamespaceRole,
	"recycle":    recycleRole,
	"look-alike": lookAlikeRole,
	"become":     becomeRole,
	"starved":    starvedRole,
	"pid-blind":  pidBlindRole,
	"old-kernel": oldKernelRole,
	"dial-as":    dialAsRole,
	"in-cgroup":  inCgroupRole,
	"units":      unitsRole,
	"take":       takeRole,
	"late":       lateRole,
	"script":     func(args []string) error { return dialRole(args[1:]) }, // args[0] is the script
	"can-read":   canReadRole,
	"landlocked": landlockedRole,
	"hidepid":    hidepidRole,
}

const roleEnv = "PEER_TEST_ROLE"

func TestMain(m *testing.M) {
	name := os.Getenv(roleEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	os.Unsetenv(roleEnv)
	if err := roles[name](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

const nobody = 65534

func isRoot() bool { return os.Geteuid() == 0 }

// folder is a short-named folder that every uid can reach; t.TempDir is neither.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// child is a process in a role, steered by its standard input and output.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func command(role string, args ...string) *exec.Cmd {
	// The magic link: the binary lies in a folder that other uids cannot enter.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	return cmd
}

// as runs the command under another uid and gid; only root can.
func as(cmd *exec.Cmd, uid uint32) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

func start(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	c, err := startCmd(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c
}

func startCmd(cmd *exec.Cmd) (*child, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, in, bufio.NewScanner(out)}, nil
}

// line is the next line the child prints, empty once it has ended.
func (c *child) line() string {
	c.out.Scan()
	return c.out.Text()
}

// dialRole connects to args[0], sends "hello", says "connected" and stays until
// its standard input ends.
func dialRole(args []string) error {
	c, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	fmt.Println("connected")
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// listenRole listens on args[0] and serves nobody until it is killed.
func listenRole(args []string) error {
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	fmt.Println("listening")
	io.Copy(io.Discard, os.Stdin)
	return l.Close()
}

func listen(t testing.TB, o peer.Options) net.Listener {
	t.Helper()
	l, err := peer.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// openListener lets everybody in: a group that all test children are in does not exist.
func openListener(t testing.TB) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(folder(t), "s")
	l := listen(t, peer.Options{Path: path, GID: -1})
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return l, path
}

// attest accepts one connection and shakes hands.
func attest(l net.Listener) (net.Conn, *peer.Info, error) {
	raw, err := l.Accept()
	if err != nil {
		return nil, nil, err
	}
	c, auth, err := peer.Credentials(peer.Limits{}).ServerHandshake(raw)
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	return c, auth.(*peer.Info), nil
}

func mustAttest(t testing.TB, l net.Listener) (net.Conn, *peer.Info) {
	t.Helper()
	c, info, err := attest(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, info
}

func entries(t testing.TB, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}
