package vault

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
)

const (
	oneShotLife = 60 * time.Second
	oneShotMax  = 16 // outstanding at once, sealed boxes and challenges together
)

// oneShots keeps what admin.sock hands out to be used once: keys to seal a
// secret to, and challenges to prove an operation with. Each is tied to the
// connection that asked, lives for a minute and is gone at its first use,
// successful or not.
type oneShots struct {
	mu      sync.Mutex
	slab    *guard.Slab // transport keys; made at the first need
	last    uint64
	entries map[uint64]*oneShot
}

// oneShot is a transport key in a slot of the slab, or else a challenge.
type oneShot struct {
	owner     Operator
	deadline  time.Time
	transport *envelope.Transport
	slot      int
	challenge [32]byte
}

var errBox = errors.New("it was not sealed for this operation")

var errStale = errors.New("it was used, is older than a minute, or was begun on another connection")

// beginSealed makes a one-shot key and returns its id and public half.
func (s *oneShots) beginSealed(owner Operator) (uint64, [32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slab == nil {
		slab, err := guard.NewSlab(envelope.TransportSize, oneShotMax, guard.Best())
		if err != nil {
			return 0, [32]byte{}, err
		}
		s.slab = slab
	}
	s.makeRoomMu(owner)
	if !s.slab.Enter() {
		return 0, [32]byte{}, errors.New("vaultd is stopping")
	}
	defer s.slab.Leave()
	slot, err := s.slab.Alloc()
	if err != nil {
		return 0, [32]byte{}, err
	}
	var transport *envelope.Transport
	guard.Quiet(func() {
		transport = envelope.NewTransport((*[envelope.TransportSize]byte)(s.slab.Slot(slot)))
	})
	id := s.addMu(&oneShot{owner: owner, transport: transport, slot: slot})
	return id, transport.Public(), nil
}

// beginProof makes a one-shot challenge.
func (s *oneShots) beginProof(owner Operator) (uint64, [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoomMu(owner)
	entry := &oneShot{owner: owner}
	rand.Read(entry.challenge[:]) // never fails: crypto/rand
	return s.addMu(entry), entry.challenge
}

func (s *oneShots) addMu(entry *oneShot) uint64 {
	if s.entries == nil {
		s.entries = make(map[uint64]*oneShot)
	}
	s.last++
	id := s.last
	entry.deadline = time.Now().Add(oneShotLife)
	time.AfterFunc(oneShotLife, func() { s.drop(id) })
	s.entries[id] = entry
	return id
}

// makeRoomMu drops, where all places are taken, the oldest of the process that
// asks, else the oldest of all: a process that floods pushes out its own.
func (s *oneShots) makeRoomMu(owner Operator) {
	if len(s.entries) < oneShotMax {
		return
	}
	var oldest, oldestOwn uint64
	for id, entry := range s.entries {
		if oldest == 0 || id < oldest {
			oldest = id
		}
		if entry.owner.Process == owner.Process && (oldestOwn == 0 || id < oldestOwn) {
			oldestOwn = id
		}
	}
	if oldestOwn != 0 {
		oldest = oldestOwn
	}
	s.dropMu(oldest)
}

// drop wipes an entry that nobody has used in time.
func (s *oneShots) drop(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropMu(id)
}

func (s *oneShots) dropMu(id uint64) {
	if entry := s.entries[id]; entry != nil && entry.transport != nil {
		s.slab.Free(entry.slot)
	}
	delete(s.entries, id)
}

// takeMu removes an entry and says whether it may still be used.
func (s *oneShots) takeMu(owner Operator, id uint64, sealed bool) (*oneShot, bool) {
	entry := s.entries[id]
	if entry == nil || entry.owner.Conn != owner.Conn || (entry.transport != nil) != sealed {
		return nil, false // what belongs to others stays with them
	}
	delete(s.entries, id)
	return entry, time.Now().Before(entry.deadline)
}

// openSealed opens a sealed box into guarded memory and checks that it was
// sealed for this operation. The caller destroys the buffer; the secret is what
// stands behind the prefix.
func (s *oneShots) openSealed(owner Operator, box Sealed, purpose Operation) (*guard.Buffer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, fresh := s.takeMu(owner, box.ID, true)
	if entry == nil {
		return nil, errStale
	}
	defer s.slab.Free(entry.slot)
	if !fresh || !s.slab.Enter() {
		return nil, errStale
	}
	defer s.slab.Leave()
	buffer, err := guard.NewBuffer(max(len(box.Box)-envelope.BoxOverhead, sealedPrefixSize))
	if err != nil {
		return nil, err
	}
	prefix := SealedPrefix(box.ID, purpose)
	err = quietly(func() error {
		plain, err := entry.transport.Open(buffer.Bytes()[:0:len(buffer.Bytes())], box.Box)
		if err != nil || len(plain) <= len(prefix) || subtle.ConstantTimeCompare(plain[:len(prefix)], prefix[:]) != 1 {
			return errBox
		}
		return nil
	})
	if err != nil {
		buffer.Destroy()
		return nil, err
	}
	return buffer, nil
}

// takeChallenge returns the challenge with an id, once.
func (s *oneShots) takeChallenge(owner Operator, id uint64) ([32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, fresh := s.takeMu(owner, id, false)
	if entry == nil || !fresh {
		return [32]byte{}, errStale
	}
	return entry.challenge, nil
}

// destroy wipes every secret half.
func (s *oneShots) destroy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = nil
	if s.slab != nil {
		s.slab.Destroy()
	}
}
