// Package memscan looks for secrets where none may be: in the memory of another
// process, in the files of a folder, in captured output. Tests and campaigns
// use it to prove that what left a place has really left it (P1, P5).
//
// Start with [Forms], which lists the forms in which a secret could lie around,
// then [New] with the needles of all secrets, then [Scanner.Process],
// [Scanner.Tree], [Scanner.Reader] or [Scanner.Bytes]. Pieces count as well: 16
// bytes of a secret, in any of its forms, are a hit.
//
// Traps: the scanning process holds the needles, so it cannot scan itself, nor
// a process that got them by argument, environment or inheritance. Reading
// another process takes root, or its uid while it is still dumpable. A page
// that cannot be read, such as one of memfd_secret(2), is not known to be
// clean: it is reported as unreadable. Secrets of little variety ("0000…") and
// those that occur in word lists are found in innocent places.
//
// The promise: a scan that could read nothing is an error and never a clean
// result, and no hit, error or String of this package shows a byte of a needle.
package memscan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

const (
	wordLen = 4 // bytes that the index looks at
	minLen  = 8 // a shorter needle is everywhere
	maxStep = 8 // positions between two looks
	chunk   = 1 << 20
	variety = 4 // different bytes that a piece must have to be evidence
)

// Needle is one byte string to look for.
type Needle struct {
	Name  string // which secret: "api secret of mm-1"
	Form  string // in which form: "raw", "hex", …
	Value []byte
	// Piece is the length of the shortest piece of Value that is a hit, at least
	// 8. Zero means that only the whole counts.
	Piece int
}

// Hit is a place where a needle, or a piece of one, was found.
type Hit struct {
	Name, Form string
	From, To   int    // which bytes of the form lay there
	Whole      bool   // all of them
	Addr       uint64 // address in the process, offset in the file or stream
	Region     string // permissions and path of the mapping, or the file's path
	Guarded    bool   // the page was locked (mlock, memfd_secret)
}

// String says what was found where, without a byte of it.
func (h Hit) String() string {
	return fmt.Sprintf("%s as %s[%d:%d] at %#x in %q (locked: %t)", h.Name, h.Form, h.From, h.To, h.Addr, h.Region, h.Guarded)
}

// Scanner looks for a fixed set of needles. It may be used from several
// goroutines at once.
type Scanner struct {
	needles []Needle
	longest int
	step    int
	index   map[uint32][]spot
	filter  []uint64 // one bit per hash of a word that is in the index
	shift   uint
}

// spot is a place inside a needle.
type spot struct{ needle, offset int }

// New makes a scanner. It fails on no needles at all, and on one that is so
// short (under 8 bytes, whole or piece) that finding it would mean nothing.
func New(needles []Needle) (*Scanner, error) {
	if len(needles) == 0 {
		return nil, errors.New("memscan: no needles")
	}
	s := &Scanner{step: maxStep, index: make(map[uint32][]spot)}
	for _, n := range needles {
		if n.Piece == 0 || n.Piece > len(n.Value) {
			n.Piece = len(n.Value)
		}
		if n.Piece < minLen {
			return nil, fmt.Errorf("memscan: %s as %s: fewer than %d bytes", n.Name, n.Form, minLen)
		}
		// Every run of Piece bytes must hold a word that begins at a step.
		s.step = min(s.step, n.Piece-wordLen+1)
		s.longest = max(s.longest, len(n.Value))
		for o := 0; o+wordLen <= len(n.Value); o++ {
			w := binary.LittleEndian.Uint32(n.Value[o:])
			s.index[w] = append(s.index[w], spot{len(s.needles), o})
		}
		s.needles = append(s.needles, n)
	}
	s.buildFilter()
	return s, nil
}

// buildFilter makes the bitmap that turns almost every word away before the
// index is asked: about one bit in 32 is set.
func (s *Scanner) buildFilter() {
	width := min(max(bits.Len(uint(len(s.index)))+5, 16), 24)
	s.shift = uint(32 - width)
	s.filter = make([]uint64, 1<<(width-6))
	for w := range s.index {
		h := s.hash(w)
		s.filter[h>>6] |= 1 << (h & 63)
	}
}

// hash is Fibonacci hashing: neighbours in value land far apart.
func (s *Scanner) hash(w uint32) uint32 { return w * 0x9E3779B1 >> s.shift }

// Bytes returns the hits in b; their Addr is the offset in b.
func (s *Scanner) Bytes(b []byte) []Hit {
	return s.find(b, 0, len(b), 0, nil)
}

// Reader reads r to its end and returns the hits; their Addr is the offset in
// the stream. It fails where r does.
func (s *Scanner) Reader(r io.Reader) ([]Hit, error) {
	return s.scan(r, 0, s.buffer())
}

// buffer is what scan works in: a chunk, and twice the longest needle, so that
// a run at the border is seen whole.
func (s *Scanner) buffer() []byte { return make([]byte, chunk+2*s.longest) }

// scan finds the hits in what r gives; base is the address of its first byte.
// Each round owns the runs that begin between ctx after the start of the buffer
// and ctx before its end, so that none is cut and none is seen twice.
func (s *Scanner) scan(r io.Reader, base uint64, buf []byte) ([]Hit, error) {
	ctx := s.longest
	var hits []Hit
	kept, from := 0, 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		data := buf[:kept+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return s.find(data, from, len(data), base, hits), nil
		}
		if err != nil {
			return hits, err
		}
		hits = s.find(data, from, len(data)-ctx, base, hits)
		kept, from = 2*ctx, ctx
		copy(buf, data[len(data)-kept:])
		base += uint64(len(data) - kept)
	}
}

// find appends the hits that begin in b[from:to]. b[0] is at address base.
func (s *Scanner) find(b []byte, from, to int, base uint64, hits []Hit) []Hit {
	var seen map[spot]bool // needle and start of the runs already found
	for i := from; i+wordLen <= len(b); i += s.step {
		w := binary.LittleEndian.Uint32(b[i:])
		h := s.hash(w)
		if s.filter[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, at := range s.index[w] {
			n := s.needles[at.needle]
			lo, hi := run(b, n.Value, i, at.offset)
			start := i - at.offset + lo
			whole := hi-lo == len(n.Value)
			switch {
			case hi-lo < n.Piece, start < from, start >= to, seen[spot{at.needle, start}]:
				continue
			case !whole && !varied(n.Value[lo:hi]):
				continue
			}
			if seen == nil {
				seen = make(map[spot]bool)
			}
			seen[spot{at.needle, start}] = true
			hits = append(hits, Hit{
				Name: n.Name, Form: n.Form, From: lo, To: hi, Whole: whole, Addr: base + uint64(start),
			})
		}
	}
	return hits
}

// run returns the bounds in v of the longest stretch that b and v have in
// common, given that b[i] lies on v[o].
func run(b, v []byte, i, o int) (lo, hi int) {
	lo, hi = o, o
	for lo > 0 && i-o+lo > 0 && b[i-o+lo-1] == v[lo-1] {
		lo--
	}
	for hi < len(v) && i-o+hi < len(b) && b[i-o+hi] == v[hi] {
		hi++
	}
	return lo, hi
}

// varied reports whether a piece has enough different bytes to be evidence.
func varied(b []byte) bool {
	var set [4]uint64
	n := 0
	for _, c := range b {
		if set[c>>6]&(1<<(c&63)) == 0 {
			set[c>>6] |= 1 << (c & 63)
			n++
		}
	}
	return n >= variety
}
