package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// TagSize is the length of a tag in bytes.
const TagSize = 16

// Hash is the hash of a record, its tag, and all records before it.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Ratchet makes tags, each with a key of its own.
type Ratchet struct {
	// Tag writes the tag of a hash and steps to the next key.
	Tag func(tag *[TagSize]byte, hash *Hash)
	// Settle keeps the steps since it was called last and wipes the keys before them,
	// or undoes them.
	Settle func(keep bool)
	// Free wipes the key. The ratchet is not used again.
	Free func()
}

// The parts that every line has, at places that need no parser:
//
//	{"seq":17,"time":"2026-11-25T08:00:00.123456Z","op":…,"hash":"64 hex digits","tag":"32"}
const (
	lineStart = `{"seq":`
	timeStart = `,"time":"`
	hashStart = `,"hash":"`
	tagStart  = `","tag":"`
	lineEnd   = "\"}\n"

	hashEnd = len(hashStart) + 2*sha256.Size + len(lineEnd) // of a line without a tag
	tagEnd  = len(tagStart) + 2*TagSize
)

// appendStart appends what comes before the fields of a record.
func appendStart(b []byte, seq uint64, at time.Time) []byte {
	b = strconv.AppendUint(append(b, lineStart...), seq, 10)
	b = appendTime(append(b, timeStart...), at)
	return append(b, '"', ',')
}

// appendEnd appends what comes after them. The line began at start; head is the hash
// of the line before, and becomes that of this one.
func appendEnd(b []byte, start int, head *Hash, sum *chainSum, ratchet *Ratchet) []byte {
	*head = sum.content(head, b[start:])
	if ratchet == nil {
		return append(appendHex(append(b, hashStart...), head[:]), lineEnd...)
	}
	ratchet.Tag(&sum.tag, head)
	*head = sealHash(head, &sum.tag)
	b = appendHex(append(b, hashStart...), head[:])
	b = appendHex(append(b, tagStart...), sum.tag[:])
	return append(b, lineEnd...)
}

// chainSum is room to hash in.
type chainSum struct {
	room []byte
	tag  [TagSize]byte
}

// content is SHA-256 of the hash before and the content of a line: its hash where it
// has no tag, and what the tag is made of.
func (s *chainSum) content(before *Hash, content []byte) Hash {
	s.room = append(append(s.room[:0], before[:]...), content...)
	return sha256.Sum256(s.room)
}

// line is the hash that a line must have, and what its tag must be made of.
func (s *chainSum) line(before *Hash, l *line) (hash, tagged Hash) {
	tagged = s.content(before, l.content)
	if !l.tagged {
		return tagged, tagged
	}
	return sealHash(&tagged, &l.tag), tagged
}

// sealHash is the hash of a line with a tag: no byte of the line is left out.
func sealHash(content *Hash, tag *[TagSize]byte) Hash {
	var both [len(Hash{}) + TagSize]byte
	copy(both[:], content[:])
	copy(both[len(content):], tag[:])
	return sha256.Sum256(both[:])
}

// line is one line, taken apart as far as its chain goes.
type line struct {
	seq     uint64
	content []byte // what the hash covers, besides the hash before and the tag
	hash    Hash
	tag     [TagSize]byte
	tagged  bool
}

// parseLine takes a line apart, its end included. Nothing is allocated.
func parseLine(text []byte) (l line, ok bool) {
	if !bytes.HasPrefix(text, []byte(lineStart)) || !bytes.HasSuffix(text, []byte(lineEnd)) {
		return line{}, false
	}
	l.content = text
	if at := len(text) - len(lineEnd) - tagEnd; at > 0 && bytes.HasPrefix(text[at:], []byte(tagStart)) {
		if !unhex(l.tag[:], text[at+len(tagStart):]) {
			return line{}, false
		}
		l.tagged = true
		l.content = text[:at+len(lineEnd)] // as long as if it had no tag
	}
	at := len(l.content) - hashEnd
	if at < len(lineStart) || !bytes.HasPrefix(text[at:], []byte(hashStart)) || !unhex(l.hash[:], text[at+len(hashStart):]) {
		return line{}, false
	}
	l.content = text[:at]
	l.seq, ok = parseSeq(l.content)
	return l, ok
}

// parseSeq reads the sequence that a line begins with.
func parseSeq(content []byte) (seq uint64, ok bool) {
	rest := content[len(lineStart):]
	n := bytes.IndexByte(rest, ',')
	if n < 1 || n > 19 || rest[0] == '0' {
		return 0, false
	}
	for _, c := range rest[:n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		seq = seq*10 + uint64(c-'0')
	}
	return seq, bytes.HasPrefix(rest[n:], []byte(timeStart))
}

// timeOf is the time in the text of a line; as texts, times of one form compare.
func timeOf(content []byte) []byte {
	at := bytes.Index(content, []byte(timeStart))
	if at < 0 || len(content) < at+len(timeStart)+len(timeForm) {
		return nil
	}
	return content[at+len(timeStart):][:len(timeForm)]
}

// unhex decodes 2*len(dst) lower-case digits.
func unhex(dst, text []byte) bool {
	wrong := byte(0)
	for i := range dst {
		high, low := digits[text[2*i]], digits[text[2*i+1]]
		wrong |= high | low
		dst[i] = high<<4 | low
	}
	return wrong <= 15
}

// digits is what a digit stands for, and 255 for what is none: a table, since a branch
// on each digit of a hash is never foreseen.
var digits = [256]byte{
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, 10, 11, 12, 13, 14, 15, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
}

const xx = 255

// revisionOf is the revision of the vault file that a line names; 0 where it names none.
func revisionOf(content []byte) (revision uint64) {
	const start = `,"rev":`
	at := bytes.Index(content, []byte(start))
	if at < 0 {
		return 0
	}
	for _, c := range content[at+len(start):] {
		if c < '0' || c > '9' {
			break
		}
		revision = revision*10 + uint64(c-'0')
	}
	return revision
}
