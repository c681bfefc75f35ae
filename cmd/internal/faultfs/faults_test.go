package faultfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"bfxvault/cmd/internal/faultfs"

	"golang.org/x/sys/unix"
)

func wantErrno(t *testing.T, err error, name string) {
	t.Helper()
	var errno syscall.Errno
	if !errors.As(err, &errno) || unix.ErrnoName(errno) != name {
		t.Errorf("error is %v, want %s", err, name)
	}
}

func TestFaultsAppearAsTheirErrnoAndEnd(t *testing.T) {
	f, _, at := mount(t)
	fd := open(t, filepath.Join(at, "f"))
	put := func() error { _, err := fd.WriteAt([]byte("x"), 0); return err }
	reserve := func() error {
		return unix.Fallocate(int(fd.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, 1<<16)
	}
	for _, errno := range []syscall.Errno{unix.ENOSPC, unix.EIO, unix.EDQUOT} {
		f.FailWrites(errno)
		wantErrno(t, put(), unix.ErrnoName(errno))
		wantErrno(t, reserve(), unix.ErrnoName(errno))
		must(t, fd.Sync())
	}
	f.FailWrites(0)
	must(t, put(), reserve())
	f.FailSyncs(unix.EIO)
	must(t, put())
	wantErrno(t, fd.Sync(), "EIO")
	wantErrno(t, unix.Fdatasync(int(fd.Fd())), "EIO")
	f.FailSyncs(0)
	must(t, fd.Sync())
	f.ReadOnly(true)
	wantErrno(t, put(), "EROFS")
	wantErrno(t, fd.Truncate(0), "EROFS")
	wantErrno(t, os.Mkdir(filepath.Join(at, "d"), 0o700), "EROFS")
	wantErrno(t, os.Remove(filepath.Join(at, "f")), "EROFS")
	_, err := os.OpenFile(filepath.Join(at, "f"), os.O_WRONLY, 0)
	wantErrno(t, err, "EROFS")
	if got := content(filepath.Join(at, "f")); got != "x" {
		t.Errorf("read-only shows %q", got)
	}
	f.ReadOnly(false)
	must(t, put())
}

func TestAPredicateLimitsFaults(t *testing.T) {
	f, _, at := mount(t)
	must(t, os.Mkdir(filepath.Join(at, "audit"), 0o700))
	in, out := open(t, filepath.Join(at, "audit/1")), open(t, filepath.Join(at, "db"))
	f.Only(func(path string) bool { return strings.HasPrefix(path, "audit/") })
	f.FailWrites(unix.ENOSPC)
	_, err := in.Write([]byte("x"))
	wantErrno(t, err, "ENOSPC")
	_, err = out.Write([]byte("x"))
	must(t, err)
}

// waitHung waits until n operations hang.
func waitHung(f *faultfs.FS, n int) {
	for f.Hung() != n {
		runtime.Gosched()
	}
}

func TestHangBlocksWritesAndSyncsAndNothingElse(t *testing.T) {
	f, _, at := mount(t)
	fd, other := open(t, filepath.Join(at, "f")), open(t, filepath.Join(at, "g"))
	f.Hang(true)
	done := make(chan error, 2)
	go func() { _, err := fd.Write([]byte("late")); done <- err }()
	go func() { done <- other.Sync() }()
	waitHung(f, 2)
	if got := content(filepath.Join(at, "g")); got != "" {
		t.Errorf("read %q", got)
	}
	must(t, os.Mkdir(filepath.Join(at, "d"), 0o700), os.Rename(filepath.Join(at, "d"), filepath.Join(at, "e")))
	select {
	case err := <-done:
		t.Fatalf("an operation ended in the hang: %v", err)
	default:
	}
	f.Hang(false)
	must(t, <-done, <-done)
	if got := content(filepath.Join(at, "f")); got != "late" {
		t.Errorf("after the hang, the file has %q", got)
	}
}

func TestAChildThatHangsCanBeKilled(t *testing.T) {
	f, backing, at := mount(t)
	f.Hang(true)
	c := start(t, "append", at)
	if _, ok := c.number(t, "open %d"); !ok {
		t.Fatal("the child does not run")
	}
	waitHung(f, 1)
	c.kill()
	if got := content(filepath.Join(backing, "f")); got != "" {
		t.Errorf("the killed write happened: %q", got)
	}
}

func TestUnmountReleasesAHungChildAndLeavesNoMount(t *testing.T) {
	f, _, at := mount(t)
	f.Hang(true)
	c := start(t, "append", at)
	waitHung(f, 1)
	f.Unmount()
	if err := c.Wait(); err == nil {
		t.Error("the child's write went well without a disk")
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), at) {
		t.Error("still mounted")
	}
}

func TestAMappedFileSeesWrites(t *testing.T) {
	_, _, at := mount(t)
	c := start(t, "mmap", at)
	if n, _ := c.number(t, "saw %d"); n != 100 {
		t.Fatal("the map did not see every write")
	}
}
