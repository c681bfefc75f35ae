package peer_test

import (
	"errors"
	"net"
	"testing"

	"bfxvault/api/peer"
)

// A20: a caller that opens as many connections as it can gets those of its share,
// and a closed one makes room, once.
func TestConnectionsOfOneUidAndOfAllAreBounded(t *testing.T) {
	for name, limits := range map[string]peer.Limits{"of one uid": {PerUID: 2}, "of all": {Total: 2}} {
		t.Run(name, func(t *testing.T) {
			l, path := openListener(t)
			creds := peer.Credentials(limits)
			handshake := func() (net.Conn, error) {
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				raw, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				conn, _, err := creds.ServerHandshake(raw)
				return conn, err
			}
			first, err1 := handshake()
			_, err2 := handshake()
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if _, err := handshake(); !errors.Is(err, peer.ErrTooMany) {
				t.Fatalf("a third: %v", err)
			}
			first.Close()
			first.Close() // counts once
			if _, err := handshake(); err != nil {
				t.Fatalf("after one was closed: %v", err)
			}
			if _, err := handshake(); !errors.Is(err, peer.ErrTooMany) {
				t.Fatalf("and one more: %v", err)
			}
		})
	}
}

func TestACallerThatIsGoneTakesNoPlace(t *testing.T) { // A5, A20
	l, path := openListener(t)
	creds := peer.Credentials(peer.Limits{Total: 1, PerUID: 1})
	gone := start(t, command("dial", path))
	gone.line()
	gone.Process.Kill()
	waitForZombie(t, gone.Process.Pid)
	dial(t, path)
	for _, want := range []error{peer.ErrGone, nil} {
		raw, err := l.Accept()
		try(t, err)
		defer raw.Close()
		if _, _, err := creds.ServerHandshake(raw); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
