package bitfinex

// isASCII says whether a text, unescaped, is ASCII.
func isASCII(text []byte) bool {
	for len(text) > 0 {
		r, size := nextRune(text)
		if r > 0x7f {
			return false
		}
		text = text[size:]
	}
	return true
}

// foldsTo says whether a text, unescaped and in lower case, is word.
func foldsTo(text []byte, word string) bool {
	for len(text) > 0 && word != "" {
		r, size := nextRune(text)
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if r != rune(word[0]) {
			return false
		}
		text, word = text[size:], word[1:]
	}
	return len(text) == 0 && word == ""
}

// maxName is longer than any name of a form.
const maxName = 32

// folded is a name as the laxest reader might take it: unescaped, in lower case,
// letters and digits only.
type folded struct {
	text [maxName]byte
	n    int // maxName and more where it is too long to be a form's
}

func fold(name []byte) (f folded) {
	for len(name) > 0 && f.n < maxName {
		r, size := nextRune(name)
		name = name[size:]
		if c, ok := foldByte(r); ok {
			f.text[f.n] = c
			f.n++
		}
	}
	return f
}

// is says whether the name folds to the same as word, which is shorter than maxName.
func (f *folded) is(word string) bool {
	n := 0
	for i := range len(word) {
		c, ok := foldByte(rune(word[i]))
		if !ok {
			continue
		}
		if n == f.n || f.text[n] != c {
			return false
		}
		n++
	}
	return n == f.n
}

func foldByte(r rune) (c byte, ok bool) {
	switch {
	case r >= 'A' && r <= 'Z':
		return byte(r) + 'a' - 'A', true
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return byte(r), true
	}
	return 0, false
}
