package standin

import (
	"errors"
	"sync"
	"time"
)

const (
	// most is how many requests are remembered of one credential: five hundred a second,
	// for as long as one may be shown again.
	most = 1 << 16
	kept = 2*Window + time.Second
	// retryWithin is for how long what Bitfinex has refused for its nonce may be shown
	// again.
	retryWithin = 10 * time.Second
)

// The ways in which a request is not new.
var (
	ErrReplayed = errors.New("this request was shown before")
	ErrFull     = errors.New("too many requests within two minutes")
	ErrNoRetry  = errors.New("this request cannot be signed again")
)

// Request is a request as its client has signed it: nonce, and a digest of path and body.
type Request struct {
	Nonce  string
	Digest [32]byte
}

// shown is what is known of a request that was shown.
type shown struct {
	at      time.Time
	write   bool
	seq     uint64 // of the record of its signature; 0 before there is one
	from    any    // the connection that it came over
	retried bool
}

// Memory remembers what was shown of one credential. The zero value is empty; it is safe
// for concurrent use.
type Memory struct {
	mu       sync.Mutex
	requests map[Request]*shown
	swept    time.Time
}

// Show notes a request that is shown at a time, over a connection. One that changes
// something (write) is an error the second time; so is any while the memory is full.
func (m *Memory) Show(r Request, write bool, from any, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweepMu(now)
	before := m.requests[r]
	switch {
	case before != nil && (write || before.write):
		return ErrReplayed
	case before == nil && len(m.requests) >= most:
		return ErrFull
	}
	if m.requests == nil {
		m.requests = make(map[Request]*shown)
	}
	m.requests[r] = &shown{at: now, write: write, from: from}
	return nil
}

// Signed notes the record of the signature that a request got.
func (m *Memory) Signed(r Request, seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.requests[r]; s != nil {
		s.seq = seq
	}
}

// Retry lets a request be signed once more whose signature, with the record seq, Bitfinex
// has refused for its nonce: once, within ten seconds, over the connection that it was
// shown over first.
func (m *Memory) Retry(r Request, seq uint64, from any, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.requests[r]
	if s == nil || s.seq == 0 || s.seq != seq || s.from != from || s.retried || now.Sub(s.at) > retryWithin || now.Before(s.at) {
		return ErrNoRetry
	}
	s.retried = true
	return nil
}

// sweepMu forgets what is too old to be shown again, once a second at most.
func (m *Memory) sweepMu(now time.Time) {
	if now.Sub(m.swept) < time.Second && !now.Before(m.swept) {
		return
	}
	m.swept = now
	for r, s := range m.requests {
		if now.Sub(s.at) > kept {
			delete(m.requests, r)
		}
	}
}
