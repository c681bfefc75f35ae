package guard

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
)

// ErrDestroyed is returned by [Slab.Alloc] once the slab is destroyed, or about to be.
var ErrDestroyed = errors.New("guard: slab is destroyed")

const (
	// maxGrowth caps by how many bytes a full slab grows at a time.
	maxGrowth = 256 << 10
	// maxSlab caps a slab, far above any limit on locked memory.
	maxSlab = 1 << 30
)

// Slab is guarded memory in slots of one size, which are destroyed as one. It
// grows, and never shrinks. All methods are safe for concurrent use; what the
// slots hold is for the callers to synchronise.
type Slab struct {
	backend  Backend
	slotSize int
	shift    uint // slot i is in view i>>shift
	perView  int  // slots of one view: 1<<shift

	gate *Gate // those between Enter and Leave
	// views are the slots by groups that fit a page, in order. The list is replaced
	// when the slab grows; what readers have loaded never changes.
	views atomic.Pointer[[][]byte]

	mu      sync.Mutex
	regions []region
	free    []int  // slots to hand out, the next one last
	used    []bool // by slot
}

// NewSlab returns a slab with room for slots of slotSize bytes each, both at least
// 1. It returns a [*LimitError] where RLIMIT_MEMLOCK has no room, and an error where
// the kernel does not have the backend.
func NewSlab(slotSize, slots int, b Backend) (*Slab, error) {
	if slotSize < 1 || slots < 1 || slots > maxSlab/slotSize {
		return nil, fmt.Errorf("guard: slab of %d slots of %d bytes", slots, slotSize)
	}
	s := &Slab{backend: b, slotSize: slotSize}
	s.gate = NewGate(s.end)
	if n := os.Getpagesize() / slotSize; n > 1 {
		s.shift = uint(bits.Len(uint(n))) - 1
	}
	s.perView = 1 << s.shift
	s.views.Store(new([][]byte))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.extendMu((slots + s.perView - 1) / s.perView); err != nil {
		return nil, err
	}
	process.add(s)
	return s, nil
}

// Backend returns what the slab is made of.
func (s *Slab) Backend() Backend { return s.backend }

// Alloc returns the index of a zeroed slot that is the caller's until Free. A full
// slab grows first. Errors: [*LimitError], [ErrDestroyed].
func (s *Slab) Alloc() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gate.Open() {
		return 0, ErrDestroyed
	}
	if len(s.free) == 0 {
		if err := s.growMu(); err != nil {
			return 0, err
		}
	}
	last := len(s.free) - 1
	i := s.free[last]
	s.free = s.free[:last]
	s.used[i] = true
	return i, nil
}

// Free wipes slot i and makes it available. Nobody may still use the slot. Freeing
// what is not allocated is a mistake and panics; after Destroy, Free does nothing.
func (s *Slab) Free(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.regions) == 0 {
		return // destroyed, and wiped with the rest
	}
	if !s.used[i] {
		panic("guard: Free of a slot that is free")
	}
	s.used[i] = false
	Wipe(s.Slot(i))
	s.free = append(s.free, i)
}

// Slot returns the memory of slot i, length and capacity slotSize. It is valid only
// between Enter and Leave. It panics on an index outside the slab, and on any index
// once the slab is gone.
func (s *Slab) Slot(i int) []byte {
	view := (*s.views.Load())[i>>s.shift]
	start := (i & (s.perView - 1)) * s.slotSize
	return view[start : start+s.slotSize : start+s.slotSize]
}

// Enter registers a use of the slots: true until Destroy or [WipeAll] has begun, and
// then Leave must follow. It takes no lock and does not block.
func (s *Slab) Enter() bool { return s.gate.Enter() }

// Leave ends the use that Enter began. The last to leave a slab that is being
// destroyed unmaps it.
func (s *Slab) Leave() { s.gate.Leave() }

// Destroy refuses new users, waits until the present ones have left, wipes all
// slots and unmaps them. Idempotent, and safe to call concurrently: each call
// returns when the memory is gone.
func (s *Slab) Destroy() {
	s.gate.Shut()
	s.gate.Wait()
}

// end wipes and unmaps. Nobody is inside any more.
func (s *Slab) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views.Store(new([][]byte))
	for _, r := range s.regions {
		r.unmap()
	}
	s.regions, s.free, s.used = nil, nil, nil
	process.remove(s)
}

func (s *Slab) wipeNow() {
	s.gate.Shut()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.regions {
		Wipe(r.bytes())
	}
}

// growMu doubles the slab, by at most maxGrowth, or adds what the limit allows.
func (s *Slab) growMu() error {
	viewSize := s.perView * s.slotSize
	n := max(1, min(len(*s.views.Load()), maxGrowth/viewSize))
	for {
		err := s.extendMu(n)
		var limit *LimitError
		if n == 1 || !errors.As(err, &limit) {
			return err
		}
		n /= 2
	}
}

// extendMu adds a region of at least n views, and their slots to the free ones.
func (s *Slab) extendMu(n int) error {
	viewSize := s.perView * s.slotSize
	r, err := process.acquire(s.backend, pages(n*viewSize))
	if err != nil {
		return err
	}
	s.regions = append(s.regions, r)
	views := *s.views.Load() // appended to beyond what readers see
	for mem := r.bytes(); len(mem) >= viewSize; mem = mem[viewSize:] {
		views = append(views, mem[:viewSize:viewSize])
	}
	first := len(s.used)
	s.used = append(s.used, make([]bool, len(views)*s.perView-first)...)
	for i := len(s.used) - 1; i >= first; i-- {
		s.free = append(s.free, i)
	}
	s.views.Store(&views)
	return nil
}
