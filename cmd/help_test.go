package cmd_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every command has an example, and every example is a command line that can be
// read: without a daemon it ends with 0, or with 5 where it needs one.
func TestEveryCommandHasExamplesThatAreRight(t *testing.T) {
	leaves := 0
	var walk func(path []string)
	walk = func(path []string) {
		name := strings.Join(path, " ")
		help := output(t, "vaultctl "+name+" --help", 0)
		if subcommands := section(help, "Available Commands:"); len(subcommands) > 0 {
			for _, line := range subcommands {
				walk(append(path[:len(path):len(path)], strings.Fields(line)[0]))
			}
			return
		}
		leaves++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			examples := section(help, "Examples:")
			if len(examples) == 0 {
				t.Fatal("no example")
			}
			for _, line := range examples {
				if path[0] == "demo" || path[0] == "bench" || name == "backup verify" { // they have tests of their own
					line += " --help"
				}
				output(t, line, 0, 5)
			}
		})
	}
	walk(nil)
	if leaves < 18 {
		t.Errorf("only %d commands: is the help read right?", leaves)
	}
}

// section returns the lines under a title of a help text.
func section(help, title string) []string {
	_, rest, ok := strings.Cut(help, "\n"+title+"\n")
	if !ok {
		return nil
	}
	text, _, _ := strings.Cut(rest, "\n\n")
	return strings.Split(strings.Trim(text, "\n"), "\n")
}

// output runs a line of shell with the programs in PATH and no daemon.
func output(t *testing.T, line string, codes ...int) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", line)
	cmd.Dir = t.TempDir()
	for name, text := range map[string]string{"policy.toml": "[bots]\n", "requests.jsonl": ""} { // as examples name them
		if err := os.WriteFile(filepath.Join(cmd.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append(os.Environ(), "PATH="+hooked()+":"+os.Getenv("PATH"), "BFXVAULT_DIR="+t.TempDir()+"/none")
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		if cmd.ProcessState.ExitCode() == code {
			return string(out)
		}
	}
	t.Fatalf("%s: exit code %d:\n%s", line, cmd.ProcessState.ExitCode(), out)
	return ""
}

// A hint names a command that there is: each `vaultctl …` in the sources begins
// with words that are commands.
func TestEveryHintNamesACommand(t *testing.T) {
	hint := regexp.MustCompile(`vaultctl ([a-z]+)(?: ([a-z]+))?`)
	groups := map[string]string{}
	for _, line := range section(output(t, "vaultctl --help", 0), "Available Commands:") {
		name := strings.Fields(line)[0]
		groups[name] = strings.Join(section(output(t, "vaultctl "+name+" --help", 0), "Available Commands:"), "\n")
	}
	found := 0
	for file, text := range sources(t, "vaultctl", "internal/daemon", "../api", "../vault") {
		for _, quoted := range regexp.MustCompile(`(?i)hint\w*\("[^"]*"`).FindAllString(text, -1) {
			for _, m := range hint.FindAllStringSubmatch(quoted, -1) {
				found++
				subcommands, known := groups[m[1]]
				if !known || (subcommands != "" && !strings.Contains(subcommands, "  "+m[2])) {
					t.Errorf("%s: %s names no command", file, quoted)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d hints", found)
	}
}

// sources reads the Go files of some folders and below, tests left out.
func sources(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			files[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
