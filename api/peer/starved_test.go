package peer_test

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// counting counts how Accept fails and how often it succeeds afterwards.
type counting struct {
	net.Listener
	mu       sync.Mutex
	changed  sync.Cond
	failures int
	after    int
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.failures++
	case l.failures > 0:
		l.after++
	}
	l.changed.Broadcast()
	return c, err
}

func (l *counting) failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failures
}

func (l *counting) wait(done func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.L = &l.mu
	for !done() {
		l.changed.Wait()
	}
}

func (l *counting) waitFor(failures int) { l.wait(func() bool { return l.failures >= failures }) }
func (l *counting) waitForOne()          { l.wait(func() bool { return l.after > 0 }) }

// takeAllDescriptors lowers the limit and uses up what is left of it.
func takeAllDescriptors() (free func(), err error) {
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	var taken []int
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	return func() {
		for _, fd := range taken {
			unix.Close(fd)
		}
	}, nil
}
