package proxy

import (
	"net"
	"sync"
)

// Limit is a listener that has at most n connections open at a time. Those above wait to be
// accepted.
func Limit(l net.Listener, n int) net.Listener {
	return &limit{Listener: l, room: make(chan struct{}, n), done: make(chan struct{})}
}

type limit struct {
	net.Listener
	room chan struct{}
	done chan struct{} // closed with the listener
	once sync.Once
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
	return &counted{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

// Close ends those who wait in Accept.
func (l *limit) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// NetConn is the connection below, whose other end can be asked for.
func (c *counted) NetConn() net.Conn { return c.Conn }
