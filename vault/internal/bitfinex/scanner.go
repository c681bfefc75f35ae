package bitfinex

import "bytes"

// kind is what a token is.
type kind uint8

const (
	kindEnd kind = iota // the document is over and was well-formed
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
	kind    kind
	depth   int    // containers around it; an opening or closing one counts itself
	text    []byte // the bytes it came as; names and strings without their quotes
	escaped bool   // text holds a backslash
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

// scanner walks a document token by token and refuses it at the first byte that
// is not JSON (RFC 8259) in valid UTF-8, or where two readers could come to
// different ends: a name twice in one object however it is spelled, half a
// surrogate pair, U+0000. It holds all that it needs and allocates nothing.
//
// The work is bounded: each name is compared with those before it in its own
// object, so MaxBody × MaxNames byte steps at the very most.
type scanner struct {
	data      []byte
	params    bool // for errors: data is v1 parameters, not a body
	pos       int
	want      expectation
	values    int
	depth     int
	nameCount int
	frames    [MaxDepth]frame
	names     [MaxNames]span
}

// span is where a name stands in the document.
type span struct {
	start, end int32
	escaped    bool
}

// next returns the next token. After kindEnd or an error it is not called again.
func (s *scanner) next() (token, error) {
	if s.want != wantDocument { // no space before the document: border.go needs its first byte
		s.skipSpace()
	}
	if s.want == wantNothing {
		if s.pos < len(s.data) {
			return s.refuse("has more after its end")
		}
		return token{kind: kindEnd}, nil
	}
	if s.pos == len(s.data) {
		return s.refuse("ends too early")
	}
	c := s.data[s.pos]
	switch s.want {
	case wantCommaOrEnd:
		if c == ',' {
			s.pos++
			return s.afterComma()
		}
		return s.close(c)
	case wantNameOrEnd:
		if c == '"' {
			return s.name()
		}
		return s.close(c)
	case wantValueOrEnd:
		if c == ']' {
			return s.close(c)
		}
	}
	return s.value(c)
}

func (s *scanner) afterComma() (token, error) {
	s.skipSpace()
	if s.pos == len(s.data) {
		return s.refuse("ends too early")
	}
	if !s.frames[s.depth-1].object {
		return s.value(s.data[s.pos])
	}
	if s.data[s.pos] != '"' {
		return s.refuse("must have a name in quotes here")
	}
	return s.name()
}

// close ends the innermost container if c is its end.
func (s *scanner) close(c byte) (token, error) {
	f := s.frames[s.depth-1]
	t := token{kind: kindArrayEnd, depth: s.depth}
	if f.object {
		t.kind = kindObjectEnd
	}
	if f.object && c != '}' || !f.object && c != ']' {
		return s.refuse("must have a comma or the end of its array or object here")
	}
	t.text = s.data[s.pos : s.pos+1]
	s.pos++
	s.depth--
	s.nameCount = f.names
	s.valueDone()
	return t, nil
}

func (s *scanner) open(k kind) (token, error) {
	if s.depth == MaxDepth {
		return s.refuse("is nested too deeply")
	}
	s.frames[s.depth] = frame{object: k == kindObject, names: s.nameCount}
	s.depth++
	s.want = wantValueOrEnd
	if k == kindObject {
		s.want = wantNameOrEnd
	}
	s.pos++
	return token{kind: k, depth: s.depth, text: s.data[s.pos-1 : s.pos]}, nil
}

// value reads a scalar, or the opening of a container, that starts with c.
func (s *scanner) value(c byte) (token, error) {
	if s.values++; s.values > MaxValues {
		return s.refuse("has too many values")
	}
	switch {
	case c == '{':
		return s.open(kindObject)
	case c == '[':
		return s.open(kindArray)
	case s.want == wantDocument:
		return s.refuse("must start with { or [")
	}
	t := token{depth: s.depth}
	start := s.pos
	var err error
	switch {
	case c == '"':
		t.kind = kindString
		t.text, t.escaped, err = s.quoted()
	case c == '-' || c >= '0' && c <= '9':
		t.kind = kindNumber
		err = s.number()
		t.text = s.data[start:s.pos]
	default:
		t.kind, err = s.literal(c)
		t.text = s.data[start:s.pos]
	}
	if err != nil {
		return token{}, err
	}
	s.valueDone()
	return t, nil
}

func (s *scanner) valueDone() {
	s.want = wantCommaOrEnd
	if s.depth == 0 {
		s.want = wantNothing
	}
}

// name reads a member's name and the colon behind it.
func (s *scanner) name() (token, error) {
	at := s.pos
	text, escaped, err := s.quoted()
	if err != nil {
		return token{}, err
	}
	first := s.frames[s.depth-1].names
	for _, seen := range s.names[first:s.nameCount] {
		if sameText(s.data[seen.start:seen.end], seen.escaped, text, escaped) {
			s.pos = at
			return s.refuse("has a name twice in one object")
		}
	}
	if s.nameCount == MaxNames {
		s.pos = at
		return s.refuse("has too many names")
	}
	s.names[s.nameCount] = span{start: int32(at + 1), end: int32(at + 1 + len(text)), escaped: escaped}
	s.nameCount++
	s.skipSpace()
	if s.pos == len(s.data) || s.data[s.pos] != ':' {
		return s.refuse("must have a colon here")
	}
	s.pos++
	s.want = wantValue
	return token{kind: kindName, depth: s.depth, text: text, escaped: escaped}, nil
}

// literal reads true, false or null.
func (s *scanner) literal(c byte) (kind, error) {
	word, k := "true", kindTrue
	switch c {
	case 'f':
		word, k = "false", kindFalse
	case 'n':
		word, k = "null", kindNull
	}
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return kindEnd, s.fault("must have a value here")
	}
	s.pos += len(word)
	return k, nil
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

// refuse is fault in the shape that next returns.
func (s *scanner) refuse(reason string) (token, error) {
	return token{}, s.fault(reason)
}

func (s *scanner) fault(reason string) error {
	field := "body"
	if s.params {
		field = "params"
	}
	return &SyntaxError{Field: field, Offset: s.pos, Reason: reason}
}
