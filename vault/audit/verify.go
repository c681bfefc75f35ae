package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Verify reads a folder and proves what it can. It returns an error only where the
// folder cannot be read; what is wrong with the log is in the report. It takes memory
// for a line or two, however long the log is.
func Verify(dir string, o VerifyOptions) (Report, error) {
	names, err := Segments(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Report{}, err
	}
	v := &verifier{VerifyOptions: o, known: make(map[uint64][]Hash), in: bufio.NewReaderSize(nil, 1<<20)}
	for _, p := range o.Known {
		if p.Seq > 0 {
			v.known[p.Seq] = append(v.known[p.Seq], p.Head)
			v.most = max(v.most, p.Seq)
		}
	}
	defer v.enter(header{}) // frees the ratchet
	for i, name := range names {
		if err := v.segment(filepath.Join(dir, name), i == len(names)-1); err != nil {
			return v.report, err
		}
	}
	v.end()
	return v.report, nil
}

// verifier goes through the segments.
type verifier struct {
	VerifyOptions
	known  map[uint64][]Hash
	most   uint64 // the newest sequence of known
	report Report
	in     *bufio.Reader
	sum    chainSum
	tagged Hash // what the tag of a line is made of

	at       Position // of the last record that is right
	first    uint64   // of the first segment; 0 before
	named    bool     // a record of retention says that those before were removed
	next     string   // what the last record sealed for the next segment
	ended    bool     // that record was the last
	skip     bool     // a bad record was found: the rest of the segment means nothing
	dead     bool     // and nor do later segments, up to one that begins after a gap
	broken   uint64   // the first record that is not right, checkpoints left aside
	lost     uint64   // the first record of which a checkpoint knows another
	ratchet  *Ratchet // nil where none runs, or no passphrase was given
	running  bool     // a ratchet runs, as far as the records say
	anchored bool     // an unlock has begun it, or named the segment that did
	plain    uint64   // the first record since the last that a passphrase has proven

	gap  *Gap     // one that nobody has accepted yet
	base Position // of the last record before it
}

// segment verifies one file.
func (v *verifier) segment(path string, last bool) error {
	v.skip = false
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) {
		v.bad(v.at.Seq+1, "segment %s is a symbolic link", filepath.Base(path))
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		v.bad(v.at.Seq+1, "segment %s is not a regular file", filepath.Base(path))
		return err
	}
	v.in.Reset(f)
	for start := true; !v.skip; start = false {
		text, err := v.in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && (last || len(text) == 0):
			v.report.Torn = v.report.Torn || last && (start || len(text) > 0) // it may be written just now
			return nil
		case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		l, ok := parseLine(text)
		if !ok {
			v.bad(v.at.Seq+1, "it is no record")
			return nil
		}
		if start {
			v.header(filepath.Base(path), &l)
		}
		if !v.skip {
			v.line(&l)
		}
	}
	return nil
}

// bad notes the first thing that is wrong. What follows is verified again from the
// next segment that says that it begins after a gap.
func (v *verifier) bad(seq uint64, format string, args ...any) {
	v.skip, v.dead = true, true
	if v.broken == 0 {
		v.broken = seq
	}
	if v.gap != nil {
		v.noteGap()
	}
	v.note(seq, format, args...)
}

func (v *verifier) note(seq uint64, format string, args ...any) {
	if v.report.FirstBad == nil {
		v.report.FirstBad, v.report.Problem = &seq, fmt.Sprintf(format, args...)
	}
}

// header verifies that a segment may begin here.
func (v *verifier) header(name string, l *line) {
	h, ok := parseHeader(l.content)
	first, _ := firstOf(name)
	switch {
	case !ok || first != l.seq:
		v.bad(v.at.Seq+1, "segment %s does not begin as segments do", name)
		return
	case h.gap:
		v.beginGap(l.seq, h)
		return
	case v.dead:
		v.skip = true // nothing here continues what is good
		return
	case v.first == 0:
		v.begin(l.seq, h.before)
		v.anchored = false
	case l.seq != v.at.Seq+1 || h.before != v.at.Head:
		v.bad(v.at.Seq+1, "it is missing: segment %s does not continue the one before", name)
		return
	case !v.ended || h.sealed != v.next:
		v.bad(l.seq, "the segment before does not name this one")
		return
	}
	v.enter(h)
}

// begin begins with the first segment that there is.
func (v *verifier) begin(seq uint64, before Hash) {
	v.first, v.report.First = seq, seq
	v.at = Position{seq - 1, before}
	v.checkKnown()
}

// enter takes the ratchet of a segment.
func (v *verifier) enter(h header) {
	v.running = h.sealed != ""
	v.use(nil)
	if v.Keys == nil || h.sealed == "" {
		return
	}
	r, err := v.Keys.Sealed(h.sealed)
	if err != nil {
		v.bad(v.at.Seq+1, "its segment's key does not open: %v", err)
		return
	}
	v.use(r)
}

