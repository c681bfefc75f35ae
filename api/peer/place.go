package peer

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// place is a name in a folder that is held open, so that all steps mean the same
// folder.
type place struct {
	path, folder, base string
	dir                int
}

func openPlace(path string) (*place, error) {
	p := &place{path: path, folder: filepath.Dir(path), base: filepath.Base(path)}
	var err error
	p.dir, err = unix.Open(p.folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p.folder, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(p.dir, &st); err != nil {
		p.close()
		return nil, &os.PathError{Op: "fstat", Path: p.folder, Err: err}
	}
	owned := st.Uid == uint32(os.Geteuid()) || st.Uid == 0
	shared := st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0
	if !owned || shared {
		p.close()
		return nil, fmt.Errorf("%w: others can change the folder (uid %d, mode %04o)", ErrUnsafe, st.Uid, st.Mode&0o7777)
	}
	return p, nil
}

func (p *place) close() { unix.Close(p.dir) }

func (p *place) stat() (st unix.Stat_t, err error) {
	err = unix.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// look reports whether a dead socket of ours stands there. Nil and false mean
// that nothing does.
func (p *place) look() (dead bool, err error) {
	st, err := p.stat()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return false, fmt.Errorf("%w: something that is no socket is there", ErrUnsafe)
	case st.Uid != uint32(os.Geteuid()):
		return false, fmt.Errorf("%w: a socket of uid %d is there", ErrUnsafe, st.Uid)
	}
	return isDead(p.path)
}

// isDead knocks. Only a refusal means that nobody listens; a full backlog
// (EAGAIN) is a live one.
func isDead(path string) (bool, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: path})
	switch {
	case err == nil:
		c.Close()
		return false, ErrInUse
	case errors.Is(err, unix.ECONNREFUSED):
		return true, nil
	case errors.Is(err, unix.EAGAIN):
		return false, ErrInUse
	case errors.Is(err, os.ErrNotExist): // removed meanwhile: nothing to clear
		return false, nil
	}
	return false, fmt.Errorf("%w: a socket is there, and: %w", ErrUnsafe, err)
}

// clear removes a dead socket. Two processes may have found it dead at once, so
// only one of them at a time looks again and removes it: otherwise the slower one
// would remove what the quicker one has put there. Where nothing stands, no lock
// is needed, since publish replaces nothing.
func (p *place) clear() error {
	lock, err := unix.Openat(p.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: p.folder, Err: err}
	}
	defer unix.Close(lock)
	if err := unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%w: it holds the lock on the folder: %w", ErrInUse, err)
	}
	dead, err := p.look()
	if err != nil || !dead {
		return err
	}
	return unix.Unlinkat(p.dir, p.base, 0)
}

// room is a fresh folder of mode 0700 beside the place: what is inside can be
// reached by nobody else while it gets its mode and group.
type room struct {
	path, base string
	parent, fd int
}

// inRoom is the socket's name until it is published.
const inRoom = "s"

func (p *place) makeRoom() (*room, error) {
	for {
		var id [2]byte // short: the whole path must fit into sockaddr_un
		rand.Read(id[:])
		r := &room{base: "." + hex.EncodeToString(id[:]), parent: p.dir}
		r.path = filepath.Join(p.folder, r.base)
		err := unix.Mkdirat(p.dir, r.base, 0o700)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "mkdir", Path: r.path, Err: err}
		}
		if err = unix.Fchmodat(p.dir, r.base, 0o700, 0); err == nil { // whatever the umask took
			r.fd, err = unix.Openat(p.dir, r.base, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			unix.Unlinkat(p.dir, r.base, unix.AT_REMOVEDIR)
			return nil, &os.PathError{Op: "open", Path: r.path, Err: err}
		}
		return r, nil
	}
}

func (r *room) remove() {
	unix.Unlinkat(r.fd, inRoom, 0)
	unix.Close(r.fd)
	unix.Unlinkat(r.parent, r.base, unix.AT_REMOVEDIR)
}

// bind makes the socket, complete but for its name.
func (r *room) bind(gid int) (*net.UnixListener, error) {
	name := filepath.Join(r.path, inRoom)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: name})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := r.dress(l, gid); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (r *room) dress(l *net.UnixListener, gid int) error {
	mode := uint32(0o600)
	if gid >= 0 {
		mode = 0o660
		if err := unix.Fchownat(r.fd, inRoom, -1, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("giving it to group %d: %w", gid, err)
		}
	}
	if err := unix.Fchmodat(r.fd, inRoom, mode, 0); err != nil {
		return fmt.Errorf("setting its mode: %w", err)
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		// Accepted connections inherit it before their first message (A11).
		inner = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	})
	return errors.Join(err, inner)
}

// publish gives the socket its name, and returns what identifies it.
func (r *room) publish(p *place) (dev, ino uint64, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(r.fd, inRoom, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, 0, err
	}
	err = unix.Renameat2(r.fd, inRoom, p.dir, p.base, unix.RENAME_NOREPLACE)
	if errors.Is(err, os.ErrExist) {
		return 0, 0, ErrInUse // whoever was quicker
	}
	return st.Dev, st.Ino, err
}
