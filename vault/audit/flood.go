package audit

import (
	"sync"
	"time"
)

// fullDenials is how many denials of one uid are written in full in a second.
const fullDenials = 10

// maxFloods bounds for how many uids is counted one by one.
const maxFloods = 256

// floods keeps denied requests from flooding the log.
type floods struct {
	mu    sync.Mutex
	byUID map[uint32]*flood
	rest  flood // of all the others together
}

// flood counts the denials of one uid in one second.
type flood struct {
	caller  *Caller // nil for those of many
	second  int64
	written int
	skipped uint64
	pending bool // a record of the skipped ones is on its way
}

// Deny records a refusal, and waits for nothing. Those of one uid are written in full
// up to ten a second, and then counted into one record a second.
func (l *Log) Deny(r *Record) {
	second := time.Now().Unix()
	l.floods.mu.Lock()
	defer l.floods.mu.Unlock()
	f := l.floods.of(r.Caller, second)
	if f.second != second {
		f.second, f.written = second, 0
	}
	if f.written < fullDenials && !l.low.Load() && l.Note(r) {
		f.written++
		return
	}
	f.skipped++
	l.countLater(f)
}

// of is what is counted for a caller. The ones that are quiet make room for others.
func (f *floods) of(caller *Caller, second int64) *flood {
	if caller == nil {
		return &f.rest
	}
	if one := f.byUID[caller.UID]; one != nil {
		return one
	}
	if len(f.byUID) >= maxFloods {
		for uid, one := range f.byUID {
			if !one.pending && one.second != second {
				delete(f.byUID, uid)
			}
		}
	}
	if len(f.byUID) >= maxFloods {
		return &f.rest
	}
	if f.byUID == nil {
		f.byUID = make(map[uint32]*flood)
	}
	one := &flood{caller: &Caller{caller.UID, caller.GID}}
	f.byUID[caller.UID] = one
	return one
}

// countLater records in a second how many denials were not written. Under floods.mu.
func (l *Log) countLater(f *flood) {
	if f.pending {
		return
	}
	f.pending = true
	time.AfterFunc(time.Second, func() {
		l.floods.mu.Lock()
		defer l.floods.mu.Unlock()
		f.pending = false
		if !l.count(f) && !l.closed() {
			l.countLater(f)
		}
	})
}

// count records how many denials were not written; it says no where that cannot be
// written either. Under floods.mu.
func (l *Log) count(f *flood) bool {
	if f.skipped == 0 {
		return true
	}
	r := &Record{Op: "sign", Caller: f.caller, Decision: Denied, Count: f.skipped, Detail: "more denials, counted"}
	if !l.Note(r) {
		return false
	}
	f.skipped = 0
	return true
}

// countAll records what is not counted yet.
func (l *Log) countAll() {
	l.floods.mu.Lock()
	defer l.floods.mu.Unlock()
	for _, f := range l.floods.byUID {
		l.count(f)
	}
	l.count(&l.floods.rest)
}

func (l *Log) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}
