package peer

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// conn is an attested connection: it ends at the first byte from another writer.
// It embeds the interface and not the *net.UnixConn, so that nobody finds a way
// to the descriptor around Read.
type conn struct {
	net.Conn
	unix *net.UnixConn
	info *Info

	census *census
	once   sync.Once

	mu  sync.Mutex // oob; the connection reads one at a time anyway
	oob [oobSize]byte
}

// oobSize has room for one SCM_CREDENTIALS message (a header of 16 bytes, then
// pid, uid and gid, padded to 8) and nothing more: descriptors that a caller
// sends along then find no room, and the kernel drops them instead of filling our
// table (A20).
const oobSize = 32

// Read implements net.Conn. Each message carries the pid, uid and gid that the
// kernel saw writing (SO_PASSCRED), and the kernel never joins messages of two
// writers. A setuid program writes with another uid than it connects with, and is
// refused.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, oobn, flags, _, err := c.unix.ReadMsgUnix(p, c.oob[:])
	switch {
	case errors.Is(err, io.EOF): // ReadMsgUnix wraps it, Read may not
		return 0, io.EOF
	case err != nil:
		return 0, err
	}
	if flags&unix.MSG_CTRUNC != 0 || !c.byCallerMu(c.oob[:oobn]) {
		clear(p[:n])
		c.Close()
		return 0, ErrOtherWriter
	}
	return n, nil
}

// byCallerMu reads the one control message by hand: the library's parser
// allocates, and this is in the path of every request. Layout: cmsg(3), unix(7).
func (c *conn) byCallerMu(oob []byte) bool {
	const header = unix.SizeofCmsghdr
	if len(oob) < header+unix.SizeofUcred {
		return false
	}
	level := binary.NativeEndian.Uint32(oob[header-8:])
	kind := binary.NativeEndian.Uint32(oob[header-4:])
	ucred := oob[header:]
	return level == unix.SOL_SOCKET && kind == unix.SCM_CREDENTIALS &&
		int32(binary.NativeEndian.Uint32(ucred)) == c.info.PID &&
		binary.NativeEndian.Uint32(ucred[4:]) == c.info.UID &&
		binary.NativeEndian.Uint32(ucred[8:]) == c.info.GID
}

// Close implements net.Conn; it lets go of the caller as well.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.info.end()
		c.census.leave(c.info.UID)
	})
	return c.Conn.Close()
}
