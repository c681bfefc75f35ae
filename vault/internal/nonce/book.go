package nonce

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Mark is what a commit persists for one counter: it may give out numbers up to
// and including UpTo.
type Mark struct {
	Key  string
	UpTo RequestNonce
}

// Book persists the marks of all counters of an unlocked vault. Reservations that
// come while a commit runs go together into the next one, so that a thousand API
// keys that wake up at once wait for two commits and not for a thousand.
type Book struct {
	commit  func([]Mark) error
	stopped atomic.Bool

	mu      sync.Mutex
	queue   []*flight
	running bool
}

// flight is one reservation on its way to the disk, and who waits for it.
type flight struct {
	counter *Counter
	upTo    RequestNonce
	landed  chan struct{}
	err     error // read after landed is closed
}

// NewBook returns a book whose marks are persisted by commit: all of them, each
// sealed, durable when it returns nil. It is called by one goroutine at a time,
// at most one mark per key, and must not keep the slice. After an error some of
// the marks may have been persisted: that only skips numbers.
func NewBook(commit func([]Mark) error) (*Book, error) {
	if commit == nil {
		return nil, errors.New("nonce: a book needs a function that commits marks")
	}
	return &Book{commit: commit}, nil
}

// Counter returns a counter for the API key version that the vault calls key. It
// goes on above mark, the last one persisted: everything up to it may have been
// given out.
func (b *Book) Counter(key string, mark RequestNonce) *Counter {
	c := &Counter{book: b, key: key}
	mark = min(mark, Max) // so that one more never overflows
	c.last.Store(uint64(mark))
	c.mark.Store(uint64(mark))
	return c
}

// Stop ends all counters of the book: their Next fails with [ErrStopped] from now
// on, also those that wait for a commit that has not begun. It waits for nothing: a
// commit that a hung disk holds up must not hold up a lock. A Next that runs at
// the same time may still return a number. Calling it again does no harm.
func (b *Book) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped.Store(true)
}

// reserve waits until a mark has been persisted for c: upTo, or the one that was
// already on its way, after which the caller looks again.
func (b *Book) reserve(c *Counter, upTo RequestNonce) error {
	f, err := b.join(c, upTo)
	if err != nil || f == nil {
		return err
	}
	<-f.landed
	return f.err
}

// renew has a mark persisted in the background.
func (b *Book) renew(c *Counter, upTo RequestNonce) {
	_, _ = b.join(c, upTo) // stopped: whoever needs the mark is told by reserve
}

// join returns the flight that c waits for, nil if there is no need for one: since
// the caller looked, a mark as high has been persisted, and none is ever replaced
// by a lower one.
func (b *Book) join(c *Counter, upTo RequestNonce) (*flight, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped.Load() {
		return nil, ErrStopped
	}
	if c.flight != nil {
		return c.flight, nil
	}
	if upTo <= c.Mark() {
		return nil, nil
	}
	f := &flight{counter: c, upTo: upTo, landed: make(chan struct{})}
	c.flight = f
	c.renewing.Store(true)
	b.queue = append(b.queue, f)
	if !b.running {
		b.running = true
		go b.run()
	}
	return f, nil
}

// run commits until nothing is queued, and ends: a book at rest has no goroutine.
func (b *Book) run() {
	for {
		b.mu.Lock()
		batch := b.queue
		b.queue = nil
		if len(batch) == 0 {
			b.running = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		b.land(batch, b.try(batch))
	}
}

func (b *Book) try(batch []*flight) error {
	if b.stopped.Load() {
		return ErrStopped
	}
	marks := make([]Mark, len(batch))
	for i, f := range batch {
		marks[i] = Mark{Key: f.counter.key, UpTo: f.upTo}
	}
	if err := b.commit(marks); err != nil {
		return fmt.Errorf("persisting request nonces: %w", err)
	}
	return nil
}

func (b *Book) land(batch []*flight, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range batch {
		c := f.counter
		if err == nil {
			c.mark.Store(uint64(f.upTo))
		} else {
			c.retry.Store(c.last.Load() + uint64(second))
		}
		f.err = err
		c.flight = nil
		c.renewing.Store(false)
		close(f.landed)
	}
}
