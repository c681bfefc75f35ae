package upstream

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// The errors do not repeat the URL: whatever was pasted there may be a secret (A49).
var (
	errURL  = errors.New("an upstream is scheme and host, such as " + Bitfinex + " or http://127.0.0.1:8080")
	errHost = errors.New("an upstream is " + Bitfinex + ", or on this machine: 127.0.0.1, [::1] or localhost")
)

// parseBase reads the URL of a server that signed requests may go to.
func parseBase(text string) (url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return url.URL{}, errURL
	}
	base := url.URL{Scheme: u.Scheme, Host: u.Host}
	switch {
	case u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.TrimSuffix(text, "/") != base.String():
		return url.URL{}, errURL
	case base.String() != Bitfinex && !local(u.Hostname()):
		return url.URL{}, errHost
	}
	return base, nil
}

// local says whether a host is this machine. What the name localhost leads to is for
// onlyLoopback to check.
func local(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}

// onlyLoopback refuses to connect anywhere but to this machine. It sees the address
// that a name was resolved to, so no name service can lead requests away.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().IsLoopback() {
		return errHost
	}
	return nil
}
