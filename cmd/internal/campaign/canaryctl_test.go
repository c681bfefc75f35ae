package campaign_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// P1, A49: every command of vaultctl, as it should be and with secrets in its arguments
// and in the files that it reads.
func TestNoCommandRepeatsASecret(t *testing.T) {
	t.Parallel()
	h := newHunt(t, mixed)
	salt := operator.NewSalt()
	kek, err := operator.DeriveKEK([]byte(h.canary("the passphrase")), vault.MinArgon2(), salt)
	must(t, err)
	h.kek = *kek
	h.canaries["the KEK"] = string(kek[:])
	h.start()
	must(t, h.admin().initWith(salt), h.admin().addBot(botName, me()),
		h.admin().addKey("main", h.canary("the API secret of main")), h.admin().grant(botName, "main"))
	cases := h.commands()
	signs := len(cases["sign"])
	for _, command := range h.commandTree() {
		runs, ok := cases[command]
		if !ok {
			t.Errorf("vaultctl %s: give it a case here: what secrets in its arguments and files come to", command)
		}
		delete(cases, command)
		for _, r := range append(runs, h.strays(command)[:size(1, 3)]...) {
			h.ctl(command, r)
		}
	}
	for _, command := range slices.Sorted(maps.Keys(cases)) {
		t.Errorf("there is no command %s", command)
	}
	h.asked = signs // what strays adds does not come as far
	h.search()
}

// ctlRun is one run of a command.
type ctlRun struct {
	code  int // must be its exit code; anyBad is any but 0
	args  []string
	stdin string
	shows []string // the secrets that a file holds which it is told to check
}

const anyBad = -1

func good(args ...string) ctlRun { return ctlRun{args: args} }

func bad(args ...string) ctlRun { return ctlRun{code: anyBad, args: args} }

// strays are the mistakes that every command can be given, the most of them first:
// secrets as arguments too many, as a folder, as a flag, as a file's name.
func (h *hunt) strays(command string) []ctlRun {
	secret := func(what string) string { return h.canary(what + " of " + command) }
	return []ctlRun{
		bad("--json", "--dir", filepath.Join(h.files, secret("a folder")), secret("an argument"), secret("a second"), secret("a third")),
		bad("--" + secret("a flag")),
		bad(secret("one argument"), secret("two arguments"), secret("three"), "--passphrase-file", filepath.Join(h.files, secret("a missing file"))),
	}
}

// ctl runs vaultctl and hears both of its outputs. What was typed may be in them.
func (h *hunt) ctl(command string, r ctlRun) {
	h.t.Helper()
	if command == "sign" {
		h.pace()
	}
	args := append([]string{"--dir", h.rig.dir}, append(strings.Fields(command), r.args...)...)
	cmd := exec.Command(program(h.t, "vaultctl"), args...)
	cmd.Env = append(cmd.Environ(), "XDG_STATE_HOME="+filepath.Dir(h.rig.dir), "BFXVAULT_PASSPHRASE="+h.canary("an environment variable"))
	cmd.Stdin = strings.NewReader(r.stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if r.code != code && (r.code != anyBad || code <= 0) {
		h.t.Errorf("vaultctl %s: exit code %d, want %d (%v)\n%s", strings.Join(append([]string{command}, r.args...), " "), code, r.code, err, &out)
	}
	typed := slices.Clone(r.shows)
	for name, secret := range h.canaries {
		if strings.Contains(strings.Join(args, " "), secret) {
			typed = append(typed, name)
		}
	}
	h.hear("vaultctl "+command, out.Bytes(), typed...)
}

// commandTree lists the commands that vaultctl's help names, and the one that it hides.
func (h *hunt) commandTree() []string {
	h.t.Helper()
	list := []string{"daemon"}
	var walk func(path ...string)
	walk = func(path ...string) {
		help, err := exec.Command(program(h.t, "vaultctl"), append(path, "--help")...).CombinedOutput()
		must(h.t, err)
		before, rest, ok := strings.Cut(string(help), "\nAvailable Commands:\n")
		if strings.Contains(before, "\nExamples:\n") { // of its own: not only a group of others
			list = append(list, strings.Join(path, " "))
		}
		if !ok {
			return
		}
		section, _, _ := strings.Cut(rest, "\n\n")
		for line := range strings.Lines(section) {
			walk(append(slices.Clone(path), strings.Fields(line)[0])...)
		}
	}
	walk()
	if len(list) < 25 {
		h.t.Errorf("only %q: is the help read right?", list)
	}
	slices.Sort(list)
	// What ends the run comes last; a key is there before a grant on it.
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	return list
}

func rank(command string) int {
	switch command {
	case "key add", "bot add":
		return 0
	case "bot remove", "revoke":
		return 2
	case "policy apply":
		return 3
	case "lock":
		return 4
	case "unlock":
		return 5
	case "panic":
		return 6
	case "audit verify":
		return 7
	}
	return 1
}

// file writes a file that vaultctl is to read, and returns its path.
func (h *hunt) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.files, name)
	must(h.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
