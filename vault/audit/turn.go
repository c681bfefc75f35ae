package audit

import (
	"errors"
	"os"
	"strconv"
	"time"
)

const (
	maxSegment = 1 << 30 // bytes
	setBack    = time.Second
	turnRetry  = time.Minute
)

// turn begins a new segment where the day has changed, the clock was set back, or the
// segment is full, and returns the time of the next record: within a segment times
// never go back. Where no new one can be made, the old one goes on.
func (l *Log) turn(now time.Time) (time.Time, error) {
	s := l.segment
	back := s.last.Sub(now)
	if 0 < back && back <= setBack {
		return s.last, nil
	}
	if back <= 0 && s.day == dayNumber(now) && s.size < maxSegment || time.Since(l.turned) < turnRetry {
		return later(now, s.last), nil
	}
	err := l.newSegment(now)
	var unsure *syncError
	if errors.As(err, &unsure) {
		return now, err
	}
	if err != nil {
		l.turned = time.Now()
	}
	return later(now, l.segment.last), nil
}

// dayNumber counts days in UTC since 1970.
func dayNumber(t time.Time) int64 {
	const seconds = 24 * 60 * 60
	at := t.Unix()
	return (at - (at%seconds+seconds)%seconds) / seconds
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// newSegment ends the segment with a record that seals the first key of the next, and
// begins that. Under fileMu.
func (l *Log) newSegment(now time.Time) error {
	if !l.segment.allocate() {
		return errRoom // nor would the next have any
	}
	sealed, r := "", (*Ratchet)(nil)
	if l.chain.ratchet != nil {
		var err error
		if sealed, r, err = l.seal(); err != nil {
			return err
		}
	}
	err := l.endSegment(now, sealed)
	if err == nil {
		err = l.beginSegment(now, sealed, r)
	}
	if err != nil && r != nil {
		r.Free()
	}
	return err
}

// endSegment names the next segment and brings all to disk.
func (l *Log) endSegment(now time.Time, sealed string) error {
	before, at := l.chain.at, later(now, l.segment.last)
	l.chain.add(at, sealedField((&Record{Op: opNext}).append(nil), sealed))
	if err := l.putLines(before, at); err != nil {
		return err
	}
	l.o.point("segment end written")
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	err := l.segment.rewrite(l.tail)
	if err == nil {
		err = l.segment.flush()
	}
	l.o.point("segment ended")
	if err != nil {
		err = &syncError{err}
		l.setFault(syncing, &WriteError{err}, nil)
		signal(l.syncWake)
	}
	return err
}

// beginSegment makes a new file, whose first record says what it continues.
func (l *Log) beginSegment(now time.Time, sealed string, r *Ratchet) error {
	s, err := l.makeSegment(segmentName(l.chain.at.Seq+1, day(now)))
	if err != nil {
		return err
	}
	l.o.point("segment made")
	next := chain{at: l.chain.at, ratchet: r}
	next.add(now, headerFields(l.chain.at.Head, sealed, l.Revision()))
	err = s.put(next.buf)
	l.o.point("segment header written")
	if err == nil {
		err = errors.Join(s.flush(), syncFolder(l.root))
	}
	if err != nil {
		return errors.Join(err, l.dropSegment(s))
	}
	l.o.point("segment begun")
	next.settle(l.chain.at, true)
	s.last = now
	l.replaceSegment(s, next)
	if r != nil {
		l.adopt(r)
	}
	return nil
}

// replaceSegment goes on with s, whose records are on disk.
func (l *Log) replaceSegment(s *segment, next chain) {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	old := l.segment
	l.segment, l.tail, l.chain.at = s, l.tail[:0], next.at
	if old != nil {
		_ = old.close() // it is on disk; at worst it keeps its reserve
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = mark{next.at, s.name, s.size}
	for _, e := range l.syncing {
		l.answerMu(e, nil)
	}
	l.syncing = nil
	l.syncedMu(l.written, time.Time{})
	signal(l.keepWake)
}

// makeSegment makes the file of a new segment. There is none of that name.
func (l *Log) makeSegment(name string) (*segment, error) {
	s, err := l.openSegment(name, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if !s.allocate() {
		return nil, errors.Join(errRoom, l.dropSegment(s))
	}
	return s, nil
}

// dropSegment takes back a segment that could not be begun. What cannot be removed is
// left empty.
func (l *Log) dropSegment(s *segment) error {
	return errors.Join(s.f.Truncate(0), s.f.Close(), l.root.Remove(s.name))
}

func headerFields(before Hash, sealed string, revision uint64) []byte {
	b := (&Record{Op: opSegment, Revision: revision}).append(nil)
	b = strconv.AppendInt(append(b, `,"format":`...), formatVersion, 10)
	b = append(appendHex(append(b, `,"before":"`...), before[:]), '"')
	return sealedField(b, sealed)
}

const formatVersion = 1

func sealedField(b []byte, sealed string) []byte { return AppendField(b, `,"sealed":`, sealed) }
