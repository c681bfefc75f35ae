package proxy

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// peerKey is what a connection's user is kept under in its context.
type peerKey struct{}

// PeerContext is an http.Server's ConnContext: it notes the connection, whose other end is
// looked at once, when a request wants to know.
func PeerContext(ctx context.Context, c net.Conn) context.Context {
	for { // below TLS
		if known, ok := c.(*counted); ok {
			return context.WithValue(ctx, peerKey{}, known.uid)
		}
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = above.NetConn()
	}
	return context.WithValue(ctx, peerKey{}, sync.OnceValue(func() *uint32 { return uidOf(c) }))
}

// peerUID is the user at the other end of a request's connection; nil where nobody can
// tell.
func peerUID(ctx context.Context) *uint32 {
	if uid, ok := ctx.Value(peerKey{}).(func() *uint32); ok {
		return uid()
	}
	return nil
}

func uidOf(c net.Conn) *uint32 {
	switch c := c.(type) {
	case *net.UnixConn:
		return unixUID(c)
	case *net.TCPConn:
		remote, local := addressOf(c.RemoteAddr()), addressOf(c.LocalAddr())
		for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
			if text, err := os.ReadFile(table); err == nil {
				if uid := ownerOf(string(text), remote, local); uid != nil {
					return uid
				}
			}
		}
	}
	return nil
}

// unixUID asks the kernel (SO_PEERCRED, unix(7)).
func unixUID(c *net.UnixConn) (uid *uint32) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			uid = &cred.Uid
		}
	})
	return uid
}

func addressOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

const established = "01"

// ownerOf finds the user of an established connection in a table of the kernel's
// (proc_pid_net(5), /proc/net/tcp): that whose own end is local and whose other is remote.
func ownerOf(table string, local, remote netip.AddrPort) *uint32 {
	if !local.IsValid() || !remote.IsValid() {
		return nil
	}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 || f[3] != established || tableAddress(f[1]) != local || tableAddress(f[2]) != remote {
			continue
		}
		if n, err := strconv.ParseUint(f[7], 10, 32); err == nil {
			uid := uint32(n)
			return &uid
		}
	}
	return nil
}

// tableAddress reads "0100007F:1F90": words of the address in the machine's order, and a
// port. What is none gives one that nothing equals.
func tableAddress(text string) netip.AddrPort {
	address, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(address)
	n, portErr := hex.DecodeString(port)
	if err != nil || portErr != nil || len(n) != 2 || len(words) != 4 && len(words) != 16 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(words); i += 4 {
		binary.BigEndian.PutUint32(words[i:], binary.NativeEndian.Uint32(words[i:]))
	}
	at, _ := netip.AddrFromSlice(words) // four or sixteen bytes
	return netip.AddrPortFrom(at.Unmap(), binary.BigEndian.Uint16(n))
}
