package audit

import (
	"fmt"
	"time"
)

// Retain removes the oldest segments that are older or more than Keep says, by the
// given time. A record on disk says so first, so that they are not missed. What the
// last unlock has begun stays, since all after it is proven by it; and nothing is
// removed before the first unlock of a daemon, when nothing can be proven at all.
// Errors: *[WriteError], [ErrClosed].
func (l *Log) Retain(now time.Time) error {
	begun := l.begun.Load()
	if begun == 0 {
		return nil
	}
	names, err := Segments(l.o.Dir)
	if err != nil {
		return &WriteError{err}
	}
	drop := l.surplus(names, now, begun)
	if drop == 0 {
		return nil
	}
	first, _ := firstOf(names[drop])
	_, err = l.Append(&Record{Op: opRetention, Of: first, Detail: fmt.Sprintf("%d segments are removed", drop)}, true)
	if err != nil {
		return err
	}
	l.o.point("retention written")
	for _, name := range names[:drop] { // the oldest first: what stands has no gaps
		if err := l.root.Remove(name); err != nil {
			return &WriteError{err}
		}
		l.o.point("segment removed")
	}
	return nil
}

// surplus is how many of the oldest segments are not to be kept: none of those from
// the sequence begun on.
func (l *Log) surplus(names []string, now time.Time, begun uint64) (drop int) {
	var total int64
	sizes := make([]int64, len(names))
	for i, name := range names {
		if info, err := l.root.Lstat(name); err == nil {
			sizes[i] = info.Size()
			total += sizes[i]
		}
	}
	for drop < len(names)-1 {
		if first, _ := firstOf(names[drop+1]); first > begun {
			return drop
		}
		old := l.o.Keep.Age > 0 && now.Sub(newestOf(names[drop], names[drop+1])) > l.o.Keep.Age
		if !old && (l.o.Keep.Bytes == 0 || total <= l.o.Keep.Bytes) {
			return drop
		}
		total -= sizes[drop]
		drop++
	}
	return drop
}

// newestOf is about when the newest record of a segment was written, and not before:
// when its day was over, or, where it went on after that, when the next one's began.
func newestOf(name, next string) time.Time {
	end, err := time.Parse(time.DateOnly, dayOf(name))
	if err != nil {
		return time.Time{}.AddDate(9000, 0, 0) // not a name of ours: it is never old
	}
	end = end.AddDate(0, 0, 1)
	if began, err := time.Parse(time.DateOnly, dayOf(next)); err == nil {
		end = later(end, began)
	}
	return end
}
