package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"bfxvault/vault/internal/store"
)

// A2: what stands in the place of the vault file is refused and left as it is.
func TestWhatIsNoPrivateFileIsRefusedUntouched(t *testing.T) {
	vaultFile := func(t *testing.T, path string) {
		t.Helper()
		s, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for name, plant := range map[string]func(t *testing.T, path string) error{
		"a symbolic link to a vault file": func(t *testing.T, path string) error {
			vaultFile(t, path+".real")
			return os.Symlink(path+".real", path)
		},
		"a dangling symbolic link": func(t *testing.T, path string) error { return os.Symlink(path+".real", path) },
		"a FIFO":                   func(t *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) },
		"a file others can read": func(t *testing.T, path string) error {
			vaultFile(t, path)
			return os.Chmod(path, 0o604)
		},
		"a file the group can write": func(t *testing.T, path string) error {
			vaultFile(t, path)
			return os.Chmod(path, 0o620)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			if err := plant(t, path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			var unsafe *store.UnsafeFileError
			if _, err := store.Open(path); !errors.As(err, &unsafe) {
				t.Errorf("Open: %v", err)
			}
			after, err := os.Lstat(path)
			if err != nil || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("it was touched: %v, %v", after, err)
			}
		})
	}
}

func TestADirectoryInPlaceOfTheFileIsRefused(t *testing.T) {
	path := newFile(t)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Open: %v", err)
	}
}

func TestAFileOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a file away needs root")
	}
	path := newFile(t)
	sample(t, path)
	if err := os.Chown(path, 4000000000, -1); err != nil { // A6
		t.Fatal(err)
	}
	var unsafe *store.UnsafeFileError
	if _, err := store.Open(path); !errors.As(err, &unsafe) {
		t.Errorf("Open: %v", err)
	}
}

// A3: the second one gets a clear error and the first goes on.
func TestAFileInUseIsRefusedAndItsUserUnharmed(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	if _, err := store.Open(path); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second Open: %v", err)
	}
	mustApply(t, s, 0, store.Op{Bucket: store.Keys, Key: []byte("a"), Value: []byte("1")})
}

func TestOfManyCreatorsOneWins(t *testing.T) {
	path := newFile(t)
	var wg sync.WaitGroup
	winners := make(chan *store.Store, 16)
	for range cap(winners) {
		wg.Go(func() {
			s, err := store.Open(path)
			if err == nil {
				winners <- s
			} else if !errors.Is(err, store.ErrInUse) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 {
		t.Errorf("%d have the file open", len(winners))
	}
	for range len(winners) {
		if err := (<-winners).Close(); err != nil {
			t.Error(err)
		}
	}
	if list, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// P7: a file half made by a process that was killed is not in the way.
func TestAFileLeftByAKilledCreatorIsNotInTheWay(t *testing.T) {
	path := newFile(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".vault-1.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}
