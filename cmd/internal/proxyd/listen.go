package proxyd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// listen opens the socket that clients connect to: what systemd has passed, a unix socket,
// or an address of this machine and no other.
func listen(at string) (net.Listener, error) {
	passed, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("socket activation: %w", err)
	case len(passed) > 1:
		return nil, fmt.Errorf("socket activation: %d sockets, and one is to serve", len(passed))
	case len(passed) == 1:
		return local(passed[0])
	}
	if path, ok := strings.CutPrefix(at, "unix:"); ok {
		return listenUnix(path)
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, errors.New("--listen is an address such as " + defaultListen + ", or unix:PATH")
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, errNotLocal
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, err
	}
	return l, nil
}

var errNotLocal = errors.New("vaultproxy serves this machine alone: --listen takes 127.0.0.1, [::1] or unix:PATH")

// local refuses a socket that other machines reach.
func local(l net.Listener) (net.Listener, error) {
	switch at := l.Addr().(type) {
	case *net.UnixAddr:
		return l, nil
	case *net.TCPAddr:
		if at.IP.IsLoopback() {
			return l, nil
		}
	}
	l.Close()
	return nil, errNotLocal
}

// listenUnix opens a unix socket in place of one that nobody serves any more. Whoever gets
// at it may connect: what they send has to be signed with a stand-in credential.
func listenUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c, dialErr := net.Dial("unix", path); dialErr == nil {
			c.Close()
			return nil, fmt.Errorf("%s is served by another process", path)
		}
		if st, err := os.Lstat(path); err != nil || st.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%s is there, and no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
