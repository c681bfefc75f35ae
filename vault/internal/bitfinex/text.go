package bitfinex

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string and returns what stands between its quotes, and whether
// a backslash does.
func (s *scanner) quoted() (text []byte, escaped bool, err error) {
	start := s.pos + 1
	for s.pos = start; s.pos < len(s.data); {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return s.data[start : s.pos-1], escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < 0x20:
			return nil, false, s.fault("has a bare control character in a string")
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return nil, false, s.fault("is not UTF-8")
			}
			s.pos += size
		}
	}
	return nil, false, s.fault("ends inside a string")
}

// escape checks one escape sequence, both halves of a surrogate pair together.
func (s *scanner) escape() error {
	r, size := decodeEscape(s.data[s.pos:])
	switch {
	case size == 0:
		return s.fault("has an escape that JSON does not know")
	case utf16.IsSurrogate(r):
		return s.fault("has half a surrogate pair")
	case r == 0: // RFC 8259 allows it, and some readers end the string there
		return s.fault("has a NUL in a string")
	}
	s.pos += size
	return nil
}

// decodeEscape returns the character that p's leading escape sequence stands
// for, and its length in bytes: 0 if there is none. Half a surrogate pair comes
// back as itself.
func decodeEscape(p []byte) (r rune, size int) {
	if len(p) < 2 || p[0] != '\\' {
		return 0, 0
	}
	if p[1] != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, p[1])
		if i < 0 {
			return 0, 0
		}
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := hex4(p[2:])
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(p) >= 12 && p[6] == '\\' && p[7] == 'u' {
		if low, ok := hex4(p[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return r, 6
}

func hex4(p []byte) (r rune, ok bool) {
	if len(p) < 4 {
		return 0, false
	}
	for _, c := range p[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// nextRune returns the first character of text, which quoted has passed, and how
// many bytes it takes there.
func nextRune(text []byte) (r rune, size int) {
	if text[0] == '\\' {
		return decodeEscape(text)
	}
	return utf8.DecodeRune(text)
}

// sameText says whether two texts that quoted has passed mean the same: "\u0061"
// is "a".
func sameText(a []byte, aEscaped bool, b []byte, bEscaped bool) bool {
	if !aEscaped && !bEscaped {
		return bytes.Equal(a, b)
	}
	for len(a) > 0 && len(b) > 0 {
		ra, na := nextRune(a)
		rb, nb := nextRune(b)
		if ra != rb {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) == len(b)
}
