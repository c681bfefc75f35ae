package faultfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"bfxvault/cmd/internal/faultfs"
)

func mount(t *testing.T) (f *faultfs.FS, backing, at string) {
	t.Helper()
	backing, at = t.TempDir(), t.TempDir()
	return faultfs.Mount(t, backing, at), backing, at
}

// must is for calls that only fail when the test is wrong.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	fd, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	t.Cleanup(func() { fd.Close() })
	return fd
}

func syncDir(t *testing.T, path string) {
	t.Helper()
	d, err := os.Open(path)
	must(t, err)
	must(t, d.Sync(), d.Close())
}

func write(t *testing.T, fd *os.File, data []byte, off int64) {
	t.Helper()
	_, err := fd.WriteAt(data, off)
	must(t, err)
}

// cuts makes n lives and n cuts of them, and counts what inspect says of each.
func cuts(t *testing.T, n int, live func(t *testing.T, r *rand.Rand, at string), inspect func(backing string) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		f, backing, at := mount(t)
		live(t, r, at)
		must(t, f.Cut(r))
		f.Unmount()
		seen[inspect(backing)]++
	}
	for s, times := range seen {
		t.Logf("%3d times %.80q", times, s)
	}
	return seen
}

func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "none"
	}
	return string(b)
}

func wantSeen(t *testing.T, seen map[string]int, want ...string) {
	t.Helper()
	for s := range seen {
		if !slices.Contains(want, s) {
			t.Errorf("left over: %.80q, which cannot be", s)
		}
	}
	for _, s := range want {
		if seen[s] == 0 {
			t.Errorf("never left over: %.80q", s)
		}
	}
}

func TestWhatWasSyncedSurvivesAndWhatWasNotSometimesDoesNot(t *testing.T) {
	seen := cuts(t, 200, func(t *testing.T, r *rand.Rand, at string) {
		fd := open(t, filepath.Join(at, "f"))
		write(t, fd, []byte("old"), 0)
		must(t, fd.Sync())
		write(t, fd, []byte("new"), 0)
		write(t, fd, []byte("er"), 3)
	}, func(backing string) string { return content(filepath.Join(backing, "f")) })
	wantSeen(t, seen, "old", "new", "old\x00\x00", "new\x00\x00", "older", "newer")
}

func TestACutTearsAtSectorsOnly(t *testing.T) {
	torn, pages := 0, map[string]bool{}
	cuts(t, 60, func(t *testing.T, r *rand.Rand, at string) {
		fd := open(t, filepath.Join(at, "f"))
		write(t, fd, bytes.Repeat([]byte{'o'}, 3*4096), 0)
		must(t, fd.Sync())
		write(t, fd, bytes.Repeat([]byte{'n'}, 2*4096), 100)
	}, func(backing string) string {
		got := content(filepath.Join(backing, "f"))
		if len(got) != 3*4096 {
			t.Fatalf("size is %d", len(got))
		}
		for i := 1; i < len(got); i++ {
			if got[i] != got[i-1] && i%512 != 0 && i != 100 && i != 100+2*4096 {
				t.Fatalf("torn at %d", i)
			}
			if got[i] != got[i-1] && i%4096 != 0 && i%512 == 0 {
				torn++
			}
		}
		pages[fmt.Sprintf("%c%c%c", got[100], got[4096], got[8192])] = true
		return "ok"
	})
	if torn == 0 || len(pages) < 6 {
		t.Errorf("torn %d times, pages in the states %v", torn, pages)
	}
}

func TestFsyncedBytesSurviveWhateverHappensAround(t *testing.T) {
	for seed := range 60 {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		f, backing, at := mount(t)
		fd := open(t, filepath.Join(at, "f"))
		var durable, now []byte
		for range 1 + r.IntN(30) {
			switch r.IntN(4) {
			case 0:
				must(t, fd.Sync())
				durable = slices.Clone(now)
			case 1:
				n := r.IntN(20000)
				must(t, fd.Truncate(int64(n)))
				now = append(now, make([]byte, 20000)...)[:n:n]
			default:
				data := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, 1+r.IntN(9000))
				off := r.IntN(len(now) + 1)
				write(t, fd, data, int64(off))
				now = append(slices.Clone(now), make([]byte, max(0, off+len(data)-len(now)))...)
				copy(now[off:], data)
			}
			if got := content(filepath.Join(at, "f")); got != string(now) {
				t.Fatalf("seed %d: the mount does not show what was written", seed)
			}
		}
		if seed%2 == 0 {
			must(t, fd.Sync())
			durable = now
			write(t, fd, []byte("a tail"), int64(len(now)))
		}
		must(t, f.Cut(r))
		f.Unmount()
		got := content(filepath.Join(backing, "f"))
		if seed%2 == 0 && (len(got) < len(durable) || got[:len(durable)] != string(durable)) {
			t.Fatalf("seed %d: what was synced is not there", seed)
		}
	}
}

