package peer

import (
	"errors"
	"sync"
)

// ErrTooMany: the caller's uid, or all callers together, have as many connections
// as they may.
var ErrTooMany = errors.New("too many connections")

// Limits bound the connections of one server. Each takes two descriptors, its own
// and its caller's pidfd, and memory for what is under way on it; a caller that
// opens as many as it can must leave some for the others (A20).
type Limits struct {
	Total  int // of all callers; 0 sets no bound
	PerUID int // of one uid; 0 sets no bound
}

// census counts open connections.
type census struct {
	limits Limits

	mu    sync.Mutex
	total int
	byUID map[uint32]int
}

func (c *census) enter(uid uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limits.Total > 0 && c.total >= c.limits.Total || c.limits.PerUID > 0 && c.byUID[uid] >= c.limits.PerUID {
		return ErrTooMany
	}
	c.total++
	c.byUID[uid]++
	return nil
}

func (c *census) leave(uid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.byUID[uid]--; c.byUID[uid] == 0 {
		delete(c.byUID, uid)
	}
}
