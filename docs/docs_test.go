// Package docs_test holds the documents to the code: what they name exists, and
// what the code has, they name. Run with -update to write anew what docs/attacks.md
// says of tests:
//
//	go test ./docs -update
package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the module's root, seen from here.
const root = ".."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files calls f for every file of the module that a person wrote, with its path
// from the root.
func files(t *testing.T, f func(name string)) {
	t.Helper()
	count := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular():
			count++
			f(p)
		}
		return nil
	})
	if err != nil || count < 100 {
		t.Fatalf("%d files: %v", count, err)
	}
}

// documents lists the Markdown files by path.
func documents(t *testing.T) (names []string) {
	files(t, func(name string) {
		if path.Ext(name) == ".md" {
			names = append(names, name)
		}
	})
	return names
}

// The bots in README.md are the files that run.
func TestTheReadmeShowsTheExamplesAsTheyAre(t *testing.T) {
	readme := read(t, "README.md")
	for name, language := range map[string]string{
		"examples/go/main.go": "go", "examples/node/bot.js": "js", "examples/python/bot.py": "python",
	} {
		if !strings.Contains(readme, "```"+language+"\n"+read(t, name)+"```\n") {
			t.Errorf("README.md does not show %s as it is", name)
		}
	}
}

// Every module that go.mod asks for by itself has a line that says what for.
func TestEveryDirectDependencyHasItsLine(t *testing.T) {
	found := regexp.MustCompile(`(?m)^\t(\S+) v\S+( // indirect)?$`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(found) < 10 {
		t.Fatalf("only %d dependencies in go.mod", len(found))
	}
	lines := read(t, "docs/dependencies.md")
	known := map[string]bool{}
	for _, r := range found {
		known[r[1]] = true
		if direct := r[2] == ""; direct && !strings.Contains(lines, "\n| `"+r[1]+"` |") {
			t.Errorf("docs/dependencies.md has no line for %s", r[1])
		}
	}
	for _, l := range regexp.MustCompile("(?m)^\\| `([a-z0-9.]+\\.[a-z]+/\\S+)` \\|").FindAllStringSubmatch(lines, -1) {
		if !known[l[1]] {
			t.Errorf("docs/dependencies.md has a line for %s, which is not in go.mod", l[1])
		}
	}
}

// Every reason that a user can meet is explained.
func TestEveryReasonIsExplained(t *testing.T) {
	operations := read(t, "docs/operations.md")
	given := regexp.MustCompile(`(?:return |failed\(|[rR]eason(?:Usage)?\s*[:=]\s*)"([A-Z_]+)"`)
	reasons := map[string]bool{}
	files(t, func(name string) {
		if (name == "vault/errors.go" || strings.HasPrefix(name, "api/") || strings.HasPrefix(name, "cmd/vaultctl/")) && !strings.HasSuffix(name, "_test.go") && path.Ext(name) == ".go" {
			for _, r := range given.FindAllStringSubmatch(read(t, name), -1) {
				reasons[r[1]] = true
			}
		}
	})
	if len(reasons) < 20 {
		t.Fatalf("only %d reasons in the code", len(reasons))
	}
	for r := range reasons {
		if !strings.Contains(operations, "\n| `"+r+"` |") {
			t.Errorf("docs/operations.md does not explain %s", r)
		}
	}
	for _, l := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(operations, -1) {
		if !reasons[l[1]] {
			t.Errorf("docs/operations.md explains %s, which the code does not give", l[1])
		}
	}
}

// A link that leads nowhere is worse than none.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, name := range documents(t) {
		for _, l := range link.FindAllStringSubmatch(read(t, name), -1) {
			target, anchor, _ := strings.Cut(l[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s: %v", name, l[1], err)
			} else if anchor != "" && !hasAnchor(read(t, to), anchor) {
				t.Errorf("%s links to %s, where there is no such heading", name, l[1])
			}
		}
	}
}

// hasAnchor makes an anchor of each heading, as GitHub does.
func hasAnchor(text, anchor string) bool {
	for line := range strings.Lines(text) {
		heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || line[0] != '#' {
			continue
		}
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// What is committed is read on other machines.
func TestNoFileNamesAPathOfThisMachine(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(here, "/") < 2 {
		return // "/src" may well stand in a file and mean another machine's
	}
	files(t, func(name string) {
		if strings.Contains(read(t, name), here+"/") {
			t.Errorf("%s names a path below %s", name, here)
		}
	})
}
