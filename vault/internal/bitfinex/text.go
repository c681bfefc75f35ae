package bitfinex

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain says of each byte whether it stands in a string as itself and alone. It
// never changes.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// quoted goes past a string and notes in the token what stands between its quotes,
// and whether a backslash does.
func (s *scanner) quoted() bool {
	s.pos++
	s.token.start = s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case plain[c]:
			s.pos++
		case c == '"':
			s.token.end = s.pos
			s.pos++
			return true
		case c == '\\':
			s.token.escaped = true
			if !s.escape() {
				return false
			}
		case c < ' ':
			return s.fault("has a bare control character in a string")
		default:
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return s.fault("is not UTF-8")
			}
			s.pos += size
		}
	}
	return s.fault("ends inside a string")
}

// escape goes past one escape sequence, both halves of a surrogate pair together.
func (s *scanner) escape() bool {
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
	return true
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

// hashOf returns a hash (FNV-1a) of what a text that quoted has passed means:
// "\u0061" and "a" hash alike. One meaning has one hash, so no duplicate gets
// past a comparison of hashes. Two meanings can be made to share one, and that
// refuses a request of whoever made them.
func hashOf(text []byte, escaped bool) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	if !escaped {
		for _, c := range text {
			hash = (hash ^ uint64(c)) * prime
		}
		return hash
	}
	var utf8Bytes [utf8.UTFMax]byte
	for len(text) > 0 {
		r, size := nextRune(text)
		text = text[size:]
		for _, c := range utf8.AppendRune(utf8Bytes[:0], r) {
			hash = (hash ^ uint64(c)) * prime
		}
	}
	return hash
}
