package units_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bfxvault/cmd/internal/parts"
	"bfxvault/cmd/internal/units"
)

// install writes all units into a folder as they are, but for programs that are there,
// and returns their paths.
func install(t *testing.T) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	for _, program := range []string{"vaultd", "vaultctl", "vaultproxy"} {
		if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, scope := range []string{"system", "user"} {
		names, err := fs.Glob(os.DirFS("."), scope+"/*")
		if err != nil || len(names) < 2 {
			t.Fatalf("%d units in %s: %v", len(names), scope, err)
		}
		if err := os.Mkdir(filepath.Join(dir, scope), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := units.Text(name)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/usr/bin/", dir+"/")), 0o644); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	return dir, paths
}

// analyze runs systemd-analyze, which needs a runtime folder even to read a file.
func analyze(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir(), "SYSTEMD_LOG_LEVEL=notice")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestSystemdReadsEveryUnitWithoutComplaint(t *testing.T) {
	parts.Need(t, "systemd-analyze")
	_, paths := install(t)
	for _, path := range paths {
		args := []string{"verify", "--man=no", "--recursive-errors=no"}
		if strings.Contains(path, "/user/") {
			args = append(args, "--user")
		}
		if out := analyze(t, append(args, path)...); out != "" {
			t.Errorf("%s: %s", filepath.Base(path), out)
		}
	}
}

// What a taken-over program could still do, as systemd grades it from 0 to 10: "safe" is
// below 2. Most services of a distribution have more than 9.
func TestTheSystemServicesAreLeftLittle(t *testing.T) {
	parts.Need(t, "systemd-analyze")
	const alone, networked = 1.0, 1.2
	dir, paths := install(t)
	for _, path := range paths {
		if !strings.HasPrefix(path, dir+"/system/") || !strings.HasSuffix(path, ".service") {
			continue
		}
		out := analyze(t, "security", "--offline=true", "--no-pager", path)
		grade := regexp.MustCompile(`Overall exposure level for \S+ ([0-9.]+) `).FindStringSubmatch(out)
		if grade == nil {
			t.Fatalf("no grade in:\n%s", out)
		}
		t.Logf("%s: %s", filepath.Base(path), grade[1])
		most := alone
		if strings.HasSuffix(path, "/vaultproxy.service") {
			most = networked // it is there to have the network
		}
		if score, err := strconv.ParseFloat(grade[1], 64); err != nil || score > most {
			t.Errorf("%s has %s, more than %.1f:\n%s", filepath.Base(path), grade[1], most, out)
		}
	}
}
