package daemon_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"bfxvault/api/peer"
	"bfxvault/cmd/internal/daemon"
	pb "bfxvault/proto/bfxvault/v1"
)

// runAsDaemon makes the test binary vaultd, so that tests have a process of its
// own to look at.
const runAsDaemon = "BFXVAULT_DAEMON_TEST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(runAsDaemon); dir != "" {
		os.Exit(daemon.Command(context.Background(), []string{"--dir", dir}, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bfxv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// systemd passes two listening sockets on: vaultd serves them as its own.
func TestSocketsFromSystemdAreServedUnderOurOwnName(t *testing.T) {
	dir := shortDir(t)
	var files []*os.File
	for _, name := range []string{"admin", "sign"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	cmd := activate(t, filepath.Join(dir, "v"), "admin:sign", files...)
	conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "admin"), grpc.WithTransportCredentials(peer.ClientCredentials(uint32(os.Geteuid()))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	status, err := pb.NewAdminServiceClient(conn).Status(context.Background(), &pb.StatusRequest{}, grpc.WaitForReady(true))
	if err != nil || status.State != "uninitialised" {
		t.Fatalf("status %v: %v", status, err)
	}
	if pid := listenerPid(t, filepath.Join(dir, "admin")); pid != int32(cmd.Process.Pid) {
		t.Errorf("clients see pid %d behind the socket, vaultd is %d", pid, cmd.Process.Pid)
	}
	if _, err := os.Lstat(filepath.Join(dir, "v", "run", "admin.sock")); err == nil {
		t.Error("vaultd made a socket of its own beside the one it was given")
	}
}

// What it was not promised, it does not serve.
func TestSocketsFromSystemdMustBePrivateAndBoth(t *testing.T) {
	for name, test := range map[string]struct {
		names string
		mode  os.FileMode
		says  string
	}{
		"only one of two":        {"sign", 0o600, "pass both sockets"},
		"a name that means none": {"http", 0o600, "FileDescriptorName"},
		"open to everybody":      {"sign", 0o666, "used by everybody"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, "s")})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			f, err := l.File()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, "s"), test.mode); err != nil {
				t.Fatal(err)
			}
			cmd := activation(filepath.Join(dir, "v"), test.names, f)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.says) {
				t.Fatalf("ended with %v and said %q", err, out)
			}
		})
	}
}

// activation runs vaultd as systemd would: sockets from descriptor 3 on, and
// LISTEN_PID its own.
func activation(dir, names string, files ...*os.File) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.ExtraFiles = files
	cmd.Env = append(os.Environ(), runAsDaemon+"="+dir, "LISTEN_FDS="+string(rune('0'+len(files))), "LISTEN_FDNAMES="+names)
	return cmd
}

func activate(t *testing.T, dir, names string, files ...*os.File) *exec.Cmd {
	t.Helper()
	cmd := activation(dir, names, files...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("vaultd ended with %v at SIGTERM", err)
		}
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "msg=ready") {
			go func() {
				for lines.Scan() { // so that it never waits for us
				}
			}()
			return cmd
		}
		t.Log(lines.Text())
	}
	t.Fatal("vaultd did not start")
	return nil
}

func listenerPid(t *testing.T, path string) int32 {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		t.Fatal(err)
	}
	return cred.Pid
}
