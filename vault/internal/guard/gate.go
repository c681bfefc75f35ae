package guard

import (
	"sync"
	"sync/atomic"
)

// shutting is added to Gate.users once, and makes it negative for good.
const shutting = -1 << 62

// Gate counts the uses of something that ends, and lets it end only once the last use
// has. Made by [NewGate]; safe for concurrent use.
type Gate struct {
	// users counts those between Enter and Leave, plus shutting once Shut has begun:
	// shutting itself means that the last has left.
	users             atomic.Int64
	shutOnce, endOnce sync.Once
	end               func()
	gone              chan struct{} // closed when end has returned
}

// NewGate returns an open gate. end is called once, when it is shut and the last has
// left: by that one, or by whoever shuts.
func NewGate(end func()) *Gate { return &Gate{end: end, gone: make(chan struct{})} }

// Enter registers a use: true until Shut has begun, and then Leave must follow. It
// takes no lock and does not block.
func (g *Gate) Enter() bool {
	if g.users.Add(1) > 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave ends the use that Enter began.
func (g *Gate) Leave() {
	if n := g.users.Add(-1); n < 0 {
		g.leaveShut(n)
	}
}

func (g *Gate) leaveShut(n int64) {
	if n == shutting {
		g.finish()
	}
	if n > shutting/2 || n < shutting {
		g.users.Add(1) // or Wait would wait for ever
		panic("guard: Leave without Enter")
	}
}

// Open says whether Enter would succeed.
func (g *Gate) Open() bool { return g.users.Load() >= 0 }

// Shut refuses new users. It does not wait for the present ones, and may be called
// again.
func (g *Gate) Shut() {
	g.shutOnce.Do(func() {
		if g.users.Add(shutting) == shutting {
			g.finish()
		}
	})
}

// Wait waits until the gate is shut and the last has left.
func (g *Gate) Wait() { <-g.gone }

// finish ends what the gate is of. Nobody is inside any more: a caller of Enter that is
// about to be refused may bring users back to shutting a second time, hence the once.
func (g *Gate) finish() {
	g.endOnce.Do(func() {
		g.end()
		close(g.gone)
	})
}
