package campaign_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// scratch is where the programs are built; TestMain removes it.
var scratch string

const moduleRoot = "../../.."

var (
	ordinary = sync.OnceValues(func() (string, error) {
		return build("ordinary", "./cmd/vaultd", "./cmd/vaultctl", "./cmd/vaultproxy")
	})
	hooked = sync.OnceValues(func() (string, error) {
		return build("hooked", "-tags=bfxvault_testhooks", "./cmd/vaultd")
	})
)

// build builds programs into a folder that every user may pass through. -s -w
// leaves out what only a debugger reads, and halves the time.
func build(name string, args ...string) (string, error) {
	if err := readSources(); err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Chmod(scratch, 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command("go", append([]string{"build", "-ldflags=-s -w", "-o", dir + "/"}, args...)...)
	cmd.Dir = moduleRoot
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, out)
	}
	return dir, nil
}

// readSources looks at what the programs are built from: go test serves a result
// from its cache unless a file changed that the test itself has looked at.
func readSources() error {
	return filepath.WalkDir(moduleRoot, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		_, err = os.Stat(path)
		return err
	})
}

// program returns the path of a program of the ordinary build.
func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := ordinary()
	must(t, err)
	return filepath.Join(dir, name)
}

// hookedDaemon returns the path of the vaultd whose clock a test can set.
func hookedDaemon(t testing.TB) string {
	t.Helper()
	dir, err := hooked()
	must(t, err)
	return filepath.Join(dir, "vaultd")
}

// The doors of the hooked vaultd.
const (
	clockEnv = "BFXVAULT_TEST_CLOCK" // its wall clock
	killEnv  = "BFXVAULT_TEST_KILL"  // the point at which it kills itself
)

// The hooks that tests use are in no binary that users get.
func TestTheOrdinaryBuildHasNoTestHooks(t *testing.T) {
	for path, want := range map[string]bool{
		program(t, "vaultd"): false, program(t, "vaultctl"): false, hookedDaemon(t): true,
	} {
		text, err := os.ReadFile(path)
		must(t, err)
		for _, hook := range []string{clockEnv, killEnv} {
			if got := bytes.Contains(text, []byte(hook)); got != want {
				t.Errorf("%s has the hook %s: %t, want %t", path, hook, got, want)
			}
		}
	}
}
