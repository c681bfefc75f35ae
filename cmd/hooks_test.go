package cmd_test

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The ordinary programs have no door for tests. The same look at a build that has
// one finds it.
func TestOrdinaryProgramsHaveNoHooks(t *testing.T) {
	for _, program := range []string{"vaultd", "vaultctl"} {
		if found := hooksIn(t, filepath.Join(ordinary(), program)); len(found) > 0 {
			t.Errorf("the ordinary %s has %q", program, found)
		}
		if found := hooksIn(t, filepath.Join(hooked(), program)); len(found) != 2 {
			t.Errorf("in the %s with hooks only %q was found", program, found)
		}
	}
}

// hooksIn returns what gives hooks away: the name of the clock's variable, and the
// build tag.
func hooksIn(t *testing.T, path string) (found []string) {
	t.Helper()
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if name := "BFXVAULT_TEST_"; bytes.Contains(program, []byte(name)) {
		found = append(found, name)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" && strings.Contains(s.Value, hookTag) {
			found = append(found, s.Key+"="+s.Value)
		}
	}
	return found
}
