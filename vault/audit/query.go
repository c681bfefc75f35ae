package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Reader finds records in the folder of a log, whether or not a daemon writes to it.
// It proves nothing: that is for [Verify]. It is not safe for concurrent use.
type Reader struct {
	dir     string
	root    *os.Root
	room    []byte
	garbled uint64
}

// chunk is how much of a segment is looked at together: more than any line.
const chunk = 1 << 20

// OpenReader opens a folder for reading, which is not made where it is missing. Errors:
// *[fs.PathError].
func OpenReader(dir string) (*Reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Reader{dir: dir, root: root, room: make([]byte, chunk)}, nil
}

// Close gives the folder back.
func (r *Reader) Close() error { return r.root.Close() }

// Garbled is how many lines were passed over that looked as if they were wanted and are
// no records.
func (r *Reader) Garbled() uint64 { return r.garbled }

// Place is where a reader stands: in a segment, behind a line.
type Place struct {
	Segment string
	Offset  int64
}

// Records goes through the wanted records, in their order in the log. A line is valid
// until the next; [ParseEntry] reads it. Where the segments of a time are is told by
// their first and last lines, and where in a segment, by halving it.
func (r *Reader) Records(f Filter) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		names, err := Segments(r.dir)
		if err != nil {
			yield(nil, err)
			return
		}
		w := f.compile()
		for _, name := range names {
			more, err := r.records(name, w, func(text []byte) bool { return yield(text, nil) })
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

func (r *Reader) records(name string, w *wanted, yield func([]byte) bool) (more bool, err error) {
	p, err := r.part(name, w)
	if p == nil || err != nil {
		return true, err
	}
	defer p.f.Close()
	_, more, err = r.scan(p.f, p.low, p.high, w, yield)
	return more, err
}

// Newest returns the newest wanted records, the oldest of them first, and where the log
// ends, for [Reader.Follow] to go on from.
func (r *Reader) Newest(f Filter, most int) (found [][]byte, end Place, err error) {
	names, err := Segments(r.dir)
	if err != nil {
		return nil, end, err
	}
	w := f.compile()
	for _, name := range slices.Backward(names) {
		if end.Segment == "" {
			if end, err = r.end(name); err != nil {
				return nil, end, err
			}
		}
		if len(found) >= most {
			break
		}
		older, err := r.newest(name, w, most-len(found), end)
		if err != nil {
			return nil, end, err
		}
		found = append(older, found...)
	}
	return found, end, nil
}

// end is where the last whole line of a segment ends; nowhere, where it was removed or
// has none.
func (r *Reader) end(name string) (Place, error) {
	p, err := r.part(name, &wanted{})
	if p == nil || err != nil {
		return Place{}, err
	}
	defer p.f.Close()
	for high := p.high; high > 0; {
		low := max(0, high-chunk)
		text, err := r.read(p.f, low, high)
		if err != nil {
			return Place{}, err
		}
		if at := bytes.LastIndexByte(text, '\n'); at >= 0 {
			return Place{name, low + int64(at) + 1}, nil
		}
		high = low
	}
	return Place{}, nil
}

// newest goes through a segment from its end, a chunk at a time, and not past a place.
func (r *Reader) newest(name string, w *wanted, most int, end Place) (found [][]byte, err error) {
	p, err := r.part(name, w)
	if p == nil || err != nil {
		return nil, err
	}
	defer p.f.Close()
	high := p.high
	if name == end.Segment {
		high = min(high, end.Offset)
	}
	for high > p.low && len(found) < most {
		low, err := r.lineFrom(p.f, p.low, high)
		if err != nil {
			return nil, err
		}
		var some [][]byte
		if _, _, err := r.scan(p.f, low, high, w, func(text []byte) bool {
			some = append(some, bytes.Clone(text))
			return true
		}); err != nil {
			return nil, err
		}
		found = append(some[max(0, len(some)+len(found)-most):], found...)
		high = low
	}
	return found, nil
}

// lineFrom is where the first line of the last chunk before high begins; a chunk without
// one is passed over.
func (r *Reader) lineFrom(f io.ReaderAt, low, high int64) (int64, error) {
	from := high - chunk/4
	if from <= low {
		return low, nil
	}
	text, err := r.read(f, from-1, high)
	if at := bytes.IndexByte(text, '\n') + 1; err == nil && 0 < at && at < len(text) {
		return from - 1 + int64(at), nil
	}
	return from, err
}

// read reads a part of a segment that is no longer than a chunk, as far as it is there.
// It is valid until more is read.
func (r *Reader) read(f io.ReaderAt, low, high int64) ([]byte, error) {
	n, err := f.ReadAt(r.room[:high-low], low)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return r.room[:n], err
}

// scan yields the wanted lines of a part of a segment, which begins with a line. It
// returns where the last whole line ends.
func (r *Reader) scan(f io.ReaderAt, low, high int64, w *wanted, yield func([]byte) bool) (end int64, more bool, err error) {
	first := w.first()
	held, skip := 0, false // bytes of a line whose end was not read yet; such a one is too long
	for at := low; at < high; {
		n, err := f.ReadAt(r.room[held:min(int64(len(r.room)), int64(held)+high-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return low, false, err
		}
		if n == 0 {
			break // it was cut off meanwhile
		}
		at += int64(n)
		text := r.room[:held+n]
		whole := bytes.LastIndexByte(text, '\n') + 1
		if whole == 0 && len(text) == len(r.room) {
			held, skip = 0, true
			continue
		}
		lines := text[:whole]
		if skip && whole > 0 {
			lines, skip = lines[bytes.IndexByte(lines, '\n')+1:], false
			r.garbled++
		}
		if !r.find(lines, first, w, yield) {
			return low, false, nil
		}
		held = copy(r.room, text[whole:])
		low = at - int64(held)
	}
	return low, true, nil
}

// find yields the wanted lines of a chunk.
func (r *Reader) find(lines, first []byte, w *wanted, yield func([]byte) bool) bool {
	for len(lines) > 0 {
		at := bytes.Index(lines, first)
		if at < 0 {
			return true
		}
		start := bytes.LastIndexByte(lines[:at], '\n') + 1
		end := at + bytes.IndexByte(lines[at:], '\n') + 1
		text := lines[start:end]
		lines = lines[end:]
		if !w.has(text) {
			continue
		}
		if !isRecord(text) {
			r.garbled++
			continue
		}
		if !yield(text) {
			return false
		}
	}
	return true
}

// isRecord says whether a line has the form of one: printable ASCII, so that it does a
// terminal no harm, and JSON.
func isRecord(text []byte) bool {
	if _, ok := parseLine(text); !ok || !json.Valid(text) {
		return false
	}
	for _, c := range text[:len(text)-1] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// part is a part of a segment: whole lines, and behind them perhaps what is no line yet.
type part struct {
	f         *os.File
	low, high int64
}

// part opens a segment and finds what has the wanted times. It is nil where there is
// nothing, or where the segment was removed meanwhile.
func (r *Reader) part(name string, w *wanted) (*part, error) {
	if w.until != nil && strings.Compare(dayOf(name), string(w.until)) >= 0 {
		return nil, nil // its first record is of that day, and none goes back
	}
	f, size, err := r.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &part{f, 0, size}
	if w.since != nil {
		p.low, err = r.firstSince(f, size, w.since, 0)
	}
	if err == nil && w.until != nil {
		p.high, err = r.firstSince(f, size, w.until, size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if p.low >= p.high {
		return nil, f.Close()
	}
	return p, nil
}

// open opens a segment for reading. What is no regular file is refused, and does not
// hang (A48); no link leads out of the folder.
func (r *Reader) open(name string) (*os.File, int64, error) {
	path := filepath.Join(r.dir, name)
	f, err := r.root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		if info, lstatErr := r.root.Lstat(name); lstatErr == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = &UnsafeError{path, "it is a symbolic link"}
		}
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &UnsafeError{path, "it is not a regular file"}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// firstSince is where the first line of a time or later begins, by halving: within a
// segment times do not go back. Where none is, it is the end; where the lines do not
// tell, it is unknown.
func (r *Reader) firstSince(f io.ReaderAt, size int64, since []byte, unknown int64) (int64, error) {
	low, high, found := int64(0), size, size // one that begins in between is found, or found is
	for high-low > maxLine {
		middle := low + (high-low)/2
		text, err := r.read(f, middle, min(middle+2*maxLine, size))
		if err != nil {
			return 0, err
		}
		start := bytes.IndexByte(text, '\n') + 1
		length := bytes.IndexByte(text[start:], '\n') + 1
		at := timeOf(text[start : start+length])
		switch begins := middle + int64(start); {
		case begins >= high, length == 0 && size-middle <= 2*maxLine: // no line that ends
			high = middle + 1
		case start == 0 || at == nil:
			return unknown, nil
		case bytes.Compare(at, since) >= 0:
			high, found = middle+1, begins
		default:
			low = begins + int64(length)
		}
	}
	text, err := r.read(f, low, min(found, low+chunk))
	for each := range bytes.Lines(text) {
		if at := timeOf(each); at != nil && bytes.Compare(at, since) >= 0 {
			return low, err
		}
		low += int64(len(each))
	}
	return found, err
}