func TestCreationIsDurableByFsyncOfFileOrFolder(t *testing.T) {
	seen := cuts(t, 40, func(t *testing.T, r *rand.Rand, at string) {
		must(t, os.Mkdir(filepath.Join(at, "d"), 0o700))
		must(t, open(t, filepath.Join(at, "d/synced")).Sync())
		open(t, filepath.Join(at, "d/by-folder"))
		syncDir(t, filepath.Join(at, "d"))
		open(t, filepath.Join(at, "d/lost"))
	}, func(backing string) string {
		names := []string{}
		entries, _ := os.ReadDir(filepath.Join(backing, "d"))
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return fmt.Sprint(names)
	})
	wantSeen(t, seen, "[by-folder synced]", "[by-folder lost synced]")
}

func TestRenamesAreWhole(t *testing.T) {
	seen := cuts(t, 60, func(t *testing.T, r *rand.Rand, at string) {
		f, tmp := filepath.Join(at, "f"), filepath.Join(at, "tmp")
		fd := open(t, f)
		write(t, fd, []byte("old"), 0)
		must(t, fd.Sync())
		fd = open(t, tmp)
		write(t, fd, []byte("new"), 0)
		must(t, fd.Sync(), os.Rename(tmp, f))
	}, func(backing string) string {
		return content(filepath.Join(backing, "f")) + " " + content(filepath.Join(backing, "tmp"))
	})
	wantSeen(t, seen, "old new", "new none")
}

func TestUnlinkLinkAndFoldersComeBackInOrder(t *testing.T) {
	seen := cuts(t, 80, func(t *testing.T, r *rand.Rand, at string) {
		must(t, os.MkdirAll(filepath.Join(at, "a/b"), 0o700))
		fd := open(t, filepath.Join(at, "a/b/f"))
		write(t, fd, []byte("x"), 0)
		must(t, fd.Sync())
		must(t, os.Link(filepath.Join(at, "a/b/f"), filepath.Join(at, "l")))
		must(t, os.Rename(filepath.Join(at, "a"), filepath.Join(at, "c")))
		must(t, os.Remove(filepath.Join(at, "c/b/f")), os.Remove(filepath.Join(at, "l")))
		must(t, os.Remove(filepath.Join(at, "c/b")))
	}, func(backing string) string {
		var all []string
		filepath.WalkDir(backing, func(path string, _ os.DirEntry, _ error) error {
			rel, _ := filepath.Rel(backing, path)
			all = append(all, rel)
			return nil
		})
		return fmt.Sprint(all[1:])
	})
	wantSeen(t, seen, "[a a/b a/b/f]", "[a a/b a/b/f l]", "[c c/b c/b/f l]", "[c c/b l]", "[c c/b]", "[c]")
}

func TestNothingReachesTheBackingAfterACut(t *testing.T) {
	f, backing, at := mount(t)
	fd := open(t, filepath.Join(at, "f"))
	write(t, fd, []byte("kept"), 0)
	must(t, fd.Sync())
	must(t, f.Cut(rand.New(rand.NewPCG(1, 1))))
	_, err := fd.WriteAt([]byte("lost"), 0)
	wantErrno(t, err, "EIO")
	wantErrno(t, fd.Sync(), "EIO")
	_, err = os.ReadDir(at)
	wantErrno(t, err, "EIO")
	wantErrno(t, os.Mkdir(filepath.Join(at, "d"), 0o700), "EIO")
	if got := content(filepath.Join(backing, "f")); got != "kept" {
		t.Errorf("the backing file has %q", got)
	}
}

// FAULTFS_LIVES=200 is the campaign; the suite makes fewer, since each takes a
// process and a mount.
func TestBoltOpensWithTheLastTransactionOrTheNextAfterEveryCut(t *testing.T) {
	backing, at := t.TempDir(), t.TempDir()
	r := rand.New(rand.NewPCG(3, 3))
	acked, next := uint64(0), 0
	lives := 40
	if n := os.Getenv("FAULTFS_LIVES"); n != "" {
		var err error
		lives, err = strconv.Atoi(n)
		must(t, err)
	}
	for life := range lives {
		f := faultfs.Mount(t, backing, at)
		c := start(t, "bolt", at)
		has, ok := c.number(t, "has %d")
		if !ok || has != acked && has != acked+1 {
			t.Fatalf("life %d: the database has transaction %d, and %d was acknowledged", life, has, acked)
		}
		if has != acked {
			next++
		}
		acked = has
		for range r.IntN(2) {
			if n, ok := c.number(t, "ack %d"); ok {
				acked = n
			}
		}
		left := r.IntN(30) // the cut comes before the operation with this number; a commit has some thirteen
		f.Only(func(string) bool { left--; return left < 0 })
		f.Hang(true)
		waitHung(f, 1)
		must(t, f.Cut(r))
		for {
			n, ok := c.number(t, "ack %d")
			if !ok {
				break
			}
			acked = n
		}
		c.kill()
		f.Unmount()
	}
	t.Logf("%d transactions, %d of them there without having been acknowledged", acked, next)
}
