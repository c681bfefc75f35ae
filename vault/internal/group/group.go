// Package group writes many things with few commits: what is queued while one
// commit runs goes together into the next.
//
// Make a [Group] with what shall be done for a batch, [Group.Join] it with one
// item, and [Flight.Wait] where the caller has to know that it is done. A group at
// rest has no goroutine.
//
// Traps: an item may be joined again while a flight with it is under way; whoever
// does not want that keeps the flight it got. The function that New is given may
// take the lock that its callers hold around Join, because it is called without
// any lock of the group.
//
// Promise: batches fly one at a time, in the order in which they were filled, and
// every flight lands: with the result of its batch, or with the error of Stop. None
// takes off after [Group.Stop], and after [Group.Drain] only its own.
package group

import (
	"sync"
	"sync/atomic"
	"time"
)

// Group collects items into flights.
type Group[T any] struct {
	fly    func([]T) error
	ended  error
	late   error
	ending atomic.Bool

	mu     sync.Mutex
	next   *Flight[T] // what is queued; nil where nothing is
	last   *Flight[T] // that of Drain
	gone   bool       // last has taken off, or never will
	flying bool       // run runs
}

// Flight is a batch on its way.
type Flight[T any] struct {
	items  []T
	landed chan struct{}
	late   error
	err    error // read after landed is closed
}

// New returns a group whose batches are handed to fly, by one goroutine at a time.
// ended is the error of whatever has not taken off when the group is stopped, late that
// of whatever has not landed in a second and a half.
func New[T any](fly func([]T) error, ended, late error) *Group[T] {
	return &Group[T]{fly: fly, ended: ended, late: late}
}

// Join puts an item on the next flight, which takes off as soon as the one under
// way has landed, or at once.
func (g *Group[T]) Join(item T) (*Flight[T], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ending.Load() {
		return nil, g.ended
	}
	if g.next == nil {
		g.next = &Flight[T]{landed: make(chan struct{}), late: g.late}
	}
	g.next.items = append(g.next.items, item)
	if !g.flying {
		g.flying = true
		go g.run()
	}
	return g.next, nil
}

// patience is how long a batch is waited for (A48).
const patience = 1500 * time.Millisecond

// Wait returns the result of the batch once there is one, or the
// error of lateness; it may still land then.
func (f *Flight[T]) Wait() error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.landed:
		return f.err
	case <-timer.C:
		return f.late
	}
}

// Stop refuses every flight that has not taken off, and all that are to come. It
// waits for nothing: what is under way ends by itself. Calling it again does no
// harm.
func (g *Group[T]) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ending.Store(true)
}

// Drain is Stop, and one last flight with item alone. It takes off once what is under
// way has landed, and is waited for: for no longer than timeout, after which it takes
// off no more. The error is that of the flight, or that of Stop where it has not
// landed, or the group was stopped before. Of several at once all wait for the one
// flight of the first.
func (g *Group[T]) Drain(item T, timeout time.Duration) error {
	f := g.end(item)
	if f == nil {
		return g.ended
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-f.landed:
		return f.err
	case <-timer.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.gone {
		g.gone, f.err = true, g.ended
		close(f.landed)
	}
	return g.ended
}

// end stops the group and returns its last flight, nil where it has none.
func (g *Group[T]) end(item T) *Flight[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ending.Swap(true) {
		return g.last
	}
	g.last = &Flight[T]{items: []T{item}, landed: make(chan struct{}), late: g.late}
	if !g.flying {
		g.flying = true
		go g.run()
	}
	return g.last
}

// Stopped says whether Stop or Drain was called.
func (g *Group[T]) Stopped() bool { return g.ending.Load() }

// run flies until nothing is queued.
func (g *Group[T]) run() {
	for {
		f, refused := g.takeOff()
		if f == nil {
			return
		}
		f.err = refused
		if refused == nil {
			f.err = g.fly(f.items)
		}
		close(f.landed)
	}
}

// takeOff is the flight whose turn it is, nil for none, and the error of one that may
// not fly.
func (g *Group[T]) takeOff() (f *Flight[T], refused error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.next != nil:
		f, g.next = g.next, nil
		if g.ending.Load() {
			refused = g.ended
		}
		return f, refused
	case g.last != nil && !g.gone:
		g.gone = true
		return g.last, nil
	}
	g.flying = false
	return nil, nil
}
