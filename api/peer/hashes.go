package peer

import (
	"crypto/sha256"
	"io"
	"sync"
	"time"
)

const (
	// maxHashed files are remembered. A connection keeps its own sum besides, so
	// nobody can push it out by showing many files.
	maxHashed = 1024
	// hashing is how many files are read at a time, of different uids.
	hashing = 2
	// rest is how long a uid waits after a file was read for it, in times of what
	// that took: with files that it changes again and again it gets a quarter of
	// one core (A14).
	rest = 3
)

// hashes knows the sums of programs, for all connections of one server.
type hashes struct {
	slots chan struct{}

	mu    sync.Mutex
	known map[program][sha256.Size]byte
	ring  []program // what is known, in the order in which it came; full, the oldest is at next
	next  int
	busy  map[turnKey]chan struct{} // closed when that file has been read, or could not be
	turns map[uint32]*turn
}

// content is an executable that is open.
type content interface {
	hash() ([sha256.Size]byte, error)
	io.Closer
}

// turnKey has the uid, too: nobody waits in the queue of another uid because both
// run the same file.
type turnKey struct {
	program program
	uid     uint32
}

// turn is held by the one of a uid whose file is read.
type turn struct {
	held  chan struct{}
	users int
}

func newHashes() *hashes {
	return &hashes{
		slots: make(chan struct{}, hashing),
		known: make(map[program][sha256.Size]byte),
		busy:  make(map[turnKey]chan struct{}),
		turns: make(map[uint32]*turn),
	}
}

// of returns the sum of a program, from what open opens where it is not known.
// Callers with the same program and uid wait for the first of them; if that one
// fails, perhaps because its process is gone, the next tries.
func (h *hashes) of(p program, uid uint32, open func() (content, error)) ([sha256.Size]byte, error) {
	key := turnKey{p, uid}
	for {
		h.mu.Lock()
		if sum, ok := h.known[p]; ok {
			h.mu.Unlock()
			return sum, nil
		}
		first := h.busy[key]
		if first == nil {
			done := make(chan struct{})
			h.busy[key] = done
			h.mu.Unlock()
			sum, err := h.inTurn(key, open)
			h.mu.Lock()
			delete(h.busy, key)
			h.mu.Unlock()
			close(done)
			return sum, err
		}
		h.mu.Unlock()
		<-first
	}
}

// inTurn opens the file once it is the uid's turn, and before it takes a slot: a
// file system that never answers (FUSE) holds up its own uid only.
func (h *hashes) inTurn(key turnKey, open func() (content, error)) (sum [sha256.Size]byte, err error) {
	leave := h.enter(key.uid)
	begin := time.Now()
	defer func() { time.AfterFunc(rest*time.Since(begin), leave) }()
	h.mu.Lock()
	sum, known := h.known[key.program]
	h.mu.Unlock()
	if known { // another uid has been quicker
		return sum, nil
	}
	f, err := open()
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h.slots <- struct{}{}
	begin = time.Now()
	sum, err = f.hash()
	<-h.slots
	if err == nil {
		h.keep(key.program, sum)
	}
	return sum, err
}

func (h *hashes) keep(p program, sum [sha256.Size]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.known[p]; ok { // read for two uids at once
		return
	}
	if len(h.ring) < maxHashed {
		h.ring = append(h.ring, p)
	} else {
		delete(h.known, h.ring[h.next])
		h.ring[h.next] = p
		h.next = (h.next + 1) % maxHashed
	}
	h.known[p] = sum
}

// enter waits for the uid's turn, and returns how to end it.
func (h *hashes) enter(uid uint32) (leave func()) {
	h.mu.Lock()
	t := h.turns[uid]
	if t == nil {
		t = &turn{held: make(chan struct{}, 1)}
		h.turns[uid] = t
	}
	t.users++
	h.mu.Unlock()
	t.held <- struct{}{}
	return func() {
		<-t.held
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(h.turns, uid)
		}
	}
}
