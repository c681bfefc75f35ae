package policyfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one mistake in a policy file.
type Error struct {
	File string `json:"file"`
	// Line and Column begin with 1; a column is a character.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`

	at      span
	excerpt string
}

// Error is the place and the message, as compilers print them.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Excerpt is the line of the file and one below it that underlines the mistake.
func (e *Error) Excerpt() string { return e.excerpt }

// Errors are the mistakes in a policy file, in its order.
type Errors []*Error

// Error prints every mistake with its excerpt.
func (list Errors) Error() string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.Error() + "\n" + e.Excerpt()
	}
	return strings.Join(parts, "\n")
}

// maxErrors is how many mistakes are told at once.
const maxErrors = 100

// span is a piece of the file's text.
type span struct{ start, length int }

// reporter collects mistakes.
type reporter struct {
	name string
	text []byte
	errs Errors
}

// add notes a mistake. What follows from one at the same place is not told.
func (r *reporter) add(at span, format string, args ...any) {
	at.start = min(at.start, len(r.text))
	same := func(e *Error) bool { return e.at.start == at.start }
	if len(r.errs) > maxErrors || slices.ContainsFunc(r.errs, same) {
		return
	}
	e := &Error{File: r.name, Line: r.line(at), Message: plain(fmt.Sprintf(format, args...)), at: at}
	if len(r.errs) == maxErrors {
		e.Message = "and more mistakes from here on, which are not told"
	}
	before, line := r.around(at)
	e.Column = utf8.RuneCount(before) + 1
	e.excerpt = underline(before, line, at.length)
	r.errs = append(r.errs, e)
}

// result is nil where nothing is wrong.
func (r *reporter) result() error {
	if len(r.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errs, func(a, b *Error) int { return a.at.start - b.at.start })
	return r.errs
}

// line counts from 1.
func (r *reporter) line(at span) int { return bytes.Count(r.text[:at.start], []byte{'\n'}) + 1 }

// offset is the reverse: from a line and a column in bytes, both from 1.
func (r *reporter) offset(line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		offset += bytes.IndexByte(r.text[offset:], '\n') + 1
	}
	return min(offset+column-1, len(r.text))
}

// around returns the part of at's line that is before it, and the whole line.
func (r *reporter) around(at span) (before, line []byte) {
	first := bytes.LastIndexByte(r.text[:at.start], '\n') + 1
	line, _, _ = bytes.Cut(r.text[first:], []byte{'\n'})
	return r.text[first:at.start], line
}

// underline prints a line, cut where it is long, and a caret below the place. Tabs
// stay, so that the caret is right however wide they are.
func underline(before, line []byte, length int) string {
	const left, right, indent = 60, 60, "    "
	rest := string(line[min(len(before), len(line)):])
	marked := rest[:min(length, len(rest))]
	head, tail := []rune(plain(string(before))), []rune(plain(rest))
	if len(head) > left {
		head = append([]rune("…"), head[len(head)-left:]...)
	}
	if len(tail) > right {
		tail = append(tail[:right:right], '…')
	}
	pad := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, string(head))
	tildes := min(max(utf8.RuneCountInString(marked)-1, 0), right-1)
	shown := strings.TrimRight(string(head)+string(tail), " \t\r")
	return indent + shown + "\n" + indent + pad + "^" + strings.Repeat("~", tildes)
}

// plain replaces what a terminal would not print as it stands.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return '\uFFFD'
	}, strings.TrimRight(s, "\r"))
}

func cutPrefix(message string) string { return strings.TrimPrefix(message, "toml: ") }
