// Package peer is where a connection gets its name: it makes the unix sockets
// that vaultd listens on, and asks the kernel who is at the other end.
//
// Start with [EnsureDir] for the folder, [Listen] for the socket and
// [Credentials] for grpc.Creds. A handler then finds its caller with
// [FromContext].
//
// Traps:
//   - Nothing here reads an address. A program may bind its end of a connection
//     to a path that says "uid=0;" (A7); who it is comes from getsockopt alone.
//   - [Info.PID] is a number for records. To know something about the process
//     behind it, ask [Info.Unit], [Info.Exe], [Info.SHA256] and [Info.Alive]: they
//     go by a pidfd, which no recycled pid can fool (A4). Each answers for the
//     moment of the call, so ask for every request, and ask the hash last: it may
//     have to read a large file first.
//   - A program attributes; it does not separate (A10). What a script does, or a
//     library from LD_PRELOAD, PYTHONPATH or a debugger, is not seen: [Info.Exe] and
//     [Info.SHA256] tell the interpreter, or the program that was taken over. All of
//     that is open to whoever has the caller's uid. A uid of its own, or a unit with
//     one, separates.
//   - Not everything can be told everywhere: ask [CanReadPrograms] and
//     [CanReadUnits] before a rule is built on it, and [CheckUnit] what a unit is.
//   - [Credentials] works on connections accepted from [Listen] only: the socket
//     option that stamps each message with its writer must be set before anybody
//     can connect.
//   - In a user namespace, a uid without a name reads as 65534. Such a caller is
//     refused, unless 65534 can mean nobody but nobody (A6).
//
// Promise (P4): the caller of a request is who the kernel said had connected,
// and every byte of it was written by that same process under that same uid and
// gid. A descriptor that was passed on, inherited or kept over a setuid call ends
// its connection (A11). What cannot be told is an error, and never an empty match.
package peer

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"
)

// The reasons for which a connection is refused, or ended. They never reach the
// other side.
var (
	// ErrGone: the process ended before it could be looked at (A5).
	ErrGone = errors.New("the process that connected is gone")
	// ErrUnattested: not a connection from [Listen], or one without credentials.
	ErrUnattested = errors.New("no credentials from the kernel")
	// ErrUnmapped: the caller's uid or gid has no name in this user namespace (A6).
	ErrUnmapped = errors.New("the caller's uid or gid has no name in this user namespace")
	// ErrOtherWriter: bytes came from another process, uid or gid than the one
	// that connected, or came with descriptors (A11).
	ErrOtherWriter = errors.New("written by another process than the one that connected")
	// ErrUnreadable: the executable cannot be told. It means no, never "any".
	ErrUnreadable = errors.New("the executable of the caller cannot be read")
)

// Info says who is at the other end of a connection. It is made by the handshake
// and valid until the connection closes; it must not be copied.
type Info struct {
	credentials.CommonAuthInfo

	// UID and GID are the effective ones at the time of connect(2).
	UID, GID uint32
	// PID is the process at the time of connect(2), 0 where it lives in a pid
	// namespace that this process cannot see.
	PID int32
	// Conn is unique to this connection, over all listeners of the machine until
	// it restarts (the kernel's socket cookie).
	Conn uint64

	process string
	proc    bool    // /proc is of our pid namespace
	program program // what ran when the connection was made; zero where it could not be read
	hashes  *hashes
	sum     atomic.Pointer[[sha256.Size]byte] // of program, once it has been asked for

	mu    sync.RWMutex // pidfd is used only while it is held: a closed number is soon another file's
	pidfd int          // -1: the kernel gave none, or the connection is closed
	ended bool         // the connection is closed
}

// AuthType implements credentials.AuthInfo.
func (*Info) AuthType() string { return "bfxvault-peer" }

// FromContext returns the caller of the request that ctx belongs to, and false if
// the request did not come through [Credentials].
func FromContext(ctx context.Context) (*Info, bool) {
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return nil, false
	}
	info, ok := p.AuthInfo.(*Info)
	return info, ok && info != nil
}
