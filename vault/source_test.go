package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourceTree is the Go source of a module, parsed in process: a test that asked
// `go list` would be served stale from the test cache, which does see what this
// process opens.
type sourceTree struct {
	module string
	fset   *token.FileSet
	files  []sourceFile
}

// sourceFile is one file, whatever its build tags.
type sourceFile struct {
	path      string // from the root of the module
	pkg       string // folder, from the root of the module
	test      bool
	generated bool
	lines     int
	ast       *ast.File
}

// loadSource parses all Go files of the module whose go.mod is at the root of
// fsys. As the go command does, it leaves out testdata, names that begin with a
// dot or an underscore, and folders with a go.mod of their own.
func loadSource(fsys fs.FS) (*sourceTree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	name, ok := strings.CutPrefix(first, "module ")
	if !ok {
		return nil, errors.New("go.mod does not begin with its module line")
	}
	tree := &sourceTree{module: name, fset: token.NewFileSet()}
	err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || isFile(fsys, path.Join(p, "go.mod"))) {
			return fs.SkipDir
		}
		if strings.ContainsAny(d.Name()[:1], "._") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || path.Ext(p) != ".go" {
			return nil
		}
		return tree.add(fsys, p)
	})
	return tree, err
}

func isFile(fsys fs.FS, p string) bool {
	info, err := fs.Stat(fsys, p)
	return err == nil && info.Mode().IsRegular()
}

func (tree *sourceTree) add(fsys fs.FS, p string) error {
	src, err := fs.ReadFile(fsys, p)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(tree.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	tree.files = append(tree.files, sourceFile{
		path:      p,
		pkg:       path.Dir(p),
		test:      strings.HasSuffix(p, "_test.go"),
		generated: strings.HasSuffix(p, ".pb.go") && ast.IsGenerated(f),
		lines:     bytes.Count(src, []byte("\n")),
		ast:       f,
	})
	return nil
}

// wholeModule is the module that this test is a part of.
func wholeModule(t *testing.T) *sourceTree {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !isFile(os.DirFS(dir), "go.mod") {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this test")
		}
		dir = filepath.Dir(dir)
	}
	tree, err := loadSource(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.files) < 20 {
		t.Fatalf("only %d files in %s", len(tree.files), dir)
	}
	return tree
}

// production calls f for each file that is no test.
func (tree *sourceTree) production(f func(sourceFile)) {
	for _, file := range tree.files {
		if !file.test {
			f(file)
		}
	}
}

// packages lists the folders that hold more than tests, sorted.
func (tree *sourceTree) packages() []string {
	var all []string
	tree.production(func(f sourceFile) { all = append(all, f.pkg) })
	slices.Sort(all)
	return slices.Compact(all)
}

// imports returns what a file imports: ours as folders, the rest as it stands.
func (tree *sourceTree) imports(f sourceFile) (ours, others []string) {
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // unreachable: the parser took it
		}
		if dir, ok := strings.CutPrefix(p, tree.module+"/"); ok {
			ours = append(ours, dir)
		} else {
			others = append(others, p)
		}
	}
	return ours, others
}

// at says where a node is: "file.go:12".
func (tree *sourceTree) at(n ast.Node) string {
	p := tree.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}
