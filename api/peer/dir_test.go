package peer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"bfxvault/api/peer"
)

// A2: run/, whatever the umask says.
func TestAFolderGetsItsModeOrIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		plant func(t *testing.T, path string)
		mode  os.FileMode
		bad   bool
		root  bool
	}{
		{"absent", func(*testing.T, string) {}, 0o700, false, false},
		{"absent, and others may pass", func(*testing.T, string) {}, 0o711, false, false},
		{"as wanted", func(t *testing.T, p string) { mkdir(t, p, 0o700) }, 0o700, false, false},
		{"wider", func(t *testing.T, p string) { mkdir(t, p, 0o777) }, 0o700, false, false},
		{"narrower", func(t *testing.T, p string) { mkdir(t, p, 0o700) }, 0o711, false, false},
		{"a file", write2, 0o700, true, false},
		{"a symbolic link to a folder of ours", func(t *testing.T, p string) {
			mkdir(t, p+"x", 0o755)
			try(t, os.Symlink(p+"x", p))
		}, 0o700, true, false},
		{"a symbolic link to nothing", func(t *testing.T, p string) { try(t, os.Symlink("nothing", p)) }, 0o700, true, false},
		{"of somebody else", func(t *testing.T, p string) {
			mkdir(t, p, 0o755)
			try(t, os.Lchown(p, nobody, nobody))
		}, 0o700, true, true},
	} {
		for _, umask := range []int{0, 0o777} {
			t.Run(fmt.Sprintf("%s, umask %03o", tc.name, umask), func(t *testing.T) {
				if tc.root && !isRoot() {
					t.Skip("needs root, to have something of another uid")
				}
				path := filepath.Join(folder(t), "run")
				tc.plant(t, path)
				before := ""
				if tc.bad {
					before = state(t, path)
				}
				old := syscall.Umask(umask)
				err := peer.EnsureDir(path, tc.mode)
				syscall.Umask(old)
				if !tc.bad {
					try(t, err)
					if mode, _ := modeOf(t, path); mode != uint32(tc.mode) {
						t.Errorf("mode %o", mode)
					}
					return
				}
				if !errors.Is(err, peer.ErrUnsafe) {
					t.Errorf("got %v", err)
				}
				if after := state(t, path); after != before {
					t.Errorf("touched: %s, was %s", after, before)
				}
			})
		}
	}
	if !isRoot() { // somebody else's folder that every machine has
		if err := peer.EnsureDir("/usr", 0o700); !errors.Is(err, peer.ErrUnsafe) {
			t.Errorf("/usr: %v", err)
		}
	}
	if err := peer.EnsureDir(folder(t)+"/a/b", 0o700); err == nil {
		t.Error("the folder above was made, too")
	}
	if err := peer.EnsureDir(folder(t)+"/a", 0o700|os.ModeSticky); err == nil {
		t.Error("a mode that is not permissions alone")
	}
}

func write2(t *testing.T, path string) { write(t, path) }

func mkdir(t testing.TB, path string, mode os.FileMode) {
	try(t, os.Mkdir(path, 0o700))
	try(t, os.Chmod(path, mode))
}
