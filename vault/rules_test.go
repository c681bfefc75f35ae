package vault_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// moduleOf makes a module "m" from files, given as "path", "source" in turn.
func moduleOf(t *testing.T, files ...string) *sourceTree {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module m\n\ngo 1.26\n")}}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	tree, err := loadSource(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func wantProblems(t *testing.T, name string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

func TestTheImportTableBites(t *testing.T) {
	table := []importLine{{"a", "b", "on top"}, {"b", "", "below"}}
	b := "package b\n"
	wantProblems(t, "allowed", checkLayers(moduleOf(t, "a/a.go", "package a\nimport _ \"m/b\"\n", "b/b.go", b), table))
	wantProblems(t, "upwards", checkLayers(moduleOf(t, "a/a.go", "package a\n", "b/b.go", "package b\nimport \"m/a\"\n"), table),
		"b/b.go imports a, which the import table does not allow (below)")
	wantProblems(t, "behind a build tag", checkLayers(moduleOf(t, "a/a.go", "package a\n", "b/b.go", b, "b/x.go", "//go:build never\n\npackage b\nimport \"m/a\"\n"), table),
		"b/x.go imports a, which the import table does not allow (below)")
	wantProblems(t, "new package", checkLayers(moduleOf(t, "a/a.go", "package a\n", "b/b.go", b, "c/d/c.go", "package d\n"), table),
		"package c/d has no line in the import table")
	wantProblems(t, "gone package", checkLayers(moduleOf(t, "b/b.go", b, "a/a_test.go", "package a\n"), table),
		"the import table has a line for a, which does not exist")
	wantProblems(t, "two lines", checkLayers(moduleOf(t, "a/a.go", "package a\n", "b/b.go", b), append(table, importLine{pkg: "b"})),
		"the import table has two lines for b")
	wantProblems(t, "tests, testdata and other modules are free", checkLayers(moduleOf(t,
		"a/a.go", "package a\n", "b/b.go", b,
		"b/b_test.go", "package b\nimport \"m/a\"\n",
		"b/testdata/x.go", "package x\n", "_x/x.go", "package x\n", ".x/x.go", "package x\n", "a/_x.go", "package x\n",
		"tools/go.mod", "module tools\n", "tools/x.go", "package main\n"), table))
}

func TestTheTableOfForeignPackagesBites(t *testing.T) {
	table := []foreignLine{{"x.org/m", "a", "wire"}, {"x.org/m/deep", "b", "heart"}}
	a, b := "package a\nimport _ \"x.org/m/part\"\n", "package b\nimport (\n\t\"os\"\n\t_ \"x.org/m/deep\"\n)\n"
	wantProblems(t, "allowed", checkExternals(moduleOf(t, "a/a.go", a, "b/b.go", b), table))
	wantProblems(t, "the longer prefix counts", checkExternals(moduleOf(t, "a/a.go", a+"import \"x.org/m/deep\"\n", "b/b.go", b), table),
		"a/a.go imports x.org/m/deep, which the table of foreign packages does not allow (heart)")
	wantProblems(t, "a neighbour by name", checkExternals(moduleOf(t, "a/a.go", a+"import \"x.org/mm\"\n", "b/b.go", b), table),
		"a/a.go imports x.org/mm, which the table of foreign packages does not allow (it has no line)")
	wantProblems(t, "two lines", checkExternals(moduleOf(t, "a/a.go", a, "b/b.go", b), append(table, foreignLine{prefix: "x.org/m"})),
		"the table of foreign packages has two lines for x.org/m")
	wantProblems(t, "stale", checkExternals(moduleOf(t, "a/a.go", a), table), "the table lets b import x.org/m/deep, but it does not")
}

func TestABarrierHoldsOverAnyNumberOfSteps(t *testing.T) {
	tree := moduleOf(t, "cmd/d/main.go", "package main\nimport \"m/a\"\n", "a/a.go", "package a\nimport \"m/b\"\n", "b/b.go", "package b\nimport \"os/exec\"\n")
	table := []importLine{{pkg: "cmd/d"}}
	wantProblems(t, "far", checkBarriers(tree, table, []barrier{{"cmd/d", "os/exec", "no children"}}), "cmd/d → a → b → os/exec (no children)")
	wantProblems(t, "below", checkBarriers(tree, table, []barrier{{"cmd/d", "os", "nothing"}}), "cmd/d → a → b → os/exec (nothing)")
	wantProblems(t, "not reached", checkBarriers(tree, table, []barrier{{"cmd/d", "net/http", "no network"}}))
}

func TestEndingTheProcessIsSeen(t *testing.T) {
	exit := "import \"os\"\nfunc f() { os.Exit(1) }\n"
	wantProblems(t, "main", checkExits(moduleOf(t, "cmd/d/main.go", "package main\n"+exit)))
	wantProblems(t, "elsewhere", checkExits(moduleOf(t, "cmd/d/run.go", "package main\n"+exit, "cmd/internal/d/main.go", "package d\n"+exit)),
		"cmd/d/run.go:3: os.Exit, which only cmd/*/main.go may call",
		"cmd/internal/d/main.go:3: os.Exit, which only cmd/*/main.go may call")
	wantProblems(t, "dot import", checkExits(moduleOf(t, "a/a.go", "package a\nimport . \"os\"\n")), "a/a.go:2: a dot import, which hides where names come from")
}

func TestTheMeasureBites(t *testing.T) {
	long := "func f() {\n" + strings.Repeat("\n", 79) + "}\n"
	fits := "func g() {\n" + strings.Repeat("\n", 78) + "}\n"
	wantProblems(t, "function", checkSizes(moduleOf(t, "a/a.go", "package a\n"+fits+long)), "a/a.go:82: f has 81 lines, more than 80")
	wantProblems(t, "file", checkSizes(moduleOf(t, "a/a_test.go", "package a\n"+strings.Repeat("\n", 500))), "a/a_test.go has 501 lines, more than 500")
	wantProblems(t, "generated", checkSizes(moduleOf(t, "a/a.pb.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\n\npackage a\n"+long)))
	wantProblems(t, "generated by name only", checkSizes(moduleOf(t, "a/a.pb.go", "package a\n"+long)), "a/a.pb.go:2: f has 81 lines, more than 80")
}

func TestMissingCommentsAreSeen(t *testing.T) {
	bare := "package a\n\ntype T struct{}\n\nfunc (T) M() {}\n\nfunc F() {}\n\nconst C = 1\n\nfunc (t *t) Free() {}\n\ntype t int\n"
	wantProblems(t, "bare", checkDocs(moduleOf(t, "a/a.go", bare)),
		"a/a.go:3: T has no comment", "a/a.go:5: M has no comment", "a/a.go:7: F has no comment", "a/a.go:9: C has no comment",
		"package a has no comment")
	full := "// Package a is.\npackage a\n\n// The sizes.\nconst (\n\tA = 1\n\tB = 2\n)\n\nvar (\n\tE = 3 // at the end\n)\n"
	wantProblems(t, "full", checkDocs(moduleOf(t, "a/a.go", full, "a/b.go", "package a\n")))
}

func TestHiddenStateIsSeen(t *testing.T) {
	src := "package a\n\nfunc init() {}\n\nvar count int\n\nvar list = []int{1}\n\nvar table = map[int]int{}\n\nfunc dropLocked() {}\n"
	wantProblems(t, "hidden", checkHidden(moduleOf(t, "a/a.go", src), nil),
		"a/a.go:11: dropLocked; say dropMu", "a/a.go:3: an init function",
		"a/a.go:5: package variable count", "a/a.go:7: package variable list", "a/a.go:9: package variable table")
	open := "package a\n\nvar E = errors.New(\"e\")\n\nvar p = place{1}\n\nvar ok = [...]int{1}\n\nvar made = func() (t [9]int) { return t }()\n\nvar _ I = (*T)(nil)\n\n//go:embed x\nvar x []byte\n\nvar n int\n"
	wantProblems(t, "fixed or in the table", checkHidden(moduleOf(t, "a/a.go", open), map[string]string{"a.n": "counts"}))
	wantProblems(t, "stale", checkHidden(moduleOf(t, "a/a.go", "package a\n"), map[string]string{"a.n": "counts"}), "the table of variables has a.n, which does not exist")
}
