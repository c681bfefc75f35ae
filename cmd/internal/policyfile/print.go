package policyfile

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bfxvault/vault/policy"
)

// Print writes a policy file in its one canonical form: bots by name, grants by key,
// fields in the order of docs/policy.md, decimals in quotes. Parse reads back
// the same, where every text is UTF-8, as all that Parse returns is.
func Print(f *File) []byte {
	var p printer
	if len(f.Bots) == 0 {
		p.line("[bots]")
	}
	for _, name := range names(f.Bots) {
		bot := f.Bots[name]
		header := "bots." + quoteKey(name)
		p.line("\n[%s]", header)
		lists := reflect.ValueOf(bot)
		for i, field := range fieldNames(lists.Type()) {
			if field != "grants" || len(bot.Grants) == 0 {
				p.field(field, lists.Field(i))
			}
		}
		grants := slices.Clone(bot.Grants)
		slices.SortStableFunc(grants, func(a, b policy.GrantSpec) int { return strings.Compare(a.Key, b.Key) })
		for _, g := range grants {
			p.line("\n[[%s.grants]]", header)
			p.grant(g)
		}
	}
	return []byte(strings.TrimPrefix(p.String(), "\n"))
}

// PrintGrant writes one grant's fields, each on a line of its own, as Print does.
func PrintGrant(g policy.GrantSpec) []byte {
	var p printer
	p.grant(g)
	return []byte(p.String())
}

func (p *printer) grant(g policy.GrantSpec) {
	spec := reflect.ValueOf(g)
	for i, field := range fieldNames(spec.Type()) {
		p.field(field, spec.Field(i))
	}
}

type printer struct{ strings.Builder }

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// field prints one field, unless it is absent: nil, false, or an empty text.
func (p *printer) field(name string, v reflect.Value) {
	if !v.IsZero() {
		p.line("%s = %s", name, inline(v))
	}
}

// inline is a value on one line.
func inline(v reflect.Value) string {
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := text.MarshalText()
		if err != nil {
			panic("policyfile: a number, day or digest that cannot be printed") // unreachable: they never fail
		}
		if v.Type() == reflect.TypeFor[*policy.Date]() {
			return string(b) // TOML has days of its own
		}
		return quoteText(string(b))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return inline(v.Elem())
	case reflect.String:
		return quoteText(v.String())
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = inline(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		entries := make([]string, 0, v.Len())
		for _, key := range v.MapKeys() {
			entries = append(entries, quoteKey(key.String())+" = "+inline(v.MapIndex(key)))
		}
		slices.Sort(entries)
		return braces(entries)
	case reflect.Struct:
		var fields []string
		for i, name := range fieldNames(v.Type()) {
			if f := v.Field(i); !f.IsZero() || f.Type() == reflect.TypeFor[policy.Decimal]() {
				fields = append(fields, name+" = "+inline(f))
			}
		}
		return braces(fields)
	}
	return fmt.Sprint(v.Interface())
}

func braces(fields []string) string {
	if len(fields) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func quoteKey(key string) string {
	if bareKey.MatchString(key) {
		return key
	}
	return quoteText(key)
}

// quoteText is a TOML basic string. What is no UTF-8 has no spelling in TOML and
// becomes U+FFFD.
func quoteText(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case strconv.IsPrint(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\U%08X`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
