package login

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// State says what is to be seen of a thing.
type State string

// The states of a thing.
const (
	There   State = "there"
	Missing State = "missing"
	Unsafe  State = "unsafe" // another owner, mode or kind than it was given
	Unknown State = "unknown"
)

// File is a thing as it is shown: a path with its mode, or the name of what is no file.
type File struct {
	Name   string      `json:"name"`
	Mode   os.FileMode `json:"-"` // zero for what is no file
	State  State       `json:"state"`
	Detail string      `json:"detail,omitempty"`
}

// thing is one of what a way puts into the machine.
type thing interface {
	// put puts it there. It fails with ErrThere where something is there already, and
	// leaves nothing where it fails.
	put(ctx context.Context, k *Key) error
	// remove takes it away. What is not there is no error.
	remove(ctx context.Context) error
	// look says what is there.
	look(ctx context.Context) File
	// folder is where it lies, and the mode of that folder where it has to be made; empty
	// for what needs none.
	folder() (string, os.FileMode)
}

// file is a file of one's own.
type file struct {
	path    string
	mode    os.FileMode
	dirMode os.FileMode
	content func(context.Context, *Key) ([]byte, error) // no secret in the clear
}

func (f file) folder() (string, os.FileMode) { return filepath.Dir(f.path), f.dirMode }

func (f file) put(ctx context.Context, k *Key) error {
	text, err := f.content(ctx, k)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", f.path, ErrThere)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	if err := errors.Join(err, out.Chmod(f.mode), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(f.path))
	}
	return nil
}

func (f file) remove(context.Context) error { return removeFile(f.path) }

func (f file) look(context.Context) File {
	seen := File{Name: f.path, Mode: f.mode}
	info, err := os.Lstat(f.path)
	if err != nil {
		seen.State, seen.Detail = notThere(err)
		return seen
	}
	seen.Mode, seen.State = info.Mode().Perm(), There
	switch {
	case !info.Mode().IsRegular():
		seen.State, seen.Detail = Unsafe, "it is no file"
	case !ownedBy(info, os.Geteuid()):
		seen.State, seen.Detail = Unsafe, "it belongs to another user"
	case info.Mode().Perm() != f.mode:
		seen.State, seen.Detail = Unsafe, fmt.Sprintf("its mode is not %04o", f.mode)
	}
	return seen
}

// link is a symbolic link, as systemctl enable makes it.
type link struct {
	path, target string
	dirMode      os.FileMode
}

func (l link) folder() (string, os.FileMode) { return filepath.Dir(l.path), l.dirMode }

func (l link) put(context.Context, *Key) error {
	err := os.Symlink(l.target, l.path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", l.path, ErrThere)
	}
	return err
}

func (l link) remove(context.Context) error { return removeFile(l.path) }

func (l link) look(context.Context) File {
	seen := File{Name: l.path, Mode: os.ModeSymlink}
	target, err := os.Readlink(l.path)
	switch {
	case errors.Is(err, syscall.EINVAL):
		seen.State, seen.Detail = Unsafe, "it is no link"
	case err != nil:
		seen.State, seen.Detail = notThere(err)
	case target != l.target:
		seen.State, seen.Detail = Unsafe, "it leads elsewhere"
	default:
		seen.State = There
	}
	return seen
}

// tree is a folder that systemd makes and fills: nothing of ours to put, but ours to remove.
type tree struct{ path string }

func (tree) folder() (string, os.FileMode)      { return "", 0 }
func (tree) put(context.Context, *Key) error    { return nil }
func (t tree) remove(ctx context.Context) error { return os.RemoveAll(t.path) }

func (t tree) look(context.Context) File {
	if _, err := os.Lstat(t.path); err == nil {
		return File{Name: t.path, Mode: os.ModeDir | 0o700, State: There}
	}
	return File{} // nobody misses it
}

func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

func notThere(err error) (State, string) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Missing, ""
	}
	return Unknown, err.Error()
}

func ownedBy(info fs.FileInfo, uid int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// onlyRoot refuses a path that anybody but root could put another file at: what root's
// login or systemd is told to run.
func onlyRoot(path string) error {
	for p := path; ; p = filepath.Dir(p) {
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0 // what root has there, nobody else moves
		if !ownedBy(info, 0) || (info.Mode().Perm()&0o022 != 0 && !sticky && info.Mode()&os.ModeSymlink == 0) {
			return fmt.Errorf("%s: %w: root's login would run what they put there", p, ErrUnsafe)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}
