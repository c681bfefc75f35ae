package bitfinex

import "strings"

// kind is what a token is.
type kind uint8

const (
	kindNone kind = iota
	kindObject
	kindObjectEnd
	kindArray
	kindArrayEnd
	kindName // of an object's member; its value follows
	kindString
	kindNumber
	kindTrue
	kindFalse
	kindNull
)

// token is one step through a document.
type token struct {
	kind       kind
	escaped    bool // there is a backslash in it
	depth      int  // containers around it; an opening or closing one counts itself
	start, end int  // where it stands in the data; names and strings without their quotes
}

// expectation is what the grammar allows next.
type expectation uint8

const (
	wantDocument expectation = iota // an object or array
	wantValue
	wantValueOrEnd // just inside an array
	wantNameOrEnd  // just inside an object
	wantCommaOrEnd
	wantNothing
)

// frame is a container that is open.
type frame struct {
	object bool
	names  int // how many of scanner.names came before its own
}

// scanner walks a document token by token:
//
//	for s.next() {
//		… s.token, s.text()
//	}
//	… s.err
//
// It stops at the first byte that is not JSON (RFC 8259) in valid UTF-8, or where
// two readers could come to different ends: a name twice in one object however
// it is spelled, half a surrogate pair, U+0000. It holds all that it needs and
// allocates nothing but the error.
//
// The work is bounded: each byte is read at most twice, and the hash of each
// name compared with those before it in its own object, at most MaxNames.
type scanner struct {
	data   []byte
	params bool // for errors: data is v1 parameters, not a body

	token token // the latest
	err   error // why there is no more; nil at the document's end

	pos       int
	want      expectation
	values    int
	depth     int
	nameCount int
	frames    [MaxDepth]frame
	names     [MaxNames]uint64 // hashes of the open objects' names, outermost first
}

// text returns the bytes of the latest token.
func (s *scanner) text() []byte {
	return s.data[s.token.start:s.token.end]
}

// next goes to the next token. It returns false at the end of the document and
// at an error, and is not called again then.
func (s *scanner) next() bool {
	if s.want != wantDocument { // no space before the document: border.go needs its first byte
		s.skipSpace()
	}
	c := s.peek()
	switch s.want {
	case wantNothing:
		if s.pos < len(s.data) {
			s.fault("has more after its end")
		}
		return false
	case wantCommaOrEnd:
		if c != ',' {
			return s.close(c)
		}
		s.pos++
		s.skipSpace()
		if s.frames[s.depth-1].object {
			return s.name()
		}
		return s.value()
	case wantNameOrEnd:
		if c != '"' {
			return s.close(c)
		}
		return s.name()
	case wantValueOrEnd:
		if c == ']' {
			return s.close(c)
		}
	}
	return s.value()
}

// value goes to a scalar, or to the opening of a container.
func (s *scanner) value() bool {
	if s.values++; s.values > MaxValues {
		return s.fault("has too many values")
	}
	c := s.peek()
	s.token = token{depth: s.depth, start: s.pos}
	switch {
	case c == '{':
		return s.open(kindObject)
	case c == '[':
		return s.open(kindArray)
	case s.want == wantDocument:
		return s.fault("must start with { or [")
	case c == '"':
		s.token.kind = kindString
		return s.quoted() && s.valueDone()
	case c == '-' || c >= '0' && c <= '9':
		s.token.kind = kindNumber
		if !s.number() {
			return s.fault("has a number that is not JSON")
		}
	case !s.literal(kindTrue, "true") && !s.literal(kindFalse, "false") && !s.literal(kindNull, "null"):
		return s.fault("must have a value here")
	}
	s.token.end = s.pos
	return s.valueDone()
}

func (s *scanner) open(k kind) bool {
	if s.depth == MaxDepth {
		return s.fault("is nested too deeply")
	}
	s.frames[s.depth] = frame{object: k == kindObject, names: s.nameCount}
	s.depth++
	s.want = wantValueOrEnd
	if k == kindObject {
		s.want = wantNameOrEnd
	}
	s.pos++
	s.token = token{kind: k, depth: s.depth, start: s.pos - 1, end: s.pos}
	return true
}

// close ends the innermost container if c is its end.
func (s *scanner) close(c byte) bool {
	f := s.frames[s.depth-1]
	k, end := kindArrayEnd, byte(']')
	if f.object {
		k, end = kindObjectEnd, '}'
	}
	if c != end {
		return s.fault("must have a comma or the end of its array or object here")
	}
	s.pos++
	s.token = token{kind: k, depth: s.depth, start: s.pos - 1, end: s.pos}
	s.depth--
	s.nameCount = f.names
	return s.valueDone()
}

func (s *scanner) valueDone() bool {
	s.want = wantCommaOrEnd
	if s.depth == 0 {
		s.want = wantNothing
	}
	return true
}

// name goes to a member's name and passes the colon behind it.
func (s *scanner) name() bool {
	if s.peek() != '"' {
		return s.fault("must have a name in quotes here")
	}
	s.token = token{kind: kindName, depth: s.depth}
	if !s.quoted() {
		return false
	}
	hash := hashOf(s.text(), s.token.escaped)
	for _, seen := range s.names[s.frames[s.depth-1].names:s.nameCount] {
		if seen == hash {
			return s.faultAt(s.token.start, "has a name twice in one object")
		}
	}
	if s.nameCount == MaxNames {
		return s.faultAt(s.token.start, "has too many names")
	}
	s.names[s.nameCount] = hash
	s.nameCount++
	s.skipSpace()
	if s.peek() != ':' {
		return s.fault("must have a colon here")
	}
	s.pos++
	s.want = wantValue
	return true
}

// literal goes past word, if that is what stands here.
func (s *scanner) literal(k kind, word string) bool {
	if !strings.HasPrefix(string(s.data[s.pos:min(s.pos+len(word), len(s.data))]), word) {
		return false
	}
	s.token.kind = k
	s.pos += len(word)
	return true
}

// skipSpace passes over the four characters of RFC 8259's ws.
func (s *scanner) skipSpace() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the byte at hand, and at the end of the data a NUL, which is
// right nowhere.
func (s *scanner) peek() byte {
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// fault ends the walk with an error. It returns false for next to return.
func (s *scanner) fault(reason string) bool {
	return s.faultAt(s.pos, reason)
}

func (s *scanner) faultAt(offset int, reason string) bool {
	field := "body"
	if s.params {
		field = "params"
	}
	s.err = &SyntaxError{Field: field, Offset: offset, Reason: reason}
	return false
}
