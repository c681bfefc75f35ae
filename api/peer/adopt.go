package peer

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted; the kernel cuts it to
// net.core.somaxconn.
const backlog = 4096

// Adopt takes over a listening unix socket that was made by somebody else
// (systemd's socket activation). It calls listen(2) anew, so that SO_PEERCRED
// tells clients this process's uid and not the maker's, and has each message
// stamped with its writer. Mode and group are the maker's business, but a socket
// that everybody may connect to is refused.
//
// A connection that was made before Adopt, without SO_PASSCRED set by the maker
// (PassCredentials= in the unit), is refused by [Credentials]; the client tries
// again.
func Adopt(l net.Listener) (net.Listener, error) {
	ul, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.New("the socket that was passed on is not a unix stream socket")
	}
	path := ul.Addr().String()
	if path == "" || path[0] == '@' {
		return nil, errors.New("the socket that was passed on has an abstract name, which has no permissions")
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if st.Mode&0o007 != 0 {
		return nil, fmt.Errorf("socket %s can be used by everybody: set SocketMode=0660 or 0600", path)
	}
	raw, err := ul.SyscallConn()
	if err != nil {
		return nil, err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		inner = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1),
			unix.Listen(int(fd), backlog),
		)
	})
	ul.SetUnlinkOnClose(false) // the maker keeps it for the next start
	return ul, errors.Join(err, inner)
}