// use goes on with a ratchet.
func (v *verifier) use(r *Ratchet) {
	if v.ratchet != nil {
		v.ratchet.Free()
	}
	v.ratchet = r
}

// line verifies one record.
func (v *verifier) line(l *line) {
	before := v.at
	if l.seq != v.at.Seq+1 {
		v.bad(v.at.Seq+1, "it is missing: record %d follows record %d", l.seq, v.at.Seq)
		return
	}
	var hash Hash
	hash, v.tagged = v.sum.line(&v.at.Head, l)
	if hash != l.hash {
		v.bad(l.seq, "it was changed: its hash is not that of its content and the records before")
		return
	}
	if !v.tag(l) {
		return
	}
	v.at = Position{l.seq, l.hash}
	v.checkKnown()
	v.report.Records++
	v.report.Last = l.seq
	v.special(l, before)
}

// checkKnown compares a record with what checkpoints know of it. What follows is
// verified all the same: an operator may have accepted an older log. What a passphrase
// has proven is right, so that the change is behind that.
func (v *verifier) checkKnown() {
	for _, want := range v.known[v.at.Seq] {
		if want == v.at.Head || v.lost != 0 {
			continue
		}
		v.lost = v.at.Seq
		if v.Keys != nil && v.plain > 0 {
			v.lost = v.plain
		}
		v.note(v.lost, "it, or one up to record %d, was changed: a checkpoint knows another record %d", v.at.Seq, v.at.Seq)
	}
}

// tag verifies the tag of a record.
func (v *verifier) tag(l *line) bool {
	if !l.tagged && bytes.Equal(opOf(l.content), []byte(opStart)) {
		v.running, v.anchored = false, false // a daemon starts without one
		v.use(nil)
	}
	if l.tagged != v.running {
		v.bad(l.seq, "it has a tag where none is made, or none where one is")
		return false
	}
	if v.ratchet != nil {
		v.ratchet.Tag(&v.sum.tag, &v.tagged)
		if v.sum.tag != l.tag { // not secret: both are of the log, or it is refused
			v.bad(l.seq, "its tag is wrong: it was written by somebody without the key of that moment")
			return false
		}
		v.ratchet.Settle(true)
		if v.anchored {
			v.report.Proven++
			v.plain = 0
			return true
		}
	}
	if v.plain == 0 {
		v.plain = l.seq
	}
	if !l.tagged || v.ratchet != nil {
		v.report.Unproven++
	}
	return true
}

// special reads the few records that say something about the log itself.
func (v *verifier) special(l *line, before Position) {
	v.ended = false
	op := opOf(l.content)
	switch {
	case bytes.Equal(op, []byte(opNext)), bytes.Equal(op, []byte(opRetention)):
	case bytes.Contains(l.content, []byte(`,"ratchet":"`)):
	default:
		return
	}
	e, err := parseEntry(l.content)
	if err != nil {
		v.bad(l.seq, "it is no record")
		return
	}
	switch {
	case e.Op == opNext:
		v.next, v.ended = e.Sealed, true
	case e.Op == opRetention:
		// More may stand than it says: a crash came between. Only a daemon that was unlocked
		// removes anything, and it keeps what proves this record.
		if e.Of >= v.first && (v.Keys == nil || l.tagged && v.anchored) {
			v.named = true
		}
	case e.Ratchet != "":
		v.unlock(e, before)
	}
}

// unlock takes the ratchet that a record begins.
func (v *verifier) unlock(e Entry, before Position) {
	v.running = true
	v.use(nil)
	if v.Keys != nil {
		r, err := v.Keys.Begun(e.Ratchet, e.Seq, before.Head, e.Accepted)
		if err != nil && v.plain > 0 {
			v.bad(v.plain, "it, or one up to record %d, was changed or made up: no passphrase has bound them: %v", e.Seq, err)
			return
		}
		if err != nil {
			v.bad(e.Seq, "no passphrase has begun its ratchet: %v", err)
			return
		}
		v.use(r)
		v.anchored, v.plain = true, 0
	}
	if v.gap != nil {
		v.judgeGap(e)
	}
}

// end verifies that nothing is missing before the first record and behind the last.
func (v *verifier) end() {
	v.report.Head = v.at.Head.String()
	switch {
	case v.gap != nil:
		v.noteGap()
	case v.most > v.at.Seq:
		v.note(v.at.Seq+1, "it is missing: a checkpoint knows %d records", v.most)
	case v.first > 1 && !v.named:
		v.note(1, "it is missing: the log begins with record %d, and no record says that those before were removed", v.first)
	}
}

// opOf is the operation of a record, which follows its time.
func opOf(content []byte) []byte {
	const start = `","op":"`
	at := bytes.Index(content, []byte(timeStart))
	if at < 0 || len(content) < at+len(timeStart)+len(timeForm)+len(start) {
		return nil
	}
	rest := content[at+len(timeStart)+len(timeForm):]
	if !bytes.HasPrefix(rest, []byte(start)) {
		return nil
	}
	rest = rest[len(start):]
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
}
