// Package faultfs is a disk for tests: a file system in user space (FUSE) that
// passes everything through to a backing folder, fails as real disks fail, and
// knows what a power cut would have left of it. Start with Mount, run the real
// program on the mounted folder as a child process, then call FailWrites,
// FailSyncs, ReadOnly, Hang or Cut; nothing in the program knows of any of it.
//
// Traps:
//   - The test is the server of the mount. What touches it from within the test
//     process must be a system call that the Go runtime knows of (package os);
//     a page fault on mapped memory would wait for a process that stopped to
//     collect garbage and waits for it. So a child maps, never the test.
//   - The backing folder is written at once and never synced: it is the page
//     cache. Only Cut turns it into what a disk would hold, so look into it,
//     and mount it again, after Cut.
//   - A process killed while its write hangs ends when the kill is seen, within
//     some 20 ms, and its write does not happen.
//   - A program that maps a file dies of SIGBUS when it touches, after Cut, a page
//     that it has not touched before.
//   - Modes, owners and times are taken as durable at once. Extended attributes
//     are the backing folder's. mmap for writing works as far as msync goes.
//   - A failed fsync leaves its writes as they were, not durable; the next one
//     that succeeds makes them durable. Some disks are worse.
//
// A cut at a numbered operation: Only with a function that counts down and says
// true from zero on, Hang(true), wait until Hung() is 1, Cut.
//
// The promise: what Cut leaves could have been left by ext4 (data=ordered,
// delayed allocation) or by a stricter reading of POSIX, and what was acknowledged
// by fsync is always there.
package faultfs

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// FS is one mounted life of a backing folder. Its methods may be called from any
// goroutine.
type FS struct {
	backing, at string
	server      *fuse.Server
	unmount     sync.Once

	mu    sync.Mutex // covers everything below, and every change of the backing folder
	fault faults
	space space
	dead  bool // power is off: everything answers EIO
}

// Mount serves the folder backing at the folder at, which it makes if it is
// missing, and unmounts when the test ends, however it ends; children that still
// live then get errors. A test without /dev/fuse or without the right to mount
// is skipped; every other failure fails it.
func Mount(t testing.TB, backing, at string) *FS {
	t.Helper()
	if err := unix.Access("/dev/fuse", unix.R_OK|unix.W_OK); err != nil {
		t.Skipf("faultfs: this test needs /dev/fuse: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("faultfs: this test mounts a file system, which needs root")
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatalf("faultfs: %v", err)
	}
	f := &FS{backing: backing, at: at}
	if err := f.space.load(backing); err != nil {
		t.Fatalf("faultfs: read the backing folder: %v", err)
	}
	err := f.serve()
	if err == syscall.EPERM || err == syscall.EACCES {
		f.space.close()
		t.Skipf("faultfs: this test mounts a file system, which is not permitted here: %v", err)
	}
	if err != nil {
		f.space.close()
		t.Fatalf("faultfs: mount at %s: %v", at, err)
	}
	t.Cleanup(f.Unmount)
	return f
}

// serve mounts without any cache of names and attributes, and starts to answer.
func (f *FS) serve() error {
	var st syscall.Stat_t
	if err := syscall.Stat(f.backing, &st); err != nil {
		return err
	}
	data := &fs.LoopbackRoot{Path: f.backing, Dev: uint64(st.Dev)}
	root := &node{LoopbackNode: fs.LoopbackNode{RootData: data}, f: f}
	data.RootNode = root
	server, err := fs.Mount(f.at, root, &fs.Options{
		RootStableAttr:  &fs.StableAttr{Ino: st.Ino, Gen: 1},
		NullPermissions: true,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, AllowOther: true, FsName: "faultfs", Name: "faultfs",
			Logger: log.New(io.Discard, "", 0)}, // it complains of callers that were killed
	})
	f.server = server
	return err
}

// Unmount takes the mount away, also from under processes that still use it, and
// releases whatever hangs. Cleanup calls it; a test calls it to mount the
// backing folder again at the same place. It changes nothing in the backing
// folder: without Cut, this is a clean shutdown. A second call does nothing.
func (f *FS) Unmount() {
	f.unmount.Do(func() {
		f.mu.Lock()
		f.dead = true
		f.mu.Unlock()
		f.Hang(false)
		// Forced, so that the kernel answers for us from here on; lazily, so that
		// no open file keeps the mount.
		if err := unix.Unmount(f.at, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			panic("faultfs: unmount " + f.at + ": " + err.Error()) // a leaked mount must not go unseen
		}
		f.server.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.space.close()
	})
}

// abs is where path, as the mount knows it, lies in the backing folder.
func (f *FS) abs(path string) string { return filepath.Join(f.backing, path) }
