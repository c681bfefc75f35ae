package policyfile

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"bfxvault/vault/policy"
)

// grantCheck finds all that is wrong with a grant, while Compile names only what it
// meets first: it takes that out of spec, a copy, and asks again.
type grantCheck struct {
	*reporter
	spec      policy.GrantSpec
	endpoints []string
}

func (g *grantCheck) run(n *node) {
	last := ""
	for range maxErrors {
		wrong := g.fault()
		if wrong == nil {
			return
		}
		path := strings.Split(wrong.Field, ".")
		i := slices.Index(fieldNames(reflect.TypeFor[policy.GrantSpec]()), path[0])
		f := n.fields[path[0]]
		if i < 0 || f == nil {
			g.add(n.at, "%s", wrong.Error())
			return
		}
		field := reflectValue(&g.spec).Field(i)
		if wrong.Field == last { // told, but a part could not be taken out alone
			field.SetZero()
			continue
		}
		last = wrong.Field
		g.tell(field, f.value, path[1:], wrong)
	}
}

// fault is what Compile says of spec as it is now.
func (g *grantCheck) fault() *policy.SpecError {
	var wrong *policy.SpecError
	if _, err := g.spec.Compile(g.endpoints); errors.As(err, &wrong) {
		return wrong
	}
	return nil
}

// tell reports what is wrong with a field, part by part where a part alone has the
// same fault, and takes it out. path leads on from the field.
func (g *grantCheck) tell(v reflect.Value, n *node, path []string, wrong *policy.SpecError) {
	if len(path) > 0 && v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		v = v.Elem()
		i, f := slices.Index(fieldNames(v.Type()), path[0]), n.fields[path[0]]
		if i >= 0 && f != nil {
			g.tell(v.Field(i), f.value, path[1:], wrong)
			return
		}
	}
	switch {
	case len(path) > 0 && v.Kind() == reflect.Map:
		v.SetMapIndex(reflect.ValueOf(path[0]), reflect.Value{})
		g.add(n.place(path), "%s", wrong.Error())
	case v.Kind() == reflect.Map && g.tellEntries(v, n, wrong.Field):
	case v.Kind() == reflect.Slice && g.tellItems(v, n, wrong.Field):
	default:
		v.SetZero()
		g.add(n.place(path), "%s", wrong.Error())
	}
}

// alone is the fault of a field that has nothing but one part, if it is named so.
func (g *grantCheck) alone(field string) *policy.SpecError {
	if wrong := g.fault(); wrong != nil && wrong.Field == field {
		return wrong
	}
	return nil
}

// tellItems is false where no item alone is at fault.
func (g *grantCheck) tellItems(v reflect.Value, n *node, field string) (found bool) {
	all, good := v.Interface().([]string), []string{}
	for i, item := range all {
		v.Set(reflect.ValueOf([]string{item}))
		if wrong := g.alone(field); wrong != nil {
			found = true
			g.add(n.items[i].at, "%s", wrong.Error())
		} else {
			good = append(good, item)
		}
	}
	v.Set(reflect.ValueOf(good))
	return found
}

// tellEntries is false where no entry alone is at fault.
func (g *grantCheck) tellEntries(v reflect.Value, n *node, field string) (found bool) {
	all, good := v.Interface(), reflect.MakeMap(v.Type())
	for _, name := range names(n.fields) {
		key := reflect.ValueOf(name)
		entry := reflect.ValueOf(all).MapIndex(key)
		one := reflect.MakeMap(v.Type())
		if !entry.IsValid() {
			continue // taken out before
		}
		one.SetMapIndex(key, entry)
		v.Set(one)
		if wrong := g.alone(field); wrong != nil {
			found = true
			g.add(n.fields[name].at, "%s", wrong.Error())
		} else {
			good.SetMapIndex(key, entry)
		}
	}
	v.Set(good)
	return found
}

// place is where a path ends, or the last part of it that is there.
func (n *node) place(path []string) span {
	for _, name := range path {
		f := n.fields[name]
		if f == nil {
			break
		}
		n = f.value
	}
	return n.at
}
