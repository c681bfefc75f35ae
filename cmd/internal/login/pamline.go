package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A line in a file of PAM's is put at its end and taken out again so that the file is, byte
// for byte, what it was. It is optional: whatever becomes of it, the login goes on.

// marker ends the line, so that it can be told from what others have put there.
const marker = "# by vaultctl login enable"

// pamLine is the line that calls vaultctl.
func pamLine(command string) string {
	return "auth optional pam_exec.so expose_authtok quiet " + command + " unlock --with pam " + marker
}

// noLineEnd, behind the marker, says that the file did not end with a line end before.
const noLineEnd = " (no line end before)"

// addLine adds the line to the text of a file.
func addLine(text []byte, line string) []byte {
	added := bytes.Clone(text)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		added = append(added, '\n')
		line += noLineEnd
	}
	return append(added, line+"\n"...)
}

// cutLine takes the line out of a text, wherever others have moved it, with the line end
// that was added for it; ok says whether it was there.
func cutLine(text []byte, line string) (cut []byte, ok bool) {
	for start := 0; start < len(text); {
		end := start + bytes.IndexByte(text[start:], '\n') + 1
		if end == start {
			end = len(text) // the last line, without an end
		}
		switch strings.TrimSuffix(string(text[start:end]), "\n") {
		case line + noLineEnd:
			if end == len(text) && start > 0 {
				start-- // nothing has followed: the line end before it is ours as well
			}
			fallthrough
		case line:
			return append(bytes.Clone(text[:start]), text[end:]...), true
		}
		start = end
	}
	return text, false
}

// line is a line at the end of a file of root's.
type line struct{ path, text string }

func (line) folder() (string, os.FileMode) { return "", 0 }

func (l line) put(context.Context, *Key) error {
	return l.change(func(text []byte) ([]byte, error) {
		if bytes.Contains(text, []byte(marker)) {
			return nil, fmt.Errorf("a line in %s: %w", l.path, ErrThere)
		}
		return addLine(text, l.text), nil
	})
}

func (l line) remove(context.Context) error {
	err := l.change(func(text []byte) ([]byte, error) {
		cut, ok := cutLine(text, l.text)
		if !ok {
			return nil, fs.ErrNotExist
		}
		return cut, nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the line or the whole file is gone already
	}
	return err
}

func (l line) look(context.Context) File {
	seen := File{Name: "a line in " + l.path, State: Missing}
	text, err := os.ReadFile(l.path)
	if err != nil {
		seen.State, seen.Detail = notThere(err)
		return seen
	}
	if _, ok := cutLine(text, l.text); ok {
		seen.State = There
	} else if bytes.Contains(text, []byte(marker)) {
		seen.State, seen.Detail = Unsafe, "it is another than this vaultctl puts there"
	}
	return seen
}

// left is what root has to do with the line, where this user cannot.
func (l line) left(ctx context.Context, enabled bool) string {
	there := l.look(ctx).State == There
	switch {
	case enabled && !there:
		return fmt.Sprintf("as root, put this line at the end of %s: %s", l.path, l.text)
	case !enabled && there:
		return fmt.Sprintf("as root, take this line out of %s, unless another user's login needs it: %s", l.path, l.text)
	}
	return ""
}

// change puts another text in the file's place at once, with the same owner and mode, so
// that no login meets half of it.
func (l line) change(edit func([]byte) ([]byte, error)) error {
	info, err := os.Lstat(l.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || !ownedBy(info, os.Geteuid()) || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: %w", l.path, ErrUnsafe)
	}
	text, err := os.ReadFile(l.path)
	if err != nil {
		return err
	}
	if text, err = edit(text); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(l.path), ".bfxvault-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(text)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
		err = f.Chown(int(stat.Uid), int(stat.Gid))
	}
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), l.path)
}
