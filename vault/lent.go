package vault

import (
	"sync"

	"bfxvault/vault/internal/guard"
)

// lent is guarded memory that operations under way have beside the slab, such as KEKs. It
// goes with the slab: an operation that waits for a disk keeps nothing when a vault is
// locked (P5). It is used between Enter and Leave of the slab, as the slab is.
type lent struct {
	mu      sync.Mutex
	buffers map[*guard.Buffer]struct{}
	gone    bool
}

// add takes a buffer in. The caller takes it out.
func (l *lent) add(b *guard.Buffer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		b.Destroy()
		return
	}
	if l.buffers == nil {
		l.buffers = make(map[*guard.Buffer]struct{})
	}
	l.buffers[b] = struct{}{}
}

// take wipes a buffer that has served.
func (l *lent) take(b *guard.Buffer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buffers, b)
	b.Destroy()
}

// destroy wipes all, and whatever comes later. Nobody is inside the slab any more.
func (l *lent) destroy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	for b := range l.buffers {
		b.Destroy()
	}
	l.buffers = nil
}
