package audit

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"time"
)

// followEvery is how often a reader that follows looks for more.
const followEvery = 200 * time.Millisecond

// Follow goes through the wanted records behind a place as they are written, from
// segment to segment, until the context ends; from the zero Place it goes through all.
// A line whose end is not written yet is waited for. A record whose writing failed may
// be seen, and then others with its number: only the log knows that it came to nothing.
func (r *Reader) Follow(ctx context.Context, f Filter, from Place) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l := &follower{Reader: r, wanted: f.compile(), yield: func(text []byte) bool {
			return ctx.Err() == nil && yield(text, nil)
		}}
		defer l.leave()
		if from.Segment != "" {
			if err := l.enter(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
				yield(nil, err)
				return
			}
		}
		ticker := time.NewTicker(followEvery)
		defer ticker.Stop()
		for {
			more, err := l.poll()
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}
}

// follower is a reader within a segment.
type follower struct {
	*Reader
	*wanted
	yield func([]byte) bool

	f      *os.File // nil before the first segment
	name   string
	at     int64  // behind the newest whole line that was read
	before int64  // where it stood before it read that
	last   []byte // the last bytes before at
}

// poll reads what is new in the segment, and goes on to those that have begun since.
func (l *follower) poll() (more bool, err error) {
	for {
		next, err := l.next() // before reading on: what is followed by another is complete
		if err != nil {
			return false, err
		}
		if more, err := l.readOn(); !more || err != nil {
			return false, err
		}
		if next == "" {
			return true, nil
		}
		if err := l.enter(Place{Segment: next}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
}

// next is the segment that follows, if one has begun.
func (l *follower) next() (string, error) {
	names, err := Segments(l.dir)
	for _, name := range names {
		if l.name == "" || compareNames(name, l.name) > 0 {
			return name, nil
		}
	}
	return "", err
}

func (l *follower) enter(at Place) error {
	l.leave()
	l.name = at.Segment // even where it is gone: others follow it
	f, size, err := l.open(at.Segment)
	if err != nil {
		return err
	}
	l.f, l.at = f, min(at.Offset, size)
	l.before = l.at
	return l.remember()
}

func (l *follower) leave() {
	if l.f != nil {
		_ = l.f.Close() // it was read only
		l.f = nil
	}
}

// readOn reads what stands behind the newest line.
func (l *follower) readOn() (more bool, err error) {
	if l.f == nil {
		return true, nil
	}
	info, err := l.f.Stat()
	if err != nil {
		return false, err
	}
	same, err := l.unchanged()
	if err != nil {
		return false, err
	}
	if !same { // its writing failed, and others stand there now
		l.at = l.before
	}
	if info.Size() <= l.at && same {
		return true, nil
	}
	end, more, err := l.scan(l.f, l.at, info.Size(), l.wanted, l.yield)
	if err != nil || !more {
		return false, err
	}
	if end > l.at {
		l.before, l.at = l.at, end
	}
	return true, l.remember()
}

// lastBytes are enough to tell one line from another: they reach into its hash.
const lastBytes = 64

// remember notes what the newest line ends in.
func (l *follower) remember() error {
	text, err := l.read(l.f, max(0, l.at-lastBytes), l.at)
	l.last = append(l.last[:0], text...)
	return err
}

// unchanged says whether the newest line still stands.
func (l *follower) unchanged() (bool, error) {
	text, err := l.read(l.f, max(0, l.at-lastBytes), l.at)
	return bytes.Equal(text, l.last), err
}
