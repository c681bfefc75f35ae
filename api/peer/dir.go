package peer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrUnsafe: a folder or something at a socket's place is not what it may be. It
// was left as it is.
var ErrUnsafe = errors.New("refused")

// EnsureDir makes the folder path with exactly the given permission bits, or
// checks the one that is there: a real folder (no symbolic link) that belongs to
// this process's uid. Bits that differ are set right; anything else is refused
// with [ErrUnsafe] and left untouched (A2). The folder above must exist.
func EnsureDir(path string, mode os.FileMode) error {
	if mode&^os.ModePerm != 0 {
		return fmt.Errorf("folder %s: mode %v has more than permission bits", path, mode)
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// O_PATH needs no permission on the folder, and opens a link as itself.
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "fstat", Path: path, Err: err}
	}
	uid := os.Geteuid()
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("folder %s: %w: it is no folder", path, ErrUnsafe)
	case st.Uid != uint32(uid):
		return fmt.Errorf("folder %s: %w: it belongs to uid %d, not to uid %d", path, ErrUnsafe, st.Uid, uid)
	case st.Mode&0o777 == uint32(mode):
		return nil
	}
	// fchmod(2) refuses an O_PATH descriptor; this is the same folder by its number.
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
