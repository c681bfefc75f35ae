package peer_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bfxvault/api/peer"
)

// recorded are texts of /proc/PID/cgroup as systemd, container engines and the
// kernel write them. The first line of a file says what it must be read as.
func recorded(t testing.TB) map[string][2]string {
	t.Helper()
	files, err := filepath.Glob("testdata/cgroup/*.txt")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d recorded texts, %v", len(files), err)
	}
	texts := map[string][2]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		try(t, err)
		want, rest, _ := strings.Cut(string(text), "\n")
		texts[filepath.Base(f)] = [2]string{want, rest}
	}
	return texts
}

// P4: only a service of the system manager is a unit, and it is told in full.
func TestAUnitIsReadFromWhatSystemsWrite(t *testing.T) {
	for name, text := range recorded(t) {
		unit, err := peer.UnitOf([]byte(text[1]))
		verdict, want, _ := strings.Cut(text[0], " ")
		switch {
		case verdict == "unit" && (err != nil || unit != want):
			t.Errorf("%s: %q, %v", name, unit, err)
		case verdict == "refused" && (unit != "" || !errors.Is(err, peer.ErrNoUnit) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %q, %v", name, unit, err)
		case verdict != "unit" && verdict != "refused":
			t.Errorf("%s does not say what it must be read as", name)
		}
	}
}

// A12: what is stored is what can be told, and no more.
func TestAUnitThatCouldNeverMatchIsRefused(t *testing.T) {
	long := strings.Repeat("m", 255-len(".service"))
	for _, path := range []string{
		"/system.slice/mm-1.service",
		"/mm.service", // in the root slice
		"/system.slice/" + long + ".service",
		`/system.slice/system-mm\x2d1.slice/mm-1@a:b_c.d.service`,
		"/_cpu.slice/cpu-a.slice/x.service",
		"/users.slice/users-a.slice/mm.service",
	} {
		if err := peer.CheckUnit(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{
		"", "/", "mm-1.service", "system.slice/mm-1.service", " /system.slice/mm-1.service",
		"/system.slice", "/system.slice/", "/system.slice/mm-1", "/system.slice/.service", "/system.slice/mm-1.service/",
		"/system.slice/mm-1.SERVICE", "/system.slice/mm-1.service ", "/system.slice/mm-1.service\n", "/system.slice/mm 1.service",
		"/system.slice/mm-1.socket", "/system.slice/mm-1.scope", "/system.slice/mm*.service", "/system.slice/mü.service",
		"/system.slice/mm@.service", "/system.slice/@1.service", "/system.slice/..service", "/system.slice/m" + long + ".service",
		"/user.slice/mm-1.service", "/user.slice/user-0.slice/mm-1.service", "/staff.slice/user@0.service", "/user@0.service",
		"/.slice/mm-1.service", "/-.slice/mm-1.service", "/-a.slice/mm-1.service", "/a-.slice/mm-1.service",
		"/a.slice/b.slice/mm-1.service", "/a-b.slice/mm-1.service", "/a.slice/a--b.slice/mm-1.service", "/a.slice/a-b-c.slice/mm-1.service",
		"/a.slice/a.slice/mm-1.service", "/a@b.slice/mm-1.service", "/a b.slice/mm-1.service",
	} {
		if err := peer.CheckUnit(path); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

// FuzzUnitOf: whatever the text, a unit that comes out stands in it as the path of
// one of systemd's lines, could be stored, and no other such line contradicts it.
func FuzzUnitOf(f *testing.F) {
	for _, text := range recorded(f) {
		f.Add([]byte(text[1]))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		unit, err := peer.UnitOf(text)
		if err != nil {
			if unit != "" || !errors.Is(err, peer.ErrNoUnit) {
				t.Fatalf("%q: %q, %v", text, unit, err)
			}
			return
		}
		if err := peer.CheckUnit(unit); err != nil {
			t.Fatalf("%q: %s cannot be stored: %v", text, unit, err)
		}
		if strings.Contains(unit, "/user.slice/") || strings.Contains(unit, "/user@") || strings.Contains(unit, "/../") ||
			strings.Contains(unit, ".service/") {
			t.Fatalf("%q: %s", text, unit)
		}
		said := 0
		for line := range bytes.Lines(text) {
			for _, prefix := range []string{"0::", "name=systemd:"} {
				_, path, ok := bytes.Cut(line, []byte(prefix))
				own := ok && (prefix != "0::" || bytes.HasPrefix(line, []byte(prefix)))
				if own && string(path) == unit+"\n" {
					said++
				}
			}
		}
		if said == 0 || said > 2 {
			t.Fatalf("%q: %s stands there %d times", text, unit, said)
		}
	})
}
