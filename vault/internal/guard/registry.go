package guard

import (
	"runtime"
	"sync"
)

// process is the one package variable: RLIMIT_MEMLOCK belongs to the process, so
// checking it and using it up must exclude each other across all slabs and buffers
// of the process; and in the last moment somebody has to know them all.
var process registry

type registry struct {
	mu   sync.Mutex
	live map[wiper]struct{}
}

// wiper is a live slab or buffer.
type wiper interface {
	// wipeNow wipes without waiting for users.
	wipeNow()
}

// acquire maps at least size bytes. It returns a [*LimitError] where
// RLIMIT_MEMLOCK has no room.
func (p *registry) acquire(b Backend, size int) (region, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := newRegion(b, size)
	if err != nil {
		return nil, explain(err, size)
	}
	return r, nil
}

func (p *registry) add(w wiper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil {
		p.live = make(map[wiper]struct{})
	}
	p.live[w] = struct{}{}
}

func (p *registry) remove(w wiper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, w)
}

func (p *registry) all() []wiper {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]wiper, 0, len(p.live))
	for w := range p.live {
		all = append(all, w)
	}
	return all
}

// WipeAll wipes every live [Slab] and [Buffer] of the process without waiting for
// their users: for panics and fatal errors, when there is no time to lock in order.
// From then on Enter returns false and Bytes nil. What nobody uses is unmapped at
// once; what somebody is inside of stays mapped, wiped, until the last user leaves
// (and is wiped once more then): unmapping it under them would kill the process
// with a register dump of whatever they were computing. WipeAll never panics.
func WipeAll() {
	for _, w := range process.all() {
		func() {
			defer func() { _ = recover() }()
			w.wipeNow()
		}()
	}
}

// Wipe overwrites b with zeros, and is not optimised away.
//
//go:noinline
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(&b)
}
