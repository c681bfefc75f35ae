// Package policyfile reads, prints and compares the policy file: the TOML that says
// who the bots are and what each may have signed (docs/policy.md).
//
// Use Parse to read a file, Print to write one, and Diff to see what a change would
// allow that is not allowed now.
//
// Traps: an absent list is no restriction and an empty one allows nothing, so a
// policy must never pass through a form that confuses the two. Names are compared
// byte by byte, unlike in a TOML library's own decoder, which takes Symbols for
// symbols and lets a later spelling replace an earlier one (A30).
//
// Promise P3: a file is understood in full or refused. An unknown field, a value of
// another kind, a number that is not written out, or a rule that could not be
// enforced is an error with its line and column (A12, A63).
package policyfile

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"bfxvault/vault/policy"
)

// MaxSize is how many bytes a policy file may have.
const MaxSize = 1 << 20

// File is a policy file that has been read.
type File struct {
	// Bots are all bots that the file names, each with its grants.
	Bots map[string]policy.BotSpec `toml:"bots"`
}

// Parse reads a policy file strictly. name is what errors call the file; endpoints
// are the names that a grant's `endpoints` may hold. Every grant of the File that it
// returns compiles, and every match passes its check. The error is Errors and holds
// all that is wrong, in the file's order, unless the text is no TOML: then it holds
// the first mistake. It keeps nothing of text.
func Parse(name string, text []byte, endpoints []string) (*File, error) {
	r := &reporter{name: name, text: text}
	if len(text) > MaxSize {
		r.add(span{}, "larger than %d bytes, which is the most that a policy file may have", MaxSize)
		return nil, r.result()
	}
	root := buildTree(r)
	if root == nil {
		return nil, r.result()
	}
	file := &File{}
	decoder{reporter: r}.table(reflectValue(file), root)
	if root.fields["bots"] == nil {
		r.add(span{}, "there are no bots here: a file that removes all of them says [bots] and nothing more")
	}
	checkBots(r, root, endpoints)
	if len(r.errs) == 0 {
		// The tree above is ours; whether all of it is TOML is the library's to say.
		r.addTOML(toml.Unmarshal(bytes.Clone(text), new(map[string]any)))
	}
	if err := r.result(); err != nil {
		return nil, err
	}
	return file, nil
}

// addTOML adds an error of the TOML library.
func (r *reporter) addTOML(err error) {
	var at *toml.DecodeError
	switch {
	case errors.As(err, &at):
		line, column := at.Position()
		r.add(span{r.offset(line, column), 1}, "%s", cutPrefix(at.Error()))
	case err != nil:
		r.add(span{}, "%s", cutPrefix(err.Error()))
	}
}

// names are the keys of a table in a fixed order.
func names[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
