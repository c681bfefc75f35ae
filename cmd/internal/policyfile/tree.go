package policyfile

import (
	"bytes"
	"errors"

	"github.com/pelletier/go-toml/v2/unstable"
)

// node is a value of the file with its place: a scalar with the text that stands
// there, an Array or a Table.
type node struct {
	kind   unstable.Kind
	at     span
	text   string // of a string its value, of other scalars how they are written
	items  []*node
	fields map[string]*field
}

// field is a named value of a table.
type field struct {
	at    span // of the name
	value *node
}

// builder puts a file's expressions together.
type builder struct {
	*reporter
	parser unstable.Parser
}

// buildTree reads the text as TOML. It returns nil where that fails. Names that come
// twice are reported; whatever else TOML forbids about tables is left to the library.
func buildTree(r *reporter) *node {
	b := &builder{reporter: r}
	text := bytes.Clone(r.text)
	b.parser.Reset(text)
	root := newTable(span{})
	current := root
	for b.parser.NextExpression() {
		switch e := b.parser.Expression(); e.Kind {
		case unstable.Table:
			current = b.enter(root, e, false)
		case unstable.ArrayTable:
			current = b.enter(root, e, true)
		default:
			b.put(current, e)
		}
	}
	var syntax *unstable.ParserError
	if err := b.parser.Error(); errors.As(err, &syntax) {
		r.errs = nil // what came before may be its consequence
		at := b.parser.Range(syntax.Highlight)
		r.add(span{int(at.Offset), int(at.Length)}, "%s", syntax.Message)
		return nil
	}
	return root
}

func newTable(at span) *node {
	return &node{kind: unstable.Table, at: at, fields: map[string]*field{}}
}

// enter returns the table that a header names. After a mistake it is one that is not
// part of the tree.
func (b *builder) enter(root *node, header *unstable.Node, isArray bool) *node {
	table := root
	for key := header.Key(); key.Next(); {
		part := key.Node()
		at := spanOf(part.Raw)
		f := table.fields[string(part.Data)]
		if f == nil {
			f = &field{at, newTable(at)}
			if isArray && key.IsLast() {
				f.value = &node{kind: unstable.Array, at: at}
			}
			table.fields[string(part.Data)] = f
		}
		next := f.value
		if next.kind == unstable.Array {
			if isArray && key.IsLast() {
				next.items = append(next.items, newTable(at))
			}
			if n := len(next.items); n > 0 {
				next = next.items[n-1]
			}
		}
		if next.kind != unstable.Table {
			b.add(at, "%q is already something else, in line %d", part.Data, b.line(f.at))
			return newTable(at)
		}
		table = next
	}
	return table
}

// put adds a key with its value to a table.
func (b *builder) put(table *node, e *unstable.Node) {
	for key := e.Key(); key.Next(); {
		part := key.Node()
		at := spanOf(part.Raw)
		f := table.fields[string(part.Data)]
		switch {
		case f == nil && key.IsLast():
			table.fields[string(part.Data)] = &field{at, b.value(e.Value(), at)}
			return
		case f == nil:
			f = &field{at, newTable(at)}
			table.fields[string(part.Data)] = f
		case key.IsLast() || f.value.kind != unstable.Table:
			b.add(at, "%q is here a second time, after line %d", part.Data, b.line(f.at))
			return
		}
		table = f.value
	}
}

// value copies a value. Where the parser gives it no place, it has its key's.
func (b *builder) value(v *unstable.Node, at span) *node {
	if v.Raw.Length > 0 {
		at = spanOf(v.Raw)
	}
	n := &node{kind: v.Kind, at: at, text: string(v.Data)}
	switch v.Kind {
	case unstable.Array:
		for item := v.Children(); item.Next(); {
			n.items = append(n.items, b.value(item.Node(), at))
		}
	case unstable.InlineTable:
		n = newTable(at)
		for entry := v.Children(); entry.Next(); {
			b.put(n, entry.Node())
		}
	}
	return n
}

func spanOf(r unstable.Range) span { return span{int(r.Offset), int(r.Length)} }
