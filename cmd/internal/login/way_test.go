package login

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bfxvault/vault/operator"
)

// broken is a thing that cannot be put.
type broken struct{ file }

var errBroken = errors.New("broken")

func (broken) put(context.Context, *Key) error { return errBroken }

// testWay is a way of files in a folder of its own.
func testWay(t *testing.T, things ...thing) (*Way, string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_STATE_HOME", "")
	w := &Way{with: "test", id: "00ff", state: filepath.Join(home, "state", "bfxvault-login")}
	w.things = []thing{w.noteThing()}
	for i, name := range []string{"a/b/one", "a/c/two"} {
		content := func(context.Context, *Key) ([]byte, error) { return []byte{byte(i)}, nil }
		w.things = append(w.things, file{filepath.Join(home, name), 0o600, 0o700, content})
	}
	w.things = append(w.things, link{filepath.Join(home, "a/link"), "b/one", 0o700})
	w.things = append(w.things, things...)
	return w, home
}

func testKey() *Key { return &Key{Slot: 9, File: &operator.KEK{1, 2, 3}} }

// listing is every path below a folder.
func listing(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		paths = append(paths, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestWhatIsStoredIsShownAndRemoved(t *testing.T) {
	w, home := testWay(t)
	ctx := context.Background()
	if err := w.Store(ctx, testKey()); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "/a", "/a/b", "/a/b/one", "/a/c", "/a/c/two", "/a/link", "/state", "/state/bfxvault-login", "/state/bfxvault-login/00ff.test.note"}
	if got := listing(t, home); !slices.Equal(got, want) {
		t.Errorf("there is %q", got)
	}
	for _, f := range w.Files(ctx) {
		if f.State != There || (f.Mode != 0o600 && f.Mode != os.ModeSymlink) {
			t.Errorf("%+v", f)
		}
	}
	if err := os.Chmod(filepath.Join(home, "a/b/one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f := w.Files(ctx)[1]; f.State != Unsafe {
		t.Errorf("open to others: %+v", f)
	}
	again := &Way{with: w.with, id: w.id, state: w.state, things: w.things}
	var err error
	if again.note, err = readNote(again.notePath()); err != nil {
		t.Fatal(err)
	}
	if slot, enabled := again.Slot(); slot != 9 || !enabled {
		t.Errorf("the next run sees slot %d, %t", slot, enabled)
	}
	if err := again.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, home); !slices.Equal(got, []string{""}) {
		t.Errorf("left is %q", got)
	}
}

// P7: half a way is none.
func TestAStepThatFailsUndoesThoseBeforeIt(t *testing.T) {
	w, home := testWay(t, broken{})
	if err := w.Store(context.Background(), testKey()); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if got := listing(t, home); !slices.Equal(got, []string{""}) {
		t.Errorf("left is %q", got)
	}
	if _, enabled := w.Slot(); enabled {
		t.Error("it counts as set up")
	}
}

func TestNothingOfOthersIsOverwrittenOrRemoved(t *testing.T) {
	w, home := testWay(t)
	ctx, other := context.Background(), filepath.Join(home, "a/c/two")
	if err := errors.Join(os.MkdirAll(filepath.Dir(other), 0o700), os.WriteFile(other, []byte("theirs"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := listing(t, home)
	if err := w.Store(ctx, testKey()); !errors.Is(err, ErrThere) {
		t.Errorf("Store: %v", err)
	}
	if got := listing(t, home); !slices.Equal(got, before) {
		t.Errorf("left is %q, before it was %q", got, before)
	}
	// A folder that is in use by the time of Remove stays.
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := w.Store(ctx, testKey()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "a/b/new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, home); !slices.Equal(got, []string{"", "/a", "/a/b", "/a/b/new", "/a/c"}) {
		t.Errorf("left is %q", got)
	}
}

// Root removes no folder for a note that somebody has written for it.
func TestANoteIsTrustedAsFarAsItFits(t *testing.T) {
	w, home := testWay(t)
	victim := filepath.Join(home, "victim")
	if err := errors.Join(os.MkdirAll(w.state, 0o700), os.Mkdir(victim, 0o700)); err != nil {
		t.Fatal(err)
	}
	write := func(text string, mode os.FileMode) error {
		return errors.Join(os.WriteFile(w.notePath(), []byte(text), mode), os.Chmod(w.notePath(), mode))
	}
	for name, bad := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"writable by others": {`{"slot":9}`, 0o620},
		"readable by others": {`{"slot":9}`, 0o644},
		"no note":            {"slot 9", 0o600},
		"no slot":            {`{"slot":0}`, 0o600},
		"an unknown field":   {`{"slot":9,"files":["/etc/passwd"]}`, 0o600},
		"too long":           {`{"slot":9,"pam_file":"` + strings.Repeat("x", maxNote) + `"}`, 0o600},
	} {
		if err := write(bad.text, bad.mode); err != nil {
			t.Fatal(err)
		}
		if n, err := readNote(w.notePath()); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
	if err := write(fmt.Sprintf(`{"slot":9,"folders":[%q,%q]}`, victim, home+"/a/../victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.note, err = readNote(w.notePath()); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

func TestAPathThatSystemdOrPAMWouldReadOtherwiseIsRefused(t *testing.T) {
	for path, ok := range map[string]bool{
		"/usr/local/bin/vaultctl": true, "/opt/bfx-vault_1.0+x/vaultctl": true, "": true,
		"/a b": false, "/a%n": false, "/a\nUser=root": false, "/a#b": false, "/a$b": false, "/a[b]": false, "/ä": false, `/a\b`: false, "/a;b": false,
	} {
		if err := plainPath(path); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// What root's login or systemd runs must be root's, up to the root folder.
func TestRootRunsNoProgramOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := onlyRoot(os.Args[0]); !errors.Is(err, ErrUnsafe) {
			t.Errorf("a program of ours: %v", err)
		}
		return
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "open", "vaultctl")
	if err := errors.Join(os.Mkdir(filepath.Dir(program), 0o755), os.WriteFile(program, nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := onlyRoot(program); err != nil {
		t.Errorf("root's own, below a sticky folder: %v", err)
	}
	for name, spoil := range map[string]func() error{
		"a folder that others write to": func() error { return os.Chmod(filepath.Dir(program), 0o777) },
		"a program that others write":   func() error { return os.Chmod(program, 0o775) },
		"somebody's program":            func() error { return os.Chown(program, 4242, 0) },
		"somebody's folder":             func() error { return os.Chown(filepath.Dir(program), 4242, 0) },
	} {
		if err := errors.Join(os.Chmod(filepath.Dir(program), 0o755), os.Chmod(program, 0o755),
			os.Chown(program, 0, 0), os.Chown(filepath.Dir(program), 0, 0), spoil()); err != nil {
			t.Fatal(err)
		}
		if err := onlyRoot(program); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// P1: a keyfile prints as nothing.
func TestAKeyPrintsAsNothing(t *testing.T) {
	k := &Key{Slot: 7, File: &operator.KEK{0x41, 0x42, 0x43}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "Key(redacted)" {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if got, err := parseKey(k.bytes()); err != nil || got.Slot != 7 || *got.File != *k.File {
		t.Errorf("read back: %v", err)
	}
	for _, n := range []int{0, 32, keySize - 1, keySize + 1} {
		if _, err := parseKey(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}
