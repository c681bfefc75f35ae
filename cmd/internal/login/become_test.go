package login

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const becomeEnv = "BFXVAULT_TEST_BECOME"

// TestMain is this program as PAM runs vaultctl, too.
func TestMain(m *testing.M) {
	if os.Getenv(becomeEnv) == "" {
		os.Exit(m.Run())
	}
	err := BecomePAMUser()
	status, _ := os.ReadFile("/proc/thread-self/status")
	dumpable, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	groups, _ := os.Getgroups()
	wd, _ := os.Getwd()
	fmt.Printf("%v\nuid %d %d\ngid %d %d\ngroups %d\ndumpable %d\nin %s\n%q\n%s", err,
		os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups, dumpable, wd, os.Environ(), status)
	os.Exit(0)
}

// asPAM runs this program as PAM would, for a user.
func asPAM(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{becomeEnv + "=1", "PAM_USER=" + name, "BFXVAULT_DIR=/nowhere", "XDG_STATE_HOME=/tmp", "DBUS_SESSION_BUS_ADDRESS=unixexec:path=/bin/false"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestRootBecomesTheUserWhoLogsInAndNothingMore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root becomes somebody else")
	}
	u, err := user.Lookup("games")
	if err != nil {
		t.Skip("there is no user games")
	}
	ids, err := u.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	want := fmt.Sprintf("<nil>\nuid %[1]s %[1]s\ngid %[2]s %[2]s\ngroups %[3]s\ndumpable 0\nin /\n%[4]q\n", u.Uid, u.Gid, ids,
		[]string{"HOME=" + u.HomeDir, "PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=/run/user/" + u.Uid})
	saved := strings.ReplaceAll(fmt.Sprintf("\nUid: %[1]s %[1]s %[1]s %[1]s\nGid: %[2]s %[2]s %[2]s %[2]s\n", u.Uid, u.Gid), " ", "\t")
	if got := asPAM(t, "games"); !strings.HasPrefix(got, want) || !strings.Contains(got, saved) {
		t.Errorf("it is\n%s, not\n%s and%s", got, want, saved)
	}
}

func TestNobodyIsNotBecome(t *testing.T) {
	for _, name := range []string{"", "no-such-user", "0"} {
		if got := asPAM(t, name); !strings.HasPrefix(got, "PAM_USER names nobody") {
			t.Errorf("%q: %s", name, got)
		}
	}
}
