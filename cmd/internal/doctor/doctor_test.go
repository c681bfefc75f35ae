package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/doctor"
)

func TestTheWholeIsAsGoodAsItsWorstPart(t *testing.T) {
	of := func(grades ...doctor.Grade) (findings []doctor.Finding) {
		for _, g := range grades {
			findings = append(findings, doctor.Finding{Grade: g})
		}
		return findings
	}
	for _, c := range []struct {
		findings []doctor.Finding
		want     doctor.Grade
	}{
		{of(), doctor.Secure}, {of(doctor.Secure, doctor.Secure), doctor.Secure}, {of(doctor.Weak, doctor.Secure), doctor.Weak},
		{of(doctor.Secure, doctor.Unseen), doctor.Weak}, {of(doctor.Weak, doctor.Insecure, doctor.Unseen), doctor.Insecure},
		{of("something new", doctor.Weak), "something new"}, // unknown means no
	} {
		if got := doctor.Overall(c.findings); got != c.want {
			t.Errorf("%v: %s, not %s", c.findings, got, c.want)
		}
	}
}

// machine makes the files of a kernel that says so; a text of "-> …" makes a link.
func machine(t *testing.T, texts map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(text, "-> ")
		err := os.WriteFile(path, []byte(text), 0o600)
		if link {
			err = errors.Join(os.Remove(path), os.Symlink(target, path))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func gradeOf(t *testing.T, findings []doctor.Finding, check string) doctor.Grade {
	t.Helper()
	for _, f := range findings {
		if f.Check == check {
			if f.Says == "" || (f.Grade == doctor.Weak && f.Mend == "") || (f.Grade == doctor.Secure && f.Mend != "") {
				t.Errorf("%+v", f)
			}
			return f.Grade
		}
	}
	t.Fatalf("nothing was said of %s", check)
	return ""
}

func TestTheMachineIsGraded(t *testing.T) {
	for _, c := range []struct {
		scope   string
		tracing doctor.Grade
	}{{"0\n", doctor.Weak}, {"1\n", doctor.Secure}, {"2\n", doctor.Secure}, {"3\n", doctor.Secure}, {"\n", doctor.Unseen}, {"4\n", doctor.Unseen}} {
		findings := doctor.Machine(machine(t, map[string]string{"proc/sys/kernel/yama/ptrace_scope": c.scope}))
		if tracing := gradeOf(t, findings, "tracing"); tracing != c.tracing {
			t.Errorf("%q: %s", c.scope, tracing)
		}
		gradeOf(t, findings, "clock")
		gradeOf(t, findings, "kernel")
	}
	if tracing := gradeOf(t, doctor.Machine(t.TempDir()), "tracing"); tracing != doctor.Weak {
		t.Errorf("no Yama: %s", tracing)
	}
}

func TestSwapThatIsNotKnownToBeEncryptedIsWeak(t *testing.T) {
	const header, swaps, block = "Filename\tType\tSize\tUsed\tPriority\n", "proc/swaps", "sys/class/block/"
	for _, c := range []struct {
		what  string
		files map[string]string
		want  doctor.Grade
	}{
		{"cannot be seen", nil, doctor.Unseen},
		{"none", map[string]string{swaps: header}, doctor.Secure},
		{"packed", map[string]string{swaps: header + "/dev/zram0 partition 1 0 100\n"}, doctor.Secure},
		{"plain", map[string]string{swaps: header + "/dev/zram0 partition 1 0 100\n/dev/sda2 partition 1 0 -2\n"}, doctor.Weak},
		{"a file", map[string]string{swaps: header + "/swapfile file 1 0 -2\n"}, doctor.Weak},
		{"LUKS", map[string]string{swaps: header + "/dev/dm-1 partition 1 0 -2\n", block + "dm-1/dm/uuid": "CRYPT-LUKS2-12-swap\n"}, doctor.Secure},
		{"by its name", map[string]string{swaps: header + "/dev/mapper/swap partition 1 0 -2\n", "dev/mapper/swap": "-> ../dm-1", "dev/dm-1": "", block + "dm-1/dm/uuid": "CRYPT-PLAIN-swap\n"}, doctor.Secure},
		{"LVM in LUKS", map[string]string{swaps: header + "/dev/dm-1 partition 1 0 -2\n", block + "dm-1/dm/uuid": "LVM-12\n", block + "dm-1/slaves/dm-0/dm/uuid": "CRYPT-LUKS1-12\n"}, doctor.Secure},
		{"LVM on two, one of them plain", map[string]string{
			swaps: header + "/dev/dm-1 partition 1 0 -2\n", block + "dm-1/dm/uuid": "LVM-12\n",
			block + "dm-1/slaves/dm-0/dm/uuid": "CRYPT-LUKS1-12\n", block + "dm-1/slaves/sda1/size": "1",
		}, doctor.Weak},
		{"LVM", map[string]string{swaps: header + "/dev/dm-1 partition 1 0 -2\n", block + "dm-1/dm/uuid": "LVM-12\n"}, doctor.Weak},
		{"checked, and not encrypted", map[string]string{swaps: header + "/dev/dm-1 partition 1 0 -2\n", block + "dm-1/dm/uuid": "CRYPT-INTEGRITY-12\n"}, doctor.Weak},
		{"one of two", map[string]string{swaps: header + "/dev/dm-1 partition 1 0 -2\n/dev/sda2 partition 1 0 -3\n", block + "dm-1/dm/uuid": "CRYPT-LUKS2-12\n"}, doctor.Weak},
	} {
		if got := gradeOf(t, doctor.Machine(machine(t, c.files)), "swap"); got != c.want {
			t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
	hibernates := doctor.Machine(machine(t, map[string]string{swaps: header + "/swapfile file 1 0 -2\n", "sys/power/state": "freeze mem disk\n"}))
	if !slices.ContainsFunc(hibernates, func(f doctor.Finding) bool { return strings.Contains(f.Says, "when the machine hibernates") }) {
		t.Errorf("%+v", hibernates)
	}
}

func TestAMachineThatSleepsOverAnOpenVaultIsWeak(t *testing.T) {
	const state, systemd, wants = "sys/power/state", "run/systemd/system/x", "etc/systemd/system/sleep.target.wants/"
	for _, c := range []struct {
		what  string
		files map[string]string
		want  doctor.Grade
	}{
		{"sleeps", map[string]string{state: "mem disk\n", systemd: ""}, doctor.Weak},
		{"locks before", map[string]string{state: "mem disk\n", systemd: "", wants + "bfxvault-lock-sleep@ann.service": "-> /x"}, doctor.Secure},
		{"locks another's", map[string]string{state: "mem disk\n", systemd: "", wants + "bfxvault-lock-sleep@bob.service": "-> /x", wants + "bfxvault-lock-sleep.service": "-> /x"}, doctor.Weak},
		{"is kept from it", map[string]string{state: "mem disk\n", systemd: "", "etc/systemd/system/sleep.target": "-> /dev/null"}, doctor.Secure},
		{"has no systemd", map[string]string{state: "mem\n"}, doctor.Unseen},
	} {
		if got := gradeOf(t, doctor.Sleep(machine(t, c.files), "ann"), "sleep"); got != c.want {
			t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
	service := machine(t, map[string]string{state: "mem\n", systemd: "", wants + "bfxvault-lock-sleep.service": "-> /x"})
	if got := gradeOf(t, doctor.Sleep(service, "bfxvault"), "sleep"); got != doctor.Secure {
		t.Errorf("the system service: %s", got)
	}
	for _, state := range []map[string]string{nil, {state: "\n"}} {
		if found := doctor.Sleep(machine(t, state), "ann"); found != nil {
			t.Errorf("cannot sleep: %+v", found)
		}
	}
}

func TestFilesThatOthersReachAreInsecure(t *testing.T) {
	dir := t.TempDir()
	me := []uint32{uint32(os.Geteuid())}
	path := filepath.Join(dir, "vault.db")
	file := doctor.File{Path: path, Mode: 0o600}
	want := func(what string, grade doctor.Grade, owners []uint32, mend string) {
		t.Helper()
		found := doctor.Files(owners, file)
		if len(found) != 1 || found[0].Grade != grade || found[0].Mend != mend {
			t.Errorf("%s: %+v", what, found)
		}
	}
	want("a vault that is not there", doctor.Unseen, me, "vaultctl init, or name the vault's folder with --dir")
	if found := doctor.Files(me, doctor.File{Path: dir, Mode: 0o777}, file); found[0].Grade != doctor.Secure {
		t.Errorf("missing: %+v", found)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("ours", doctor.Secure, me, "")
	want("another's", doctor.Insecure, []uint32{me[0] + 1}, "chown it to the user that vaultd runs as")
	for _, mode := range []os.FileMode{0o640, 0o602, 0o604, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		want(mode.String(), doctor.Insecure, me, "chmod 600 "+path)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	want("read only", doctor.Secure, me, "")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	file.Path = link
	want("a link", doctor.Insecure, me, "put the file itself there")
}

// The operator of a service is kept out of its folder, and that is how it should be.
func TestAFolderThatIsClosedToUsIsClosed(t *testing.T) {
	dir := t.TempDir()
	owner := uint32(os.Geteuid())
	path := filepath.Join(dir, "state", "vault.db")
	err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	files := func() (closed, open []doctor.Finding) {
		file := doctor.File{Path: path, Mode: 0o600}
		return doctor.Files([]uint32{owner}, doctor.File{Path: filepath.Dir(path), Mode: 0o700}, file),
			doctor.Files([]uint32{owner}, doctor.File{Path: dir, Mode: 0o755}, file)
	}
	var closed, open []doctor.Finding
	if owner == 0 {
		done := make(chan struct{})
		go func() { // on a thread of its own, which ends with it
			defer close(done)
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				t.Error(err)
			}
			closed, open = files()
		}()
		<-done
	} else {
		// Nobody else's folder is at hand: our own, closed to ourselves.
		if err := os.Chmod(filepath.Dir(path), 0); err != nil {
			t.Fatal(err)
		}
		closed, open = files()
		if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if doctor.Overall(closed) != doctor.Secure {
		t.Errorf("closed: %+v", closed)
	}
	if len(open) != 1 || open[0].Grade != doctor.Unseen {
		t.Errorf("out of sight: %+v", open)
	}
}

func TestFoldersAboveThatOthersWriteToAreInsecure(t *testing.T) {
	above := t.TempDir() // in /tmp, which is sticky
	vault := filepath.Join(above, "a", "vault")
	if err := os.MkdirAll(vault, 0o700); err != nil {
		t.Fatal(err)
	}
	me := []uint32{0, uint32(os.Geteuid())}
	for mode, want := range map[os.FileMode]doctor.Grade{
		0o755: doctor.Secure, 0o777: doctor.Insecure, 0o703: doctor.Insecure, 0o775: doctor.Weak, 0o777 | os.ModeSticky: doctor.Secure,
	} {
		if err := os.Chmod(filepath.Dir(vault), mode); err != nil {
			t.Fatal(err)
		}
		if found := doctor.Above(me, vault); doctor.Overall(found) != want {
			t.Errorf("%v: %+v", mode, found)
		}
	}
	if found := doctor.Above([]uint32{me[1] + 1, 0}, vault); me[1] != 0 && doctor.Overall(found) != doctor.Insecure {
		t.Errorf("another's: %+v", found)
	}
}
