package nonce

import (
	"errors"
	"fmt"
	"sync"

	"bfxvault/vault/internal/group"
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
	commit func([]Mark) error
	group  *group.Group[reservation]

	mu sync.Mutex // guards the flight of every counter
}

// ErrLate: the disk does not answer, and no mark could be persisted in time.
var ErrLate = errors.New("the disk does not answer")

// reservation is a mark on its way to the disk.
type reservation struct {
	counter *Counter
	upTo    RequestNonce
}

// NewBook returns a book whose marks are persisted by commit: all of them, each
// sealed, durable when it returns nil. It is called by one goroutine at a time,
// at most one mark per key, and must not keep the slice. After an error some of
// the marks may have been persisted: that only skips numbers.
func NewBook(commit func([]Mark) error) (*Book, error) {
	if commit == nil {
		return nil, errors.New("nonce: a book needs a function that commits marks")
	}
	b := &Book{commit: commit}
	b.group = group.New(b.fly, ErrStopped, ErrLate)
	return b, nil
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
func (b *Book) Stop() { b.group.Stop() }

// reserve waits until a mark has been persisted for c: upTo, or the one that was
// already on its way, after which the caller looks again.
func (b *Book) reserve(c *Counter, upTo RequestNonce) error {
	f, err := b.join(c, upTo)
	if err != nil || f == nil {
		return err
	}
	return f.Wait()
}

// renew has a mark persisted in the background.
func (b *Book) renew(c *Counter, upTo RequestNonce) {
	_, _ = b.join(c, upTo) // stopped: whoever needs the mark is told by reserve
}

// join returns the flight that c waits for, nil if there is no need for one: since
// the caller looked, a mark as high has been persisted, and none is ever replaced
// by a lower one.
func (b *Book) join(c *Counter, upTo RequestNonce) (*group.Flight[reservation], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.flight != nil {
		return c.flight, nil
	}
	if upTo <= c.Mark() {
		return nil, nil
	}
	f, err := b.group.Join(reservation{c, upTo})
	if err != nil {
		return nil, err
	}
	c.flight = f
	c.renewing.Store(true)
	return f, nil
}

// fly persists the marks of one batch.
func (b *Book) fly(batch []reservation) error {
	marks := make([]Mark, len(batch))
	for i, r := range batch {
		marks[i] = Mark{Key: r.counter.key, UpTo: r.upTo}
	}
	err := b.commit(marks)
	if err != nil {
		err = fmt.Errorf("persisting request nonces: %w", err)
	}
	b.land(batch, err)
	return err
}

func (b *Book) land(batch []reservation, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range batch {
		c := r.counter
		if err == nil {
			c.mark.Store(uint64(r.upTo))
		} else {
			c.retry.Store(c.last.Load() + uint64(second))
		}
		c.flight = nil
		c.renewing.Store(false)
	}
}
