package proxy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// mostWaiting is how many requests of one stand-in credential wait for their turn, and
	// mostInLane how many in all for one API key.
	mostWaiting = 64
	mostInLane  = 1024
	// queueTime is for how long one waits.
	queueTime = 10 * time.Second
	// turnTime is for how long the next waits for the answer to the one before: Bitfinex may
	// not answer at all.
	turnTime = 2 * time.Second
	// mostFirst is how many that go first leave before one that does not.
	mostFirst = 8
)

var (
	errFull = errors.New("too many requests wait for their turn on this API key")
	errLate = errors.New("its turn on this API key did not come in time")
)

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
	first   []*turn            // cancels, and what is sent a second time
	ordinal int                // of those, how many have left in a row
	queues  map[string][]*turn // the rest, by stand-in credential
	order   []string           // whose turn is next: nobody gets two before everybody got one
	waiting int
}

// turn is a place in the queue.
type turn struct {
	who   string
	ready chan struct{}
}

func newLanes() *lanes { return &lanes{lanes: map[string]*lane{}, keys: map[string]string{}} }

// learn notes which API key a stand-in credential stands for.
func (l *lanes) learn(who, apiKey string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[who] = apiKey
}

// enter waits for the turn of a request, and returns what ends it, which may be called
// often.
func (l *lanes) enter(ctx context.Context, who string, first bool) (leave func(), err error) {
	t, key, err := l.queue(who, first)
	if err != nil {
		return nil, err
	}
	leave = sync.OnceFunc(func() { l.next(key) })
	late := time.NewTimer(queueTime)
	defer late.Stop()
	select {
	case <-t.ready:
		return leave, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errLate
	}
	if !l.withdraw(key, t) {
		leave() // it came in the same moment
	}
	return nil, err
}

// queue gives a request its place: at once where nobody is in the lane.
func (l *lanes) queue(who string, first bool) (t *turn, key string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key = who
	if known, ok := l.keys[who]; ok {
		key = known
	}
	t = &turn{who: who, ready: make(chan struct{})}
	at := l.lanes[key]
	switch {
	case at == nil:
		l.lanes[key] = &lane{queues: map[string][]*turn{}}
		close(t.ready)
		return t, key, nil
	case at.waiting >= mostInLane || at.count(who) >= mostWaiting:
		return nil, key, errFull
	}
	at.waiting++
	if first {
		at.first = append(at.first, t)
		return t, key, nil
	}
	if len(at.queues[who]) == 0 {
		at.order = append(at.order, who)
	}
	at.queues[who] = append(at.queues[who], t)
	return t, key, nil
}

// count is how many requests of a credential wait.
func (at *lane) count(who string) int {
	n := len(at.queues[who])
	for _, t := range at.first {
		if t.who == who {
			n++
		}
	}
	return n
}

// next gives the turn to whoever is next.
func (l *lanes) next(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[key]
	if at.waiting == 0 {
		delete(l.lanes, key)
		return
	}
	at.waiting--
	close(at.take().ready)
}

// take takes the next one out of the queue. There is one.
func (at *lane) take() *turn {
	if len(at.first) > 0 && (at.ordinal < mostFirst || len(at.order) == 0) {
		t := at.first[0]
		at.first, at.ordinal = at.first[1:], at.ordinal+1
		return t
	}
	at.ordinal = 0
	who := at.order[0]
	t := at.queues[who][0]
	at.order = at.order[1:]
	at.queues[who] = at.queues[who][1:]
	if len(at.queues[who]) > 0 {
		at.order = append(at.order, who)
	} else {
		delete(at.queues, who)
	}
	return t
}

// withdraw takes a request out of the queue. It is false where its turn has come.
func (l *lanes) withdraw(key string, t *turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[key]
	if at == nil {
		return false
	}
	if i := slices.Index(at.first, t); i >= 0 {
		at.first = slices.Delete(at.first, i, i+1)
		at.waiting--
		return true
	}
	i := slices.Index(at.queues[t.who], t)
	if i < 0 {
		return false
	}
	at.waiting--
	at.queues[t.who] = slices.Delete(at.queues[t.who], i, i+1)
	if len(at.queues[t.who]) == 0 {
		delete(at.queues, t.who)
		at.order = slices.DeleteFunc(at.order, func(who string) bool { return who == t.who })
	}
	return true
}
