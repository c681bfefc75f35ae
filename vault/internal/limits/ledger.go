package limits

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"bfxvault/vault/internal/group"
	"bfxvault/vault/policy"
)

// ErrStopped: the ledger was stopped; the vault is locking.
var ErrStopped = errors.New("limits are stopped")

// ErrLate: the disk does not answer. What was to be written may be written later, and
// then it is spent.
var ErrLate = errors.New("the disk does not answer")

// Bucket is where a record is kept.
type Bucket uint8

// The buckets.
const (
	InMeters Bucket = iota + 1
	InOrders
)

// Record is one value to persist.
type Record struct {
	Bucket Bucket
	Key    string
	Value  []byte // nil deletes

	orders *Orders // that it is of; nil for a meter's
}

// Ended says whether the record is of orders whose memory has ended since it was made: it
// must not be written.
func (r *Record) Ended() bool { return r.orders != nil && r.orders.ended.Load() }

// Ledger persists what the meters and the memories of one unlocked vault have to
// say. What comes while a commit runs goes together into the next one.
type Ledger struct {
	commit func([]Record) error
	group  *group.Group[page]

	mu     sync.Mutex // of these lists alone; nothing else is locked under it
	meters map[string]*Meter
	orders map[string]*Orders
}

// page is a meter or a memory of orders.
type page interface {
	// depart appends what is to be persisted as of now, land is told the outcome.
	depart(records []Record) []Record
	land(err error)
}

type flight = group.Flight[page]

// retryAfter is how long after a failed commit nothing is written in the
// background. Whoever has to wait for a commit tries at once.
const retryAfter = time.Second

// NewLedger returns a ledger whose records are persisted by commit: all of them,
// each sealed, durable when it returns nil. It is called by one goroutine at a
// time, at most one record per key, and must not keep the slice. After an error
// some of the records may have been persisted.
func NewLedger(commit func([]Record) error) (*Ledger, error) {
	if commit == nil {
		return nil, errors.New("limits: a ledger needs a function that commits records")
	}
	l := &Ledger{commit: commit, meters: map[string]*Meter{}, orders: map[string]*Orders{}}
	l.group = group.New(l.fly, ErrStopped, ErrLate)
	return l, nil
}

// Stop ends all meters and memories of the ledger: whatever they are asked fails
// with [ErrStopped] from now on, also what waits for a commit that has not begun.
// It waits for nothing. Calling it again does no harm.
func (l *Ledger) Stop() { l.group.Stop() }

func (l *Ledger) fly(pages []page) error {
	var records []Record
	for _, p := range pages {
		records = p.depart(records)
	}
	var err error
	if len(records) > 0 {
		if err = l.commit(records); err != nil {
			err = fmt.Errorf("persisting limits: %w", err)
		}
	}
	for _, p := range pages {
		p.land(err)
	}
	return err
}

// earlier is the clock that is behind. What the later one says alone has not
// happened yet.
func earlier(now policy.Now) time.Time {
	if now.Wall.Before(now.Steady) {
		return now.Wall
	}
	return now.Steady
}

// later is the clock that is ahead.
func later(now policy.Now) time.Time {
	if now.Wall.Before(now.Steady) {
		return now.Steady
	}
	return now.Wall
}

const secondsADay = 24 * 60 * 60

// dayOf counts days since 1970.
func dayOf(seconds int64) int64 { return max(0, seconds) / secondsADay }
