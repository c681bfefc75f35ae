package audit

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Has says whether the log has a record, in the segments that stand: the one of that
// sequence with that hash. A record that Retain has removed is taken to have been there.
// It waits for the disk for a second at most. Errors: *[WriteError].
func (l *Log) Has(p Position) (bool, error) {
	done := make(chan struct{})
	var found bool
	var failed error
	go func() {
		found, failed = l.has(p)
		close(done)
	}()
	patience := time.NewTimer(patience)
	defer patience.Stop()
	select {
	case <-done:
		return found, failed
	case <-patience.C:
		return false, &WriteError{errHung}
	}
}

func (l *Log) has(p Position) (bool, error) {
	if err := l.checkPlace(); err != nil { // the newest segment is not older, it is not there
		return false, &WriteError{err}
	}
	names, err := Segments(l.o.Dir)
	if err != nil {
		return false, &WriteError{err}
	}
	name := ""
	for _, n := range names {
		if first, _ := firstOf(n); first <= p.Seq {
			name = n
		}
	}
	if name == "" {
		return len(names) > 0, nil
	}
	f, err := l.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, &WriteError{err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, &WriteError{err}
	}
	found, err := findSeq(f, info.Size(), p.Seq)
	if err != nil {
		return false, &WriteError{err}
	}
	return found.hash == p.Head && found.seq == p.Seq, nil
}

func (l *Log) checkPlace() error {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	return l.segment.inPlace()
}

// findSeq finds the line with a sequence, which rises from line to line. The zero line
// is none.
func findSeq(f io.ReaderAt, size int64, seq uint64) (line, error) {
	low, high := int64(0), size // the line begins in between
	for high-low > maxLine {
		middle := low + (high-low)/2
		text, start, err := lineFrom(f, middle, high)
		switch {
		case err != nil:
			return line{}, err
		case text == nil: // none begins behind the middle
			high = middle
			continue
		}
		if l, ok := parseLine(text); !ok || l.seq > seq {
			high = middle
		} else {
			low = start
		}
	}
	text := make([]byte, min(size-low, 2*maxLine))
	if _, err := f.ReadAt(text, low); err != nil {
		return line{}, err
	}
	for each := range bytes.Lines(text) {
		if l, ok := parseLine(each); ok && l.seq == seq {
			return l, nil
		}
	}
	return line{}, nil
}

// lineFrom is the first whole line that begins behind an offset, and where; nil where
// none begins before end.
func lineFrom(f io.ReaderAt, offset, end int64) (text []byte, start int64, err error) {
	room := make([]byte, 2*maxLine)
	n, err := f.ReadAt(room, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	room = room[:n]
	at := bytes.IndexByte(room, '\n') + 1
	if at == 0 || offset+int64(at) >= end {
		return nil, 0, nil
	}
	length := bytes.IndexByte(room[at:], '\n') + 1
	if length == 0 {
		return nil, 0, nil
	}
	return room[at : at+length], offset + int64(at), nil
}
