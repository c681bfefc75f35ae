package nonce

import (
	"sync/atomic"

	"bfxvault/vault/internal/group"
)

const (
	// reach is how far beyond the clock a mark is persisted.
	reach = 60 * second
	// step is how far beyond the counter it is, once that runs ahead of the clock
	// by more than a step: after a crash, or with a clock set back.
	step = second
)

// Counter gives out the request nonces of one version of one API key. Made by
// [Book.Counter]; safe for concurrent use, without locks as long as the mark is
// far enough away.
type Counter struct {
	book *Book
	key  string

	last  atomic.Uint64 // the highest number given out, or that may have been before a restart
	mark  atomic.Uint64 // persisted: numbers up to here may be given out
	retry atomic.Uint64 // no renewal in the background below this number: the last one failed

	renewing atomic.Bool                // a reservation is queued or being committed
	flight   *group.Flight[reservation] // that reservation; under book.mu
}

// Next returns the next request nonce: now, as [Clock.Now] reports it, or one more
// than the last where that is higher. It usually waits for nothing. Where the mark
// is too low (after a pause of half a minute or more) it waits for one commit,
// which it shares with every other waiting caller.
//
// Errors: [ErrExhausted], [ErrStopped], [ErrLate], or the error of the commit; then no number
// was given out, and the next call tries again.
func (c *Counter) Next(now RequestNonce) (RequestNonce, error) {
	for {
		if c.book.group.Stopped() {
			return 0, ErrStopped
		}
		last, mark := RequestNonce(c.last.Load()), RequestNonce(c.mark.Load())
		n := max(now, last+1, Min)
		if n > Max {
			return 0, ErrExhausted
		}
		if n > mark {
			if err := c.book.reserve(c, target(n, now)); err != nil {
				return 0, err
			}
			continue
		}
		if !c.last.CompareAndSwap(uint64(last), uint64(n)) {
			continue
		}
		if low(n, now, mark) && n >= RequestNonce(c.retry.Load()) && !c.renewing.Load() {
			c.book.renew(c, target(n, now))
		}
		return n, nil
	}
}

// Last returns the highest number given out, or what may have been given out
// before the last restart.
func (c *Counter) Last() RequestNonce { return RequestNonce(c.last.Load()) }

// Mark returns the persisted mark.
func (c *Counter) Mark() RequestNonce { return RequestNonce(c.mark.Load()) }

// ahead by less than a step is what several callers in one microsecond do.
func ahead(n, now RequestNonce) bool { return n > now+step }

// target is the mark to persist when n is needed.
func target(n, now RequestNonce) RequestNonce {
	if ahead(n, now) {
		return min(n+step, Max)
	}
	return min(now+reach, Max)
}

// low reports whether less than half of what a reservation gives is left.
func low(n, now, mark RequestNonce) bool {
	if mark == Max {
		return false
	}
	if ahead(n, now) {
		return mark-n < step/2
	}
	return mark-n < reach/2
}
