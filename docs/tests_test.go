package docs_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write anew what docs/attacks.md says of tests")

// tests is what the test files of the module say.
type tests struct {
	names map[string]bool                // of tests, fuzz targets, benchmarks and scripts
	cites map[string]map[string][]string // attack → folder → names of what cites it
}

func readTests(t *testing.T) tests {
	t.Helper()
	all := tests{map[string]bool{}, map[string]map[string][]string{}}
	files(t, func(name string) {
		switch {
		case strings.HasSuffix(name, "_test.go"):
			all.readGo(t, name)
		case path.Ext(name) == ".txtar":
			all.names[path.Base(name)] = true
			all.cite(name, path.Base(name), read(t, name))
		}
	})
	if len(all.cites) < 20 {
		t.Fatalf("only %d attacks are cited", len(all.cites))
	}
	return all
}

// readGo files each comment under the function that it stands above or in, and
// under its file where there is none.
func (all tests) readGo(t *testing.T, name string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	isTest := regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`)
	owner := func(at token.Pos) string {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !isTest.MatchString(fn.Name.Name) {
				continue
			}
			from := fn.Pos()
			if fn.Doc != nil {
				from = fn.Doc.Pos()
			}
			if from <= at && at < fn.End() {
				return fn.Name.Name
			}
		}
		return path.Base(name)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && isTest.MatchString(fn.Name.Name) {
			all.names[fn.Name.Name] = true
		}
	}
	for _, group := range f.Comments {
		if group == f.Doc {
			continue // what a package is about, not what a test tries
		}
		all.cite(name, owner(group.Pos()), group.Text())
	}
}

func (all tests) cite(file, name, text string) {
	for _, a := range regexp.MustCompile(`\bA([1-9][0-9]?)b?\b`).FindAllStringSubmatch(text, -1) {
		folders := all.cites["A"+a[1]]
		if folders == nil {
			folders = map[string][]string{}
			all.cites["A"+a[1]] = folders
		}
		if dir := path.Dir(file); !slices.Contains(folders[dir], name) {
			folders[dir] = append(folders[dir], name)
		}
	}
}

// separator stands between the folders of a line.
const separator = " · "

// line is what docs/attacks.md says, when it is written anew, of an attack that
// tests cite.
func (all tests) line(attack string) string {
	var parts []string
	folders := all.cites[attack]
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		parts = append(parts, "`"+dir+"` "+strings.Join(slices.Sorted(slices.Values(folders[dir])), ", "))
	}
	return "Tests: " + strings.Join(parts, separator)
}

// holds reports whether every test that a line names cites the attack. It need not
// name all of them: who adds a test need not touch the document.
func (all tests) holds(attack, line string) bool {
	line, ok := strings.CutPrefix(line, "Tests: ")
	for part := range strings.SplitSeq(line, separator) {
		dir, names, _ := strings.Cut(strings.TrimPrefix(part, "`"), "` ")
		for name := range strings.SplitSeq(names, ", ") {
			ok = ok && slices.Contains(all.cites[attack][dir], name)
		}
	}
	return ok
}

// entry is one attack in docs/attacks.md: what it is, and what tests say of it.
var entry = regexp.MustCompile(`(?m)^- \*\*(A[1-9][0-9]?)\*\* (.+)\n  ((?:Tests|Not yet): .+)$`)

// Every attack that a test cites is described, under the tests that cite it; one
// that none cites is said to be open.
func TestAttacksAreListedWithTheTestsThatCiteThem(t *testing.T) {
	all := readTests(t)
	const name = "docs/attacks.md"
	text := read(t, name)
	listed := map[string]bool{}
	anew := entry.ReplaceAllStringFunc(text, func(e string) string {
		m := entry.FindStringSubmatch(e)
		attack, what, says := m[1], m[2], m[3]
		if listed[attack] {
			t.Errorf("%s is listed twice", attack)
		}
		listed[attack] = true
		switch {
		case all.cites[attack] == nil && strings.HasPrefix(says, "Not yet: "):
			return e
		case all.cites[attack] == nil:
			t.Errorf("%s: no test cites it any more; say why: Not yet: …", attack)
			return e
		case !*update && !all.holds(attack, says):
			t.Errorf("%s says of %s:\n  %s\nbut the tests say:\n  %s\nrun: go test ./docs -update", name, attack, says, all.line(attack))
		}
		return fmt.Sprintf("- **%s** %s\n  %s", attack, what, all.line(attack))
	})
	for attack, folders := range all.cites {
		if !listed[attack] {
			t.Errorf("%s does not describe %s, which %v cites", name, attack, folders)
		}
	}
	if bullets := strings.Count(text, "\n- **A"); bullets != len(listed) {
		t.Errorf("%d entries of %d have the form of an entry", len(listed), bullets)
	}
	if *update && anew != text {
		if err := os.WriteFile(filepath.Join(root, name), []byte(anew), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAttacksStandInTheirOrder(t *testing.T) {
	var numbers []int
	for _, m := range entry.FindAllStringSubmatch(read(t, "docs/attacks.md"), -1) {
		n, err := strconv.Atoi(m[1][1:])
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	if !slices.IsSortedFunc(numbers, cmp.Compare[int]) || len(numbers) == 0 {
		t.Errorf("they stand as %v", numbers)
	}
}

// A promise has its section, and a document names only tests that there are.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	all := readTests(t)
	promises := regexp.MustCompile(`\bP[1-9]\b`)
	sections := regexp.MustCompile(`(?m)^## (P[1-9]) `).FindAllStringSubmatch(read(t, "docs/threat-model.md"), -1)
	described := map[string]bool{}
	for _, s := range sections {
		described[s[1]] = true
	}
	files(t, func(name string) {
		if ext := path.Ext(name); ext != ".go" && ext != ".md" && ext != ".txtar" {
			return
		}
		for _, p := range promises.FindAllString(read(t, name), -1) {
			if !described[p] {
				t.Errorf("%s cites %s, which docs/threat-model.md does not describe", name, p)
				described[p] = true // once is enough
			}
		}
	})
	if len(sections) != 7 {
		t.Errorf("docs/threat-model.md describes %d promises", len(sections))
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+|\b[a-z-]+\.txtar`)
	for _, name := range documents(t) {
		for _, n := range named.FindAllString(read(t, name), -1) {
			if !all.names[n] {
				t.Errorf("%s names %s, which does not exist", name, n)
			}
		}
	}
}
