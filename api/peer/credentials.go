package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// overflowID is what the kernel reports for a uid or gid that has no number in
// the namespace of the reader (/proc/sys/kernel/overflowuid, never changed in
// practice).
const overflowID = 65534

// Credentials returns the server's transport credentials: no encryption, since
// nothing but the kernel stands between the two ends, and an [Info] about the
// caller. A connection whose caller cannot be told is closed, and so is one above
// the limits.
func Credentials(l Limits) credentials.TransportCredentials {
	return transport{
		nobody: isNobody("/proc/self/uid_map") && isNobody("/proc/self/gid_map"),
		proc:   ownProc() == nil,
		census: &census{limits: l, byUID: make(map[uint32]int)},
		hashes: newHashes(),
	}
}

// ClientCredentials returns credentials for a client that will only talk to a
// listener of the given uid: before it sends a secret, sealed or not, it knows
// whose socket it is (SO_PEERCRED of who called listen(2)).
func ClientCredentials(uid uint32) credentials.TransportCredentials {
	return transport{client: true, listener: uid}
}

type transport struct {
	census   *census
	hashes   *hashes
	nobody   bool // 65534 means the user nobody, and never "has no name here"
	proc     bool // the pids under /proc are those that the kernel tells us
	client   bool
	listener uint32
}

// isNobody reports whether a map covers all ids, so that none reads as 65534 for
// want of a number.
func isNobody(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Join(strings.Fields(string(text)), " ") == "0 0 4294967295"
}

// ServerHandshake implements credentials.TransportCredentials. It reads nothing
// from the connection, so a silent caller cannot hold it up.
func (t transport) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	uc, ok := raw.(*net.UnixConn)
	if !ok || t.client {
		return nil, nil, ErrUnattested
	}
	info := &Info{CommonAuthInfo: local(), pidfd: -1, proc: t.proc, hashes: t.hashes}
	if err := t.attest(uc, info); err != nil {
		info.end()
		return nil, nil, err
	}
	return &conn{Conn: uc, unix: uc, info: info, census: t.census}, info, nil
}

// attest asks the kernel who connected, and counts it. Its program is looked at
// when it has been counted: where that lies on a file system that answers late
// (FUSE, NFS), it is the caller who waits, with no more connections than it may have.
func (t transport) attest(uc *net.UnixConn, info *Info) error {
	if err := control(uc, info.read); err != nil {
		return err
	}
	if (info.UID == overflowID || info.GID == overflowID) && !t.nobody {
		return ErrUnmapped
	}
	if err := t.census.enter(info.UID); err != nil {
		return err
	}
	if err := info.look(); err != nil {
		t.census.leave(info.UID)
		return err
	}
	return nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (t transport) ClientHandshake(_ context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	uc, ok := raw.(*net.UnixConn)
	if !ok || !t.client {
		return nil, nil, ErrUnattested
	}
	info := &Info{CommonAuthInfo: local(), pidfd: -1}
	var cred *unix.Ucred
	err := control(uc, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnattested, err)
	}
	info.UID, info.GID, info.PID = cred.Uid, cred.Gid, cred.Pid
	if info.UID != t.listener {
		return nil, nil, fmt.Errorf("the socket is served by uid %d, not by uid %d", info.UID, t.listener)
	}
	return uc, info, nil
}

// Info implements credentials.TransportCredentials.
func (transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "bfxvault-peer"}
}

// Clone implements credentials.TransportCredentials.
func (t transport) Clone() credentials.TransportCredentials { return t }

// OverrideServerName implements credentials.TransportCredentials; names mean
// nothing here.
func (transport) OverrideServerName(string) error { return nil }

// local is what grpc's own local credentials say of a unix socket.
func local() credentials.CommonAuthInfo {
	return credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}
}

// look pins the program and names the process.
func (i *Info) look() error {
	if i.pinnedMu() {
		i.program, _ = programOf(i.file("/exe")) // unreadable stays zero, and Exe fails
	}
	i.process = processKey(i.UID, i.PID, i.pidfd)
	// Last, so that all of the above was about this process and no successor.
	if i.pidfd >= 0 && !running(i.pidfd) {
		return ErrGone
	}
	return nil
}

func (i *Info) read(fd int) error {
	stamped, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED)
	if err != nil || stamped == 0 {
		return ErrUnattested
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || cred.Uid == ^uint32(0) || cred.Gid == ^uint32(0) { // -1: nobody at the other end
		return ErrUnattested
	}
	i.UID, i.GID, i.PID = cred.Uid, cred.Gid, cred.Pid
	if i.Conn, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE); err != nil {
		return fmt.Errorf("%w: %w", ErrUnattested, err)
	}
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD) // comes with O_CLOEXEC
	switch {
	case errors.Is(err, unix.ENOPROTOOPT): // before Linux 6.5: uid and gid only
		return nil
	case err != nil: // ESRCH, EINVAL, ENODATA: there is no such process any more
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	i.pidfd = pidfd
	return nil
}

// end closes the pidfd; after it the caller counts as gone.
func (i *Info) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.pidfd >= 0 {
		unix.Close(i.pidfd)
	}
	i.pidfd, i.ended = -1, true
}

func control(uc *net.UnixConn, f func(fd int) error) error {
	raw, err := uc.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
