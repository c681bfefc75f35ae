package cmd_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// loginPassword is what the person logs in with, and what stands in the file login-pass.
const loginPassword = "tr0ub4dor&3"

// cmdPerson is "person": a user of this machine, with a password and a home, and a file of
// PAM's for them to log in by. $PERSON and $SERVICE are their names, $PERSON_UID, $PERSON_GID
// and $PERSON_HOME what they say. All are gone when the script ends.
func cmdPerson(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: person")
	}
	name := fmt.Sprintf("bfxvault%d", os.Getpid())
	home, service := ts.MkAbs("person"), filepath.Join("/etc/pam.d", name)
	ts.Defer(func() {
		_ = exec.Command("userdel", name).Run() // where it was made
		_ = os.Remove(service)
	})
	ts.Check(exec.Command("useradd", "--no-create-home", "--home-dir", home, "--user-group", name).Run())
	change := exec.Command("chpasswd")
	change.Stdin = strings.NewReader(name + ":" + loginPassword)
	ts.Check(change.Run())
	// Without an end to its last line: what is added and taken away leaves that, too.
	ts.Check(os.WriteFile(service, []byte("auth required pam_unix.so\naccount required pam_permit.so"), 0o644))
	for env, flag := range map[string]string{"PERSON_UID": "-u", "PERSON_GID": "-g"} {
		id, err := exec.Command("id", flag, name).Output()
		ts.Check(err)
		ts.Setenv(env, strings.TrimSpace(string(id)))
	}
	ts.Setenv("PERSON", name)
	ts.Setenv("PERSON_HOME", home)
	ts.Setenv("SERVICE", name)
	ts.Check(os.Mkdir(home, 0o700))
	for name, text := range map[string]string{"pass": passphrase, "login-pass": loginPassword} {
		for _, dir := range []string{home, ts.MkAbs(".")} {
			ts.Check(os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600))
		}
	}
	ts.Check(exec.Command("chown", "-R", name+":", home).Run())
}

// machineFiles are what a login of this machine's, and not of somebody's home, is made of.
var machineFiles = [...]string{
	"/etc/systemd/system/multi-user.target.wants/bfxvault-unlock.service", "/etc/systemd/system/bfxvault-unlock.service",
	"/etc/credstore.encrypted/bfxvault.key", "/etc/credstore.encrypted", "/var/lib/bfxvault-unlock",
}

// cmdAlone is "alone": from here to its end, no other script of this machine that changes
// what is the machine's own. What a script leaves of it that fails half-way is removed.
func cmdAlone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: alone")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "bfxvault-tests.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	ts.Check(err)
	ts.Defer(func() { lock.Close() }) // and with it the lock
	ts.Check(unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	for _, path := range machineFiles {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			ts.Defer(func() { _ = os.RemoveAll(path) })
		}
	}
}
