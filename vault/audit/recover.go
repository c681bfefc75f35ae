package audit

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// recover finds where the log ends, puts aside what a crash has left half written, and
// makes the first segment of a new log.
func (l *Log) recover() error {
	end, err := l.findEnd()
	var damaged *DamagedError
	if err != nil && !(errors.As(err, &damaged) && l.o.Accept) {
		end.close()
		return err
	}
	l.chain.at, l.revision, l.open = end.at, end.revision, end.unfinished
	if l.o.Accept {
		return l.goOn(end)
	}
	l.segment = end.segment
	if l.segment == nil {
		err = l.firstSegment(1, headerFields(Hash{}, "", l.revision))
	} else {
		err = l.putTornAside()
	}
	if err == nil {
		err = l.start()
	}
	if err != nil && l.segment != nil {
		l.segment.f.Close()
	}
	return err
}

// ending is how a log ends.
type ending struct {
	at         Position // the last good record
	segment    *segment // where it is; nil in a log without any
	newest     uint64   // no record of any segment has a higher sequence
	unfinished map[uint64]string
	revision   uint64
}

func (e *ending) close() {
	if e.segment != nil {
		e.segment.f.Close()
	}
}

// start writes that no ratchet runs from here on.
func (l *Log) start() error {
	now := later(l.o.Now(), l.segment.last)
	l.chain.add(now, (&Record{Op: opStart, Revision: l.revision}).append(nil))
	l.o.point("log opened")
	err := l.segment.put(l.chain.buf)
	l.o.point("start written")
	if err == nil {
		err = errors.Join(l.segment.flush(), syncFolder(l.root))
	}
	if err != nil {
		return &WriteError{err}
	}
	l.segment.last = now
	l.chain.buf = l.chain.buf[:0]
	l.written = mark{l.chain.at, l.segment.name, l.segment.size}
	l.synced = l.written
	return nil
}

// goOn begins a segment after what is missing or damaged. Until an unlock accepts that,
// the next start will find it again.
func (l *Log) goOn(end ending) error {
	end.close()
	l.pending = true
	fields := headerFields(end.at.Head, "", l.revision)
	fields = AppendNumber(fields, `,"after":`, end.at.Seq)
	return l.firstSegment(max(end.at.Seq, end.newest, l.o.Above)+1, append(fields, `,"gap":true`...))
}

// firstSegment makes a segment that no record names.
func (l *Log) firstSegment(seq uint64, fields []byte) error {
	now := l.o.Now()
	s, err := l.openSegment(segmentName(seq, day(now)), os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	l.o.point("first segment made")
	s.allocate()
	l.chain.at.Seq = seq - 1
	l.chain.add(now, fields)
	err = s.put(l.chain.buf)
	if err == nil {
		err = errors.Join(s.flush(), syncFolder(l.root))
	}
	if err != nil {
		return &WriteError{errors.Join(err, l.dropSegment(s))}
	}
	l.chain.buf = l.chain.buf[:0]
	s.last = now
	l.segment = nil
	l.replaceSegment(s, l.chain)
	return nil
}

// findEnd reads from the checkpoint to the end of the log: with a *[DamagedError], to
// the end of what is good. Without a checkpoint it reads the last two segments.
func (l *Log) findEnd() (end ending, err error) {
	names, err := Segments(l.o.Dir)
	if err != nil {
		return end, &WriteError{err}
	}
	known, head := readCheckpoint(l.root)
	sc := scan{unfinished: make(map[uint64]string)}
	from := max(0, len(names)-2)
	if known != nil {
		sc.want = Position{known.Seq, head}
		if at := slices.Index(names, known.Segment); at >= 0 {
			from = at
		}
	}
	var strange []string // segments behind the last good one
	for i, name := range names[from:] {
		s, err := l.openSegment(name, 0)
		if err != nil {
			return sc.end(), err
		}
		if i == 0 && known != nil && known.Segment == name {
			sc.resumeAt(s, known, head)
		}
		end.newest = max(end.newest, s.newest())
		taken, err := sc.read(s)
		switch {
		case err != nil:
			s.f.Close()
			return sc.end(), &WriteError{err}
		case taken:
			strange = nil
		default:
			strange = append(strange, name)
			s.f.Close()
		}
	}
	newest := end.newest
	end = sc.end()
	end.newest = newest
	return end, l.judge(&sc, names, strange)
}

// judge says whether a log is damaged that was read. A newest segment whose first
// record a crash has torn is not: it was empty, and is put aside.
func (l *Log) judge(sc *scan, names, strange []string) error {
	at := sc.end().at
	if len(strange) == 1 && sc.wrong == 0 && at.Seq >= sc.want.Seq && (at.Seq > 0 || len(names) == 1) {
		if first, _ := firstOf(strange[0]); first == at.Seq+1 && !sc.begins && sc.short {
			return l.setAside(strange[0])
		}
	}
	switch {
	case sc.wrong > 0:
		return &DamagedError{sc.wrong, "it is not what the checkpoint beside it knows"}
	case sc.gap:
		return &DamagedError{at.Seq + 1, "it is missing, and nobody has accepted that"}
	case at.Seq < sc.want.Seq:
		return &DamagedError{at.Seq + 1, fmt.Sprintf("it is missing or changed; there were %d", sc.want.Seq)}
	case len(strange) > 0:
		return &DamagedError{at.Seq + 1, fmt.Sprintf("segment %s does not continue it", strange[0])}
	}
	return nil
}
