package proxy

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

const (
	// mostWaiting is how many requests of one stand-in credential and user wait for their
	// turn: cancels, and as many others.
	mostWaiting = 64
	// queueTime is for how long one waits.
	queueTime = 10 * time.Second
	// turnTime is for how long the next waits for the answer to the one before: Bitfinex may
	// not answer at all.
	turnTime = 2 * time.Second
	// mostFirst is how many cancels leave in a row before one that is none.
	mostFirst = 8
	// mostKnown is of how many stand-in credentials the API key is remembered.
	mostKnown = 4096
)

var (
	errFull = errors.New("too many requests wait for their turn on this API key")
	errLate = errors.New("its turn on this API key did not come in time")
)

// rank is who leaves before whom.
type rank uint8

const (
	signed   rank = iota // it has its nonce already, or had one: whoever leaves before outdates it
	cancel               // it reduces risk
	ordinary             // the rest
	ranks
)

// flow is whose requests take turns with those of others: anybody may name a credential
// that is not theirs, so the user counts as well.
type flow struct {
	uid uint32
	id  string // of the stand-in credential
}

// lanes let the requests of one API key leave one after the other, each after the answer to
// the one before: Bitfinex takes request nonces in rising order only.
type lanes struct {
	mu    sync.Mutex
	lanes map[string]*lane
	// keys are the API keys that stand-in credentials were signed for last. Before its first
	// signature one has a lane of its own.
	keys map[string]string
}

// lane is the queue of one API key. It is there while somebody is in it.
type lane struct {
	queues  [ranks]queue
	cancels int // that have left in a row
}

func newLanes() *lanes { return &lanes{lanes: map[string]*lane{}, keys: map[string]string{}} }

// learnMu notes which API key a stand-in credential stands for, once it was signed for.
func (l *lanes) learnMu(id, apiKey string) {
	if len(l.keys) >= mostKnown && l.keys[id] == "" {
		clear(l.keys)
	}
	l.keys[id] = apiKey
}

// of is the lane of a flow: that of its API key, or one of its own.
func (l *lanes) of(who flow) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := l.keys[who.id]; key != "" {
		return key
	}
	return strconv.FormatUint(uint64(who.uid), 10) + " " + who.id // no API key id has a space
}

// enter waits for the turn of a request in its lane. It returns that, and what ends the
// turn, which may be called often.
func (l *lanes) enter(ctx context.Context, who flow, r rank) (leave func(), key string, err error) {
	for {
		key = l.of(who)
		if leave, err = l.enterLane(ctx, key, who, r); err != nil || l.of(who) == key {
			return leave, key, err
		}
		leave() // the API key became known, or another, while it waited
	}
}

// enterLane is enter for a lane that is known.
func (l *lanes) enterLane(ctx context.Context, key string, who flow, r rank) (leave func(), err error) {
	l.mu.Lock()
	turn, err := l.queueMu(key, who, r)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return l.wait(ctx, key, who, r, turn)
}

// move leaves a lane for that of the API key that a request was signed with. None of its
// stand-in credential gets between.
func (l *lanes) move(ctx context.Context, from func(), key string, who flow) (leave func(), err error) {
	l.mu.Lock()
	l.learnMu(who.id, key)
	turn, err := l.queueMu(key, who, signed)
	l.mu.Unlock()
	from()
	if err != nil {
		return nil, err
	}
	return l.wait(ctx, key, who, signed, turn)
}

// wait waits until it is the turn of a request.
func (l *lanes) wait(ctx context.Context, key string, who flow, r rank, turn chan struct{}) (leave func(), err error) {
	leave = sync.OnceFunc(func() { l.next(key) })
	ctx, cancel := context.WithTimeoutCause(ctx, queueTime, errLate)
	defer cancel()
	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
	}
	if !l.withdraw(key, who, r, turn) {
		leave() // it came in the same moment
	}
	return nil, context.Cause(ctx)
}

// queueMu gives a request its place, and returns what is closed when its turn has come: at
// once where nobody is in the lane.
func (l *lanes) queueMu(key string, who flow, r rank) (turn chan struct{}, err error) {
	at := l.lanes[key]
	if at == nil {
		l.lanes[key] = new(lane)
		turn = make(chan struct{})
		close(turn)
		return turn, nil
	}
	return at.queues[r].add(who)
}

// next gives the turn to whoever is next.
func (l *lanes) next(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[key]
	order := [ranks]rank{signed, cancel, ordinary}
	if at.cancels >= mostFirst {
		order = [ranks]rank{signed, ordinary, cancel}
	}
	for _, r := range order {
		turn := at.queues[r].take()
		if turn == nil {
			continue
		}
		switch r {
		case cancel:
			at.cancels++
		case ordinary:
			at.cancels = 0
		}
		close(turn)
		return
	}
	delete(l.lanes, key)
}

// withdraw takes a request out of the queue. It is false where its turn has come.
func (l *lanes) withdraw(key string, who flow, r rank, turn chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[key]
	return at != nil && at.queues[r].drop(who, turn)
}
