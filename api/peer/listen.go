package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrInUse: another process serves the socket. It was left untouched (A3).
var ErrInUse = errors.New("another process is listening there")

// maxPath leaves room, within the 108 bytes of sockaddr_un, for the name that a
// socket has before it gets its own.
const maxPath = 100

// Options of [Listen].
type Options struct {
	// Path of the socket: at most 100 bytes, in a folder that nobody but this uid
	// and root can change (or one with the sticky bit, such as /tmp).
	Path string
	// GID is the group that may connect: the socket then has mode 0660 and that
	// group. -1 means none: mode 0600.
	GID int
}

// Listen makes a unix socket that has its mode and group from the first moment
// it can be seen under its name (A1), without touching the umask. At that name, a
// socket that answers is left alone ([ErrInUse]), a dead one of this uid is
// cleared, and anything else is left alone too ([ErrUnsafe], A2). Abstract names
// are refused: they have no permissions (A8).
//
// Closing the listener removes the socket, unless another has taken its place.
// Accept's errors for want of descriptors say Temporary, on which grpc-go's
// Serve backs off by 5 ms to 1 s (A20).
func Listen(o Options) (net.Listener, error) {
	if err := checkPath(o); err != nil {
		return nil, fmt.Errorf("socket %q: %w", o.Path, err)
	}
	l, err := listen(o)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", o.Path, err)
	}
	return l, nil
}

func checkPath(o Options) error {
	base := filepath.Base(o.Path)
	switch {
	case o.Path == "":
		return errors.New("no path given")
	case o.Path[0] == '@' || strings.ContainsRune(o.Path, 0):
		return errors.New("abstract names have no permissions: give a path")
	case len(o.Path) > maxPath:
		return fmt.Errorf("the path is %d bytes long, at most %d can be used", len(o.Path), maxPath)
	case base == "." || base == ".." || base == "/" || strings.HasSuffix(o.Path, "/"):
		return errors.New("the path names a folder")
	case o.GID < -1 || int64(o.GID) >= 1<<32-1:
		return fmt.Errorf("%d is no group", o.GID)
	}
	return nil
}

func listen(o Options) (_ net.Listener, err error) {
	p, err := openPlace(o.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	dead, err := p.look()
	if err != nil {
		return nil, err
	}
	room, err := p.makeRoom()
	if err != nil {
		return nil, err
	}
	defer room.remove()
	ul, err := room.bind(o.GID)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			ul.Close()
		}
	}()
	if dead {
		if err := p.clear(); err != nil {
			return nil, err
		}
	}
	l := &listener{UnixListener: ul, place: p, addr: &net.UnixAddr{Net: "unix", Name: o.Path}}
	if l.dev, l.ino, err = room.publish(p); err != nil {
		return nil, err
	}
	return l, nil
}

type listener struct {
	*net.UnixListener
	place    *place
	addr     *net.UnixAddr
	dev, ino uint64
	once     sync.Once
	err      error
}

// Addr returns the path asked for. The kernel goes on showing the name that the
// socket was bound to (ss, /proc/net/unix).
func (l *listener) Addr() net.Addr { return l.addr }

// Close removes the socket before it stops listening: as long as it listens, its
// inode number cannot become another file's, and nobody takes it for dead.
func (l *listener) Close() error {
	l.once.Do(func() {
		st, err := l.place.stat()
		if err == nil && st.Dev == l.dev && st.Ino == l.ino {
			err = unix.Unlinkat(l.place.dir, l.place.base, 0)
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		l.place.close()
		l.err = errors.Join(err, l.UnixListener.Close())
	})
	return l.err
}
