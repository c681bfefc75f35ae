package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

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

// machine makes the files of a kernel that says so.
func machine(t *testing.T, ptraceScope, swaps string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"proc/sys/kernel/yama/ptrace_scope": ptraceScope, "proc/swaps": swaps} {
		if text == "" {
			continue
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func gradeOf(t *testing.T, findings []doctor.Finding, check string) doctor.Grade {
	t.Helper()
	for _, f := range findings {
		if f.Check == check {
			if f.Says == "" || (f.Grade == doctor.Weak) != (f.Mend != "") {
				t.Errorf("%+v", f)
			}
			return f.Grade
		}
	}
	t.Fatalf("nothing was said of %s", check)
	return ""
}

func TestTheMachineIsGraded(t *testing.T) {
	const header = "Filename\tType\tSize\tUsed\tPriority\n"
	for _, c := range []struct {
		scope, swaps  string
		tracing, swap doctor.Grade
	}{
		{"1\n", header, doctor.Secure, doctor.Secure},
		{"0\n", header + "/dev/zram0 partition 1 0 100\n", doctor.Weak, doctor.Secure},
		{"2\n", header + "/dev/zram0 partition 1 0 100\n/dev/sda2 partition 1 0 -2\n", doctor.Secure, doctor.Weak},
		{"", header + "/swapfile file 1 0 -2\n", doctor.Weak, doctor.Weak},
		{"1\n", "", doctor.Secure, doctor.Unseen},
	} {
		findings := doctor.Machine(machine(t, c.scope, c.swaps))
		if tracing, swap := gradeOf(t, findings, "tracing"), gradeOf(t, findings, "swap"); tracing != c.tracing || swap != c.swap {
			t.Errorf("%q, %q: tracing %s, swap %s", c.scope, c.swaps, tracing, swap)
		}
		gradeOf(t, findings, "clock")
		gradeOf(t, findings, "kernel")
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
