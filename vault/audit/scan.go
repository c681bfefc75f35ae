package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// maxLine bounds a line: more than the largest record, that of an order/multi. Of it,
// maxFields are for the fields of a record.
const (
	maxLine   = 64 << 10
	maxFields = maxLine - 4<<10
)

// scan reads lines for as long as they are good.
type scan struct {
	segment *segment // the last that has a good line
	at      Position // of the last good line
	want    Position // what the line with that sequence must be
	wrong   uint64   // the sequence of a line that is not
	begins  bool     // the segment that was read last begins as segments do
	short   bool     // and is no longer than that

	gap  bool     // records are missing, and no unlock has accepted that
	base Position // of the last good line before them

	unfinished map[uint64]string
	revision   uint64 // the newest that a line names
	sum        chainSum
}

// end is where the log ends, without what stands behind a gap that nobody has accepted.
func (s *scan) end() ending {
	at := s.at
	if s.gap {
		at = s.base
	}
	return ending{at: at, segment: s.segment, unfinished: s.unfinished, revision: s.revision}
}

// resumeAt begins at a checkpoint, if the segment has there what it says.
func (s *scan) resumeAt(from *segment, c *checkpoint, head Hash) {
	if c.Size > from.size || c.Size <= 0 {
		return
	}
	start := max(0, c.Size-maxLine)
	text := make([]byte, c.Size-start)
	if _, err := from.f.ReadAt(text, start); err != nil {
		return
	}
	text = text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]
	last, ok := parseLine(text)
	if !ok || last.seq != c.Seq || last.hash != head {
		return
	}
	s.at, s.segment, s.begins, s.revision = Position{c.Seq, head}, from, true, c.Revision
	for seq, op := range c.Unfinished {
		s.unfinished[seq] = op
	}
	s.setTime(from, last.content)
	from.good = c.Size
}

// read reads a segment, from where it is good, and takes it if there is a good line.
func (s *scan) read(from *segment) (taken bool, err error) {
	s.begins, s.short = from.good > 0, from.size <= 4<<10
	r := bufio.NewReaderSize(io.NewSectionReader(from.f, from.good, from.size-from.good), maxLine)
	for {
		text, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
		if err != nil || !s.take(from, text) {
			break
		}
	}
	if from.good == 0 {
		return false, nil
	}
	if s.segment != nil && s.segment != from {
		s.segment.f.Close()
	}
	from.size, s.segment = from.good, from
	return true, nil
}

// take goes on to the next line, if it is good.
func (s *scan) take(from *segment, text []byte) bool {
	next, ok := parseLine(text)
	if !ok {
		return false
	}
	before, h := s.at, header{}
	if from.good == 0 {
		if h, before, ok = s.enter(from, &next); !ok {
			return false
		}
	}
	if hash, _ := s.sum.line(&before.Head, &next); next.seq != before.Seq+1 || hash != next.hash {
		return false
	}
	if h.gap && !s.gap {
		s.gap, s.base = true, Position{h.after, h.before}
	}
	s.at = Position{next.seq, next.hash}
	from.good += int64(len(text))
	if s.want.Seq == next.seq && s.want.Head != next.hash && s.wrong == 0 {
		s.wrong = next.seq
	}
	s.count(next)
	s.setTime(from, next.content)
	return true
}

// enter takes the header of a segment, and says what its first line follows.
func (s *scan) enter(from *segment, l *line) (h header, before Position, ok bool) {
	h, ok = parseHeader(l.content)
	first, named := firstOf(from.name)
	s.begins = ok && named && l.seq == first
	before = Position{l.seq - 1, h.before}
	switch {
	case !s.begins:
		return h, before, false
	case s.segment == nil:
		return h, before, true
	case h.gap:
		return h, before, l.seq > s.at.Seq && (Position{h.after, h.before} == s.end().at)
	}
	return h, before, before == s.at
}

func (s *scan) setTime(from *segment, content []byte) {
	if at, err := time.Parse(timeForm, string(timeOf(content))); err == nil {
		from.last = at
	}
}

// count keeps count of operations without an outcome, and of gaps that are accepted.
func (s *scan) count(l line) {
	s.revision = max(s.revision, revisionOf(l.content))
	if !bytes.Contains(l.content, []byte(`,"phase":"`)) && !(s.gap && bytes.Contains(l.content, []byte(`,"ratchet":"`))) {
		return
	}
	e, err := parseEntry(l.content)
	switch {
	case err != nil:
	case e.Ratchet != "" && e.Accepted:
		s.gap = false
	case e.Phase == Intent:
		s.unfinished[l.seq] = e.Op
	case e.Phase == Outcome:
		delete(s.unfinished, e.Of)
	}
}

// newest is a sequence above which the segment has no record, by its last lines.
func (s *segment) newest() uint64 {
	first, _ := firstOf(s.name)
	most := first + uint64(s.size)/uint64(len(lineStart)+len(timeStart)+len(timeForm)+hashEnd)
	start := max(0, s.size-2*maxLine)
	text := make([]byte, s.size-start)
	n, _ := s.f.ReadAt(text, start)
	newest := first
	for each := range bytes.Lines(text[:n]) {
		if l, ok := parseLine(each); ok && l.seq <= most {
			newest = max(newest, l.seq)
		}
	}
	return newest
}
