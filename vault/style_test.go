package vault_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// packageVariables are the package variables that change, or could, each with its
// reason. Fixed errors, arrays, structs and embedded files need no line.
func packageVariables() map[string]string {
	all := map[string]string{
		"vault/internal/bitfinex.pathsV1": "built from the endpoint table and only read after that",
		"vault/internal/bitfinex.pathsV2": "built from the endpoint table and only read after that",
		"vault/internal/guard.process":    "locked memory is one budget per process, and one panic wipes it all",
		"vault/internal/mac.cores":        "a pool of digests, reset after each use",
	}
	const forms = "needsV1 newOrderV1 orderFieldsV1 formsV1 submitForm updateForm cancelForm cancelMultiForm idForm convertForm " +
		"textIDForm metaFields algoFields formsV2 sharedSlots trailingStops"
	for name := range strings.FieldsSeq(forms) {
		all["vault/internal/bitfinex."+name] = "part of the table of forms: built once, and only read after that"
	}
	return all
}

func TestTheCodeKeepsItsMeasure(t *testing.T) {
	reportProblems(t, checkSizes(wholeModule(t)))
}

func TestEveryPackageAndExportedNameIsDocumented(t *testing.T) {
	reportProblems(t, checkDocs(wholeModule(t)))
}

func TestNothingHappensBeforeMain(t *testing.T) {
	reportProblems(t, checkHidden(wholeModule(t), packageVariables()))
}

func checkSizes(tree *sourceTree) (problems []string) {
	for _, f := range tree.files {
		if f.generated {
			continue
		}
		if f.lines > maxFileLines {
			problems = append(problems, fmt.Sprintf("%s has %d lines, more than %d", f.path, f.lines, maxFileLines))
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := tree.fset.Position(fn.End()).Line - tree.fset.Position(fn.Pos()).Line + 1; n > maxFunctionLines {
				problems = append(problems, fmt.Sprintf("%s: %s has %d lines, more than %d", tree.at(fn), fn.Name, n, maxFunctionLines))
			}
		}
	}
	return problems
}

func checkDocs(tree *sourceTree) (problems []string) {
	documented := map[string]bool{}
	tree.production(func(f sourceFile) {
		if f.ast.Doc != nil {
			documented[f.pkg] = true
		}
		if f.generated {
			return
		}
		for _, d := range f.ast.Decls {
			for _, name := range undocumented(d) {
				problems = append(problems, fmt.Sprintf("%s: %s has no comment", tree.at(name), name.Name))
			}
		}
	})
	for _, p := range tree.packages() {
		if !documented[p] {
			problems = append(problems, fmt.Sprintf("package %s has no comment", p))
		}
	}
	return problems
}

// undocumented returns the exported names of a declaration that no comment
// covers: their own, one at the end of their line, or that of their group.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if d.Doc == nil && s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if d.Doc == nil && s.Doc == nil && s.Comment == nil && n.IsExported() {
						names = append(names, n)
					}
				}
			}
		}
	}
	return names
}

func exportedReceiver(recv *ast.FieldList) bool {
	t := recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr: // a generic type
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// checkHidden finds init functions, variables that could change behind a
// reader's back, and helpers called fooLocked: here "locked" is the vault's
// state, and "fooMu" means that the caller holds mu.
func checkHidden(tree *sourceTree, allowed map[string]string) (problems []string) {
	used := map[string]bool{}
	tree.production(func(f sourceFile) {
		if f.generated {
			return
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					problems = append(problems, fmt.Sprintf("%s: an init function", tree.at(d)))
				}
				if n := d.Name.Name; strings.HasSuffix(n, "Locked") && n != "Locked" && !d.Name.IsExported() {
					problems = append(problems, fmt.Sprintf("%s: %s; say %sMu", tree.at(d), n, strings.TrimSuffix(n, "Locked")))
				}
			case *ast.GenDecl:
				for _, n := range changeable(d) {
					name := f.pkg + "." + n.Name
					used[name] = true
					if allowed[name] == "" {
						problems = append(problems, fmt.Sprintf("%s: package variable %s", tree.at(n), n.Name))
					}
				}
			}
		}
	})
	for name := range allowed {
		if !used[name] {
			problems = append(problems, fmt.Sprintf("the table of variables has %s, which does not exist", name))
		}
	}
	slices.Sort(problems)
	return problems
}

// changeable returns the variables of a declaration that are more than a name
// for a fixed error, an array, a struct or an embedded file.
func changeable(d *ast.GenDecl) (names []*ast.Ident) {
	if d.Tok != token.VAR {
		return nil
	}
	for _, spec := range d.Specs {
		s := spec.(*ast.ValueSpec)
		embedded := strings.Contains(commentText(d.Doc)+commentText(s.Doc), "//go:embed ")
		for i, n := range s.Names {
			fixed := len(s.Values) == len(s.Names) && isFixed(s.Values[i])
			if n.Name != "_" && !embedded && !fixed {
				names = append(names, n)
			}
		}
	}
	return names
}

// commentText keeps directives, which CommentGroup.Text leaves out.
func commentText(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

func isFixed(v ast.Expr) bool {
	switch v := v.(type) {
	case *ast.CompositeLit:
		switch t := v.Type.(type) {
		case *ast.ArrayType:
			return t.Len != nil // a slice could grow
		case *ast.Ident, *ast.SelectorExpr:
			return true // a struct
		}
	case *ast.CallExpr:
		if made, ok := v.Fun.(*ast.FuncLit); ok && made.Type.Results.NumFields() == 1 {
			array, ok := made.Type.Results.List[0].Type.(*ast.ArrayType)
			return ok && array.Len != nil
		}
		sel, ok := v.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "time.Date", "regexp.MustCompile"}, pkg.Name+"."+sel.Sel.Name)
	}
	return false
}
