package guard

import (
	"fmt"
	"sync"
)

// Buffer is guarded memory for one operation, over memguard: at least one page,
// locked. It has one owner, who calls Destroy.
type Buffer struct {
	mu    sync.Mutex
	mem   region // nil once destroyed
	wiped bool   // by WipeAll
}

// NewBuffer returns a zeroed buffer of size bytes, size at least 1. It returns a
// [*LimitError] where RLIMIT_MEMLOCK has no room.
func NewBuffer(size int) (*Buffer, error) {
	if size < 1 {
		return nil, fmt.Errorf("guard: buffer of %d bytes", size)
	}
	mem, err := process.acquire(Memguard, size)
	if err != nil {
		return nil, err
	}
	b := &Buffer{mem: mem}
	process.add(b)
	return b, nil
}

// Bytes returns the memory, valid until Destroy: nil from then on, and after
// [WipeAll].
func (b *Buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mem == nil || b.wiped {
		return nil
	}
	return b.mem.bytes()
}

// Destroy wipes and unmaps the buffer. Idempotent.
func (b *Buffer) Destroy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mem == nil {
		return
	}
	process.remove(b)
	b.mem.unmap()
	b.mem = nil
}

func (b *Buffer) wipeNow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mem != nil {
		Wipe(b.mem.bytes())
	}
	b.wiped = true
}
