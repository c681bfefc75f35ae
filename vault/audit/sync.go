package audit

import "time"

// syncDelay is how long records are gathered before they are brought to disk, where
// nobody waits for that.
const syncDelay = 25 * time.Millisecond

// retryDelay is how long a disk is left alone that has failed.
const retryDelay = 250 * time.Millisecond

// sync is the goroutine that brings records to disk.
func (l *Log) sync() {
	timer := time.NewTimer(syncDelay)
	defer timer.Stop()
	for {
		last := l.awaitWork(timer)
		l.flush()
		if last {
			return
		}
	}
}

// awaitWork returns when there is something to bring to disk and it is time; true once
// the writer has ended.
func (l *Log) awaitWork(timer *time.Timer) (last bool) {
	for {
		l.mu.Lock()
		wait := l.syncWaitMu()
		l.mu.Unlock()
		if wait <= 0 {
			return false
		}
		timer.Reset(wait)
		select {
		case <-l.ended:
			return true
		case <-timer.C:
		case <-l.syncWake:
		}
	}
}

// syncWaitMu is how long nothing is to be brought to disk yet.
func (l *Log) syncWaitMu() time.Duration {
	switch {
	case l.faults[syncing] != nil:
		return time.Until(l.retry)
	case len(l.syncing) > 0:
		return 0
	case !l.unsynced.IsZero():
		return time.Until(l.unsynced.Add(syncDelay))
	}
	return time.Hour
}

// flush brings to disk what is written, and answers those who wait for that. What a
// sync that failed was for may be gone from the kernel's memory: it is written anew.
func (l *Log) flush() {
	l.syncWatch.begin(nil)
	l.fileMu.Lock()
	l.syncMu.Lock()
	s, tail := l.segment, len(l.tail)
	l.mu.Lock()
	at, waiting, began := l.written, l.syncing, time.Now()
	l.syncing, l.syncWatch.batch = nil, waiting
	l.mu.Unlock()
	err := s.rewrite(l.tail)
	l.fileMu.Unlock()
	if err == nil {
		err = s.flush()
	}
	l.syncMu.Unlock()
	l.syncWatch.end()
	if err != nil {
		l.mu.Lock()
		l.retry = time.Now().Add(retryDelay)
		l.mu.Unlock()
		l.setFault(syncing, &WriteError{&syncError{err}}, waiting)
		return
	}
	l.flushed(s, tail, at, waiting, began)
}

// flushed notes what is on disk now.
func (l *Log) flushed(s *segment, tail int, at mark, waiting []*entry, began time.Time) {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	if l.segment == s {
		l.tail = append(l.tail[:0], l.tail[tail:]...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range waiting {
		l.answerMu(e, nil)
	}
	if l.segment == s {
		l.syncedMu(at, began)
	}
}

// syncedMu notes that all up to at is on disk, and what was written since began is not.
func (l *Log) syncedMu(at mark, began time.Time) {
	l.faults[syncing] = nil
	l.synced = at
	l.unsynced = time.Time{}
	if l.written.Seq > at.Seq {
		l.unsynced = began
	}
	kept := l.finished[:0]
	for _, f := range l.finished {
		if f.seq > at.Seq {
			kept = append(kept, f)
		}
	}
	l.finished = kept
}
