package harden_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/harden"
)

// The tests run this binary again as a program that is to be closed, and as a
// program of the same ordinary uid that looks into it.
const roleEnv = "HARDEN_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "hardened":
		if err := harden.Process(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		stay()
	case "open":
		stay()
	case "spy":
		spy(os.Args[1])
	default:
		os.Exit(m.Run())
	}
}

// stay says what it knows of itself and waits to be looked at.
func stay() {
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	var core unix.Rlimit
	err = errors.Join(err, unix.Getrlimit(unix.RLIMIT_CORE, &core))
	fmt.Println("dumpable", dumpable, "core", core.Cur, core.Max, err)
	io.Copy(io.Discard, os.Stdin)
}

// spy opens what would give a process away and prints which it could.
func spy(pid string) {
	var got []string
	for _, file := range []string{"mem", "environ", "maps", "auxv", "fd", "map_files"} {
		f, err := os.Open("/proc/" + pid + "/" + file)
		if err == nil {
			_, err = f.Stat()
		}
		if err == nil && file != "mem" {
			if dir, _ := f.ReadDir(1); dir == nil {
				_, err = f.Read(make([]byte, 1))
			}
		}
		if err == nil {
			got = append(got, file)
		}
	}
	for _, link := range []string{"exe", "cwd", "root"} {
		if _, err := os.Readlink("/proc/" + pid + "/" + link); err == nil {
			got = append(got, link)
		}
	}
	fmt.Println(strings.Join(got, " "))
	os.Exit(0)
}

// run starts this binary in a role, as an ordinary uid.
func run(t *testing.T, role string, args ...string) (pid int, line string) {
	t.Helper()
	// The magic link: the binary lies in a folder that other uids cannot enter.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "CANARY=in the environment")
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	lines.Scan()
	return cmd.Process.Pid, lines.Text()
}

// P1, A55.
func TestAHardenedProcessHasNoCoreAndIsNotDumpable(t *testing.T) {
	if _, got := run(t, "hardened"); got != "dumpable 0 core 0 0 <nil>" {
		t.Error(got)
	}
	// The flag is the process's own and not inherited from whoever runs the test.
	if _, got := run(t, "open"); !strings.HasPrefix(got, "dumpable 1 ") {
		t.Error(got)
	}
}

// P1, A55: another process of the same uid, without any privilege.
func TestAnotherProcessOfTheSameUidSeesNothing(t *testing.T) {
	pid, _ := run(t, "hardened")
	if _, got := run(t, "spy", fmt.Sprint(pid)); got != "" {
		t.Errorf("it could read %s", got)
	}
	// The spy is able: an open process it can read, but for what yama forbids.
	pid, _ = run(t, "open")
	_, got := run(t, "spy", fmt.Sprint(pid))
	for _, file := range []string{"environ", "maps", "fd", "exe"} {
		if !strings.Contains(got, file) {
			t.Errorf("of an open process it could not read %s, only %s", file, got)
		}
	}
}
