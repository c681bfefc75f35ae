package policyfile

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"bfxvault/vault/policy"
)

// decoder fills policy's types from a tree, by the names of their toml tags. Names
// are compared exactly, numbers are taken from how they are written, and a list or
// table that is there is never nil. What cannot be read stays absent.
type decoder struct {
	*reporter
	path string // of what is read, within its bot or grant
}

// scratch decodes what has been reported already.
func scratch() decoder { return decoder{reporter: &reporter{}} }

func reflectValue[T any](p *T) reflect.Value { return reflect.ValueOf(p).Elem() }

// in is the decoder of what a name leads to.
func (d decoder) in(name string) decoder {
	if d.path != "" {
		name = d.path + "." + name
	}
	d.path = name
	return d
}

// wrong reports what is the matter with a value.
func (d decoder) wrong(n *node, format string, args ...any) bool {
	d.add(n.at, "%s: %s", d.path, fmt.Sprintf(format, args...))
	return false
}

// is reports a node that is none of kinds.
func (d decoder) is(n *node, wanted string, kinds ...unstable.Kind) bool {
	return slices.Contains(kinds, n.kind) || d.wrong(n, "must be %s", wanted)
}

// value reads a node into v. It is false where the node is of another kind or says
// what v cannot hold; unknown fields are reported and otherwise passed over.
func (d decoder) value(v reflect.Value, n *node) bool {
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return d.text(text, n)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem(), n)
	case reflect.Struct:
		return d.is(n, "a table", unstable.Table) && d.table(v, n)
	case reflect.Map:
		return d.is(n, "a table", unstable.Table) && d.entries(v, n)
	case reflect.Slice:
		return d.is(n, "a list", unstable.Array) && d.list(v, n)
	case reflect.String:
		v.SetString(n.text)
		return d.is(n, "a text in quotes", unstable.String)
	case reflect.Bool:
		v.SetBool(n.text == "true")
		return d.is(n, "true or false", unstable.Bool)
	}
	return d.is(n, "a whole number", unstable.Integer) && d.number(v, n)
}

func (d decoder) table(v reflect.Value, n *node) bool {
	switch v.Interface().(type) {
	case policy.BotSpec, policy.GrantSpec:
		d.path = "" // as in a SpecError
	}
	ok := true
	known := fieldNames(v.Type())
	for _, name := range names(n.fields) {
		f := n.fields[name]
		if i := slices.Index(known, name); i < 0 {
			d.unknown(f, name, known)
		} else if !d.in(name).value(v.Field(i), f.value) {
			v.Field(i).SetZero()
			ok = false
		}
	}
	for i, name := range known {
		if n.fields[name] == nil && v.Field(i).Type() == reflect.TypeFor[policy.Decimal]() {
			ok = d.wrong(n, "%s is missing here", name)
		}
	}
	return ok
}

func (d decoder) unknown(f *field, name string, known []string) {
	if near := policy.Nearest(name, known); near != "" {
		d.add(f.at, "unknown field %q: did you mean %q?", name, near)
		return
	}
	d.add(f.at, "unknown field %q: known here are %s", name, strings.Join(known, ", "))
}

// fieldNames are the names of a struct's fields in a file, in their order.
func fieldNames(t reflect.Type) []string {
	list := make([]string, t.NumField())
	for i := range list {
		list[i], _, _ = strings.Cut(t.Field(i).Tag.Get("toml"), ",")
	}
	return list
}

func (d decoder) entries(v reflect.Value, n *node) bool {
	ok := true
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.fields)))
	for _, name := range names(n.fields) {
		entry := reflect.New(v.Type().Elem()).Elem()
		if !d.in(name).value(entry, n.fields[name].value) {
			ok = false
			continue
		}
		v.SetMapIndex(reflect.ValueOf(name), entry)
	}
	return ok
}

func (d decoder) list(v reflect.Value, n *node) bool {
	ok := true
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		ok = d.value(v.Index(i), item) && ok
	}
	return ok
}

// text reads what spells itself: a Decimal in quotes or as a number, by the digits
// that stand there and never through a float; a Date in quotes or as TOML's own.
func (d decoder) text(into encoding.TextUnmarshaler, n *node) bool {
	wanted, kinds := "a text in quotes", []unstable.Kind{unstable.String}
	switch into.(type) {
	case *policy.Decimal:
		wanted, kinds = `a number such as 0.5 or "0.5"`, append(kinds, unstable.Integer, unstable.Float)
	case *policy.Date:
		wanted, kinds = "a day such as 2027-03-31", append(kinds, unstable.LocalDate)
	}
	if !d.is(n, wanted, kinds...) {
		return false
	}
	if err := into.UnmarshalText([]byte(n.text)); err != nil {
		return d.wrong(n, "%v", err)
	}
	return true
}

// number reads a whole number that is written with digits only.
func (d decoder) number(v reflect.Value, n *node) bool {
	value, err := strconv.ParseUint(n.text, 10, v.Type().Bits())
	if err != nil {
		most := min(^uint64(0)>>(64-v.Type().Bits()), 1<<63-1) // as far as TOML goes
		return d.wrong(n, "must be a whole number in plain digits, from 0 to %d", most)
	}
	v.SetUint(value)
	return true
}
