package login

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testLine = "auth optional pam_exec.so expose_authtok quiet /usr/bin/vaultctl unlock --with pam " + marker

// FuzzLine: the line is the last of its file, once, and taking it out again leaves what was
// there before, byte for byte, and what others have added since.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"", "\n", "auth required pam_unix.so\n", "no line end", "a\n\nb", "\r\n", marker, testLine + "x\n", "x" + testLine} {
		f.Add([]byte(text), []byte(""))
		f.Add([]byte(text), []byte("session optional pam_x.so"))
	}
	f.Fuzz(func(t *testing.T, text, since []byte) {
		if _, there := cutLine(text, testLine); there {
			return // it is not added twice
		}
		added := addLine(text, testLine)
		if got, ok := cutLine(added, testLine); !ok || !bytes.Equal(got, text) {
			t.Errorf("%q became %q, and then %q", text, added, got)
		}
		if last := added[bytes.LastIndexByte(added[:len(added)-1], '\n')+1:]; !strings.HasPrefix(string(last), testLine) || !bytes.HasPrefix(added, text) {
			t.Errorf("%q became %q", text, added)
		}
		if len(since) == 0 {
			return
		}
		before := bytes.Clone(text)
		if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
			before = append(before, '\n')
		}
		if got, ok := cutLine(append(added, since...), testLine); !ok || !bytes.Equal(got, append(before, since...)) {
			t.Errorf("%q with %q behind it became %q", text, since, got)
		}
	})
}

func TestALineGoesIntoAFileAndOutAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "login")
	const before = "auth required pam_unix.so\n@include common-account"
	if err := os.WriteFile(path, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	ctx, l := context.Background(), line{path, testLine}
	if got := l.look(ctx); got.State != Missing {
		t.Errorf("before: %+v", got)
	}
	if err := l.put(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := l.look(ctx); got.State != There {
		t.Errorf("after: %+v", got)
	}
	if err := l.put(ctx, nil); !errors.Is(err, ErrThere) {
		t.Errorf("a second time: %v", err)
	}
	if err := (line{path, "another " + marker}).put(ctx, nil); !errors.Is(err, ErrThere) {
		t.Errorf("another vault's: %v", err)
	}
	for range 2 {
		if err := l.remove(ctx); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != before {
		t.Errorf("it is %q now, %v", text, err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A line goes into no file that is not a file, or that others can write to.
func TestALineGoesIntoNoFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	open, target := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(open, nil, 0o644), os.Chmod(open, 0o666), os.Symlink(open, target)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, target, dir} {
		if err := (line{path, testLine}).put(context.Background(), nil); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
