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
	paths := leaves(t)
	for _, name := range paths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			examples := section(output(t, "vaultctl "+name+" --help", 0), "Examples:")
			if len(examples) == 0 {
				t.Fatal("no example")
			}
			for _, line := range examples {
				if name == "demo" || name == "bench" || name == "sim" || name == "backup verify" { // they have tests of their own
					line += " --help"
				}
				output(t, line, 0, 5)
			}
		})
	}
	if len(paths) < 50 {
		t.Errorf("only %d commands: is the help read right?", len(paths))
	}
}

// Every command has a script that runs it, for a person and with --json; and where it takes
// a label or a bot that there is, one that has them offered.
func TestEveryCommandHasAScript(t *testing.T) {
	scripts := scriptLines(t)
	for _, path := range leaves(t) {
		usage := section(output(t, "vaultctl "+path+" --help", 0), "Usage:")[0]
		run, asJSON, offered := false, false, false
		for _, line := range scripts {
			if rest, ok := strings.CutPrefix(line, "vaultctl __complete "+path+" "); ok && rest != "" {
				offered = true
			}
			rest, ok := strings.CutPrefix(line, "vaultctl "+path)
			if ok && (rest == "" || rest[0] == ' ') {
				run, asJSON = true, asJSON || strings.Contains(line, "--json")
			}
		}
		switch path {
		case "help": // prints help
		case "audit export": // prints records, as JSON or CSV
		case "bench": // half a minute of measuring
		default:
			if !run || !asJSON {
				t.Errorf("vaultctl %s: no script, or none with --json", path)
			}
		}
		if regexp.MustCompile(` (LABEL|BOT|NAME)\b`).MatchString(usage) && path != "key add" && path != "bot add" && !offered {
			t.Errorf("vaultctl %s: no script has its labels or bots offered", path)
		}
	}
}

// scriptLines are the command lines in all scripts, from the program's name on.
func scriptLines(t *testing.T) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if at := strings.Index(line, "vaultctl "); at >= 0 {
				lines = append(lines, strings.TrimSpace(line[at:]))
			}
		}
	}
	return lines
}

// leaves are all commands that do something, such as "key add".
func leaves(t *testing.T) (paths []string) {
	t.Helper()
	var walk func(path string)
	walk = func(path string) {
		subcommands := section(output(t, "vaultctl "+path+" --help", 0), "Available Commands:")
		if len(subcommands) == 0 {
			paths = append(paths, path)
		}
		for _, line := range subcommands {
			walk(strings.TrimSpace(path + " " + strings.Fields(line)[0]))
		}
	}
	walk("")
	return paths
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
