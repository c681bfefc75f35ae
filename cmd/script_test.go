// Package cmd_test runs the programs as their users do: real binaries, each in a
// process of its own, over real sockets and a real terminal.
//
// The scripts are in testdata/script, one for each subcommand and topic, written
// for testscript (github.com/rogpeppe/go-internal); the commands that it does not
// bring along are in commands_test.go and pty_test.go.
package cmd_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"bfxvault/cmd/internal/parts"
)

// root is a short folder for everything here, since the path of a unix socket has
// 100 bytes at most: the binaries, and the folder of each script.
var root string

// The folders of the two pairs of vaultd and vaultctl.
func ordinary() string { return filepath.Join(root, "ordinary") }
func hooked() string   { return filepath.Join(root, "hooked") }

const hookTag = "bfxvault_testhooks"

// long has stock clients send 20,000 requests, in place of 2,048.
var long = flag.Bool("long", false, "run the long forms")

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"pty": runPty})
}

// suite builds the programs once, before all tests.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	var err error
	if root, err = os.MkdirTemp("/tmp", "v"); err == nil {
		defer os.RemoveAll(root)
		err = buildAll()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func buildAll() error {
	if err := os.Chmod(root, 0o755); err != nil { // programs of other uids go through it
		return err
	}
	if err := noteSources(); err != nil {
		return err
	}
	if err := build(ordinary()); err != nil {
		return err
	}
	return build(hooked(), "-tags", hookTag)
}

func build(dir string, flags ...string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	args := append([]string{"build", "-buildvcs=false", "-o", dir + "/"}, flags...)
	out, err := exec.Command("go", append(args, "./vaultd", "./vaultctl", "./vaultproxy")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// noteSources opens every folder of the module, so that the test cache knows what
// the programs are built of: it sees what this process opens, and not what its
// children do.
func noteSources() error {
	return filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
}

func TestScripts(t *testing.T) {
	dir, err := os.MkdirTemp(root, "") // a fresh one for each -count
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		WorkdirRoot:        dir,
		Setup:              setUp,
		Condition:          condition,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"alone":    cmdAlone,
			"code":     cmdCode,
			"daemon":   cmdDaemon,
			"exchange": cmdExchange,
			"given":    cmdGiven,
			"load":     cmdLoad,
			"person":   cmdPerson,
			"proxy":    cmdProxy,
			"signed":   cmdSigned,
			"stock":    cmdStock,
			"tamper":   cmdTamper,
		},
	})
}

// What every script has: the folder v for its vault, and these in files that only
// their owner can read.
const (
	passphrase = "correct horse battery staple"
	apiKey     = "nLlPWyDIcJnBAaQvVhwEkVgqjbyUmOnGdJ"
	apiSecret  = "Xb7pQ0dZr3sVt5uWy8KzA1cE4gH6jLmNoR9TfUiYxPq"
	newSecret  = "mW2kXo9eTq4GhVb1sZy7LdRc3UfNj6PaKi8tBvQwEg5" // of the API key K2, where a script has one
)

func setUp(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	files := map[string]string{
		"pass": passphrase, "wrong": "incorrect horse", "secret": apiSecret, "secret2": newSecret,
		"secrets": apiKey + " " + apiSecret + "\nK2 " + newSecret, // for load
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text+"\n"), 0o600); err != nil {
			return err
		}
	}
	examples, err := filepath.Abs("../examples")
	if err != nil {
		return err
	}
	each := 256 // of eight processes
	if *long {
		each = 2500
	}
	e.Vars = append(e.Vars,
		"EACH="+strconv.Itoa(each), "ALL="+strconv.Itoa(8*each),
		"PATH="+hooked()+":"+os.Getenv("PATH"),
		"ORDINARY="+ordinary(),
		"HOME="+home,
		"BFXVAULT_DIR="+filepath.Join(e.WorkDir, "v"),
		"BFXVAULT_TEST_CLOCK="+filepath.Join(e.WorkDir, "clock"), // no file yet: the real time
		"BFXVAULT_TEST_SLEPT="+filepath.Join(e.WorkDir, "slept"), // nor here: the machine is awake
		"KEY="+apiKey,
		"STOCK="+filepath.Join(examples, "stock"), "PYTHON="+filepath.Join(examples, "python"),
		"UID="+strconv.Itoa(os.Geteuid()),
		"GID="+strconv.Itoa(os.Getegid()),
	)
	d := new(daemon)
	e.Values[daemon{}] = d
	e.Defer(d.clean)
	x := new(exchange)
	e.Values[exchangeKey{}] = x
	e.Defer(x.end)
	p := new(proxyProcess)
	e.Values[proxyKey{}] = p
	e.Defer(p.clean)
	l := new(load)
	e.Values[loadKey{}] = l
	e.Defer(l.end)
	e.T().(testing.TB).Cleanup(func() { checkLeaks(e.T().(testing.TB), e.WorkDir) })
	return nil
}

// stockClients says whether node and the clients of examples/stock are here.
func stockClients() (bool, error) {
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat("../examples/stock/node_modules/ccxt")
	}
	if err != nil && os.Getenv(parts.Env) == "1" {
		return false, fmt.Errorf("node, or what npm ci makes of examples/stock, is not here, and %s says that it is: %w", parts.Env, err)
	}
	return err == nil, nil
}

// condition adds [root], [stock], and [part:PROGRAM] for a part of the system that the gate has and
// not every machine.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "stock":
		return stockClients()
	}
	part, ok := strings.CutPrefix(name, "part:")
	if !ok {
		return false, fmt.Errorf("unknown condition")
	}
	_, err := exec.LookPath(part)
	if err != nil && os.Getenv(parts.Env) == "1" {
		return false, fmt.Errorf("%s is not here, and %s says that it is", part, parts.Env)
	}
	return err == nil, nil
}

// checkLeaks looks for the passphrase and the API secret in all that a script
// left behind: the vault's folder, one that it was restored to, backups, the daemon's log,
// the terminal (P1).
func checkLeaks(t testing.TB, dir string) {
	for _, name := range []string{"v", "w", "home", "one.backup", "vault.backup", "vaultd.log", "tty"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // not every script has all of them
			}
			text, err := os.ReadFile(path)
			if err == nil {
				if what := secretIn(string(text)); what != "" {
					t.Errorf("%s holds %s", path, what)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func secretIn(text string) string {
	switch {
	case strings.Contains(text, passphrase):
		return "the passphrase"
	case strings.Contains(text, apiSecret), strings.Contains(text, newSecret):
		return "the API secret"
	}
	return ""
}
