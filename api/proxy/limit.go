package proxy

import (
	"io"
	"net"
	"sync"
)

// Limit is a listener that has at most n connections open at a time, and half of them for
// one user. Those above n wait to be accepted; those of a user who has his half are closed,
// so that nobody keeps the others out.
func Limit(l net.Listener, n int) net.Listener {
	return &limit{Listener: l, room: make(chan struct{}, n), done: make(chan struct{}), each: max(n/2, 1), users: map[int64]int{}}
}

type limit struct {
	net.Listener
	room chan struct{}
	done chan struct{} // closed with the listener
	once sync.Once

	mu    sync.Mutex
	each  int
	users map[int64]int // connections by uid; -1 of those that nobody can be told of
}

// Accept waits for room, and for a connection.
func (l *limit) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	counted := &counted{Conn: c, limit: l, uid: sync.OnceValue(func() *uint32 { return uidOf(c) })}
	counted.enter = sync.OnceValue(counted.take)
	return counted, nil
}

// Close ends those who wait in Accept.
func (l *limit) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	limit *limit
	uid   func() *uint32 // at the other end; nil where nobody can tell
	enter func() error   // of its user's, once

	// Under limit.mu.
	user   int64
	inside bool
	closed bool
}

// take counts the connection as one of its user's. Whoever reads it looks that up, which
// takes longer than to accept the next.
func (c *counted) take() error {
	user := int64(-1)
	if uid := c.uid(); uid != nil {
		user = int64(*uid)
	}
	l := c.limit
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.closed || l.users[user] >= l.each {
		return io.EOF // which an http.Server takes for a client that has left
	}
	l.users[user]++
	c.user, c.inside = user, true
	return nil
}

// Read reads, unless the user has too many connections.
func (c *counted) Read(p []byte) (int, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Close closes the connection.
func (c *counted) Close() error {
	c.limit.leave(c)
	return c.Conn.Close()
}

// leave makes the room of a connection, once.
func (l *limit) leave(c *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	<-l.room
	if !c.inside {
		return
	}
	if l.users[c.user]--; l.users[c.user] == 0 {
		delete(l.users, c.user)
	}
}

// NetConn is the connection below.
func (c *counted) NetConn() net.Conn { return c.Conn }
