package vault

import (
	"sync"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
)

// ratchets are what tags the log: in guarded memory of their own, since the step of the
// moment outlives a lock (P5).
type ratchets struct {
	mu   sync.Mutex
	slab *guard.Slab
}

// maxRatchets is how many there are at most: the one that runs, and the next.
const maxRatchets = 2

// make makes a ratchet whose first key is drawn by draw.
func (r *ratchets) make(draw func(first *[envelope.AuditKeySize]byte) error) (*audit.Ratchet, error) {
	slab, slot, err := r.alloc()
	if err != nil {
		return nil, err
	}
	var chain *mac.Ratchet
	if err := use(slab, func() error {
		return quietly(func() error {
			mem := slab.Slot(slot)
			if err := draw((*[envelope.AuditKeySize]byte)(mem)); err != nil {
				return err
			}
			chain, err = mac.NewRatchet(mem)
			return err
		})
	}); err != nil {
		slab.Free(slot)
		return nil, err
	}
	// A tag is made without blocking signals, as a signature is: two system calls for each
	// would cost more than all else.
	return &audit.Ratchet{
		Tag: func(tag *[audit.TagSize]byte, hash *audit.Hash) {
			_ = use(slab, func() error {
				chain.Tag(tag[:], hash[:])
				return nil
			})
		},
		Settle: func(keep bool) {
			_ = use(slab, func() error {
				chain.Settle(keep)
				return nil
			})
		},
		Free: func() { slab.Free(slot) },
	}, nil
}

func (r *ratchets) alloc() (*guard.Slab, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slab == nil {
		slab, err := guard.NewSlab(mac.RatchetSize, maxRatchets, guard.Best())
		if err != nil {
			return nil, 0, err
		}
		r.slab = slab
	}
	slot, err := r.slab.Alloc()
	return r.slab, slot, err
}

func (r *ratchets) destroy() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slab != nil {
		r.slab.Destroy()
	}
}

// use runs what has a key of the slab in hand. A slab that is gone was wiped by a
// fault of ours: what it would have tagged is worth nothing any more.
func use(slab *guard.Slab, f func() error) error {
	if !slab.Enter() {
		return guard.ErrDestroyed
	}
	defer slab.Leave()
	return f()
}
