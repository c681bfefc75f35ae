package peer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

// hierarchies are the mount points of what systemd would manage here.
func hierarchies(t testing.TB) map[string]string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	try(t, err)
	found := map[string]string{}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		switch {
		case f[2] == "cgroup2":
			found["v2"] = f[1]
		case f[2] == "cgroup" && slices.Contains(strings.Split(f[3], ","), "name=systemd"):
			found["v1"] = f[1]
		}
	}
	return found
}

// P4: units in real cgroups, those that a user can make among them. The tree of a
// system manager is played in a cgroup namespace.
func TestAUnitIsACgroupThatTheSystemManagerMade(t *testing.T) {
	list := hierarchies(t)
	if len(list) == 0 {
		t.Skip("no cgroup hierarchy of systemd's is mounted here")
	}
	for name, mount := range list {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(mount, fmt.Sprintf("bfxvault-test-%d", os.Getpid()))
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Skipf("no cgroup can be made here: %v", err)
			}
			t.Cleanup(func() { removeCgroups(t, root) })
			socket := filepath.Join(mkdirForAll(t), "s")
			_, got := inNamespaces(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS, "in-cgroup", root, "units", mount, root, socket)
			if got != "told apart" {
				t.Error(got)
			}
		})
	}
}

func removeCgroups(t testing.TB, root string) {
	var all []string
	try(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return err
	}))
	for _, dir := range slices.Backward(all) {
		try(t, unix.Rmdir(dir))
	}
}

// inCgroupRole enters a cgroup, makes it the root of a namespace and takes the role
// that follows. Only this thread is in the namespace, and it alone outlives exec.
func inCgroupRole(args []string) error {
	if err := join(args[0], 0); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		fmt.Println("unavailable")
		return nil
	}
	env := append(os.Environ(), roleEnv+"="+args[1])
	return unix.Exec("/proc/self/exe", append(args[:1:1], args[2:]...), env)
}

// join puts a process into a cgroup; 0 is this one.
func join(cgroup string, pid int) error {
	return os.WriteFile(cgroup+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0)
}

// unitsRole is pid 1 of a namespace, as systemd would be.
func unitsRole(args []string) error {
	mount, root, socket := args[0], args[1], args[2]
	if unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") != nil || unix.Mount("proc", "/proc", "proc", 0, "") != nil {
		fmt.Println("unavailable")
		return nil
	}
	var obstacle *peer.Obstacle
	if err := peer.CanReadUnits(); !errors.As(err, &obstacle) {
		return fmt.Errorf("with the first process outside of any unit: %v", err)
	}
	other := root + "/docker.scope"
	if err := errors.Join(os.Mkdir(other, 0o755), join(other, 0)); err != nil {
		return err
	}
	if err := peer.CanReadUnits(); !errors.As(err, &obstacle) || !strings.Contains(obstacle.Reason, "/docker.scope") {
		return fmt.Errorf("with the first process of a container: %v", err)
	}
	init := root + "/init.scope"
	if err := errors.Join(os.Mkdir(init, 0o755), join(init, 0), peer.CanReadUnits()); err != nil {
		return err
	}
	l, err := peer.Listen(peer.Options{Path: socket, GID: -1})
	if err != nil {
		return err
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		return err
	}
	bot, err := startCmd(as(command("dial", socket), nobody)) // across uids
	if err != nil {
		return err
	}
	bot.line()
	_, info, err := attest(l)
	if err != nil {
		return err
	}
	if err := inEachCgroup(info, mount, root); err != nil {
		return err
	}
	bot.Process.Kill()
	var ended unix.Siginfo
	if err := unix.Waitid(unix.P_PID, bot.Process.Pid, &ended, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return err
	}
	if unit, err := info.Unit(); unit != "" || !errors.Is(err, peer.ErrGone) { // A5
		return fmt.Errorf("after its end: %q, %v", unit, err)
	}
	fmt.Println("told apart")
	return nil
}

// inEachCgroup moves the caller about: its unit is the one that it is in now.
func inEachCgroup(info *peer.Info, mount, root string) error {
	user := "/user.slice/user-65534.slice/user@65534.service"
	for _, tc := range []struct {
		path string
		ok   bool
	}{
		{"/system.slice/mm-1.service", true},
		{"/system.slice/mm-1.service/below", false},
		{user + "/system.slice/mm-1.service", false},
		{user + "/app.slice/mm-1.service", false},
		{user, false},
		{"/user.slice/user-65534.slice/session-1.scope", false},
		{"/bots.slice/bots-mm.slice/mm@eth.service", true},
		{`/system.slice/system-mm\x2deth.slice/mm-eth@1.service`, true},
		{"/system.slice/mm-1.service (deleted)", false},
		{"/..", false},
		{"/../elsewhere-" + filepath.Base(root) + "/system.slice/mm-1.service", false},
		{"/", false},
	} {
		cgroup := root + tc.path
		if outside, ok := strings.CutPrefix(tc.path, "/.."); ok && outside != "" {
			cgroup = mount + outside
			defer os.Remove(mount + filepath.Dir(filepath.Dir(outside)))
			defer os.Remove(mount + filepath.Dir(outside))
			defer os.Remove(cgroup)
		}
		if err := errors.Join(os.MkdirAll(cgroup, 0o755), join(cgroup, int(info.PID))); err != nil {
			return err
		}
		unit, err := info.Unit()
		if tc.ok && (err != nil || unit != tc.path) || !tc.ok && (unit != "" || !errors.Is(err, peer.ErrNoUnit)) {
			return fmt.Errorf("in %s: %q, %v", tc.path, unit, err)
		}
	}
	return nil
}
