// Package parts is for tests that need a part of the system which is not there on every
// machine: systemd's tools, a keyring, PAM.
//
// Call Need first thing in such a test. It skips the test where a part is absent; where
// BFXVAULT_REQUIRE_PARTS is 1, as in the gate, which installs them, it fails the test:
// nothing is left out there without a word.
package parts

import (
	"os"
	"os/exec"
	"testing"
)

// Env says that no part may be absent.
const Env = "BFXVAULT_REQUIRE_PARTS"

// Need goes on where all of these programs are in PATH.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Absent(t, p)
		}
	}
}

// Absent skips the test for want of something, or fails it.
func Absent(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Env) == "1" {
		t.Fatalf("%s is not here, and %s says that it is", what, Env)
	}
	t.Skipf("%s is not here", what)
}
