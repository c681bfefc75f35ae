package faultfs

import (
	"context"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// node is an inode of the mount. What is not overridden here and in tree.go
// passes through. There are no handles: open files share one descriptor.
type node struct {
	fs.LoopbackNode
	f *FS
}

// WrapChild makes nodes of ours of all that go-fuse's loopback makes.
func (n *node) WrapChild(context.Context, fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: fs.LoopbackNode{RootData: n.RootData}, f: n.f}
}

func (n *node) path() string { return n.Path(n.Root()) }

// fileMu is what the node stands for. Files that somebody put into the backing
// folder behind our back are taken as durable.
func (n *node) fileMu() (*file, syscall.Errno) {
	if known := n.f.space.files[n.StableAttr().Ino]; known != nil && known.fd != nil {
		return known, 0
	}
	got, err := n.f.space.open(n.f.abs(n.path()))
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	if got.fd == nil {
		return nil, syscall.EINVAL
	}
	n.f.space.live[n.path()], n.f.space.durable[n.path()] = got, got
	return got, 0
}

// Open gives no handle: the kernel has checked the flags, and the node does the
// rest.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	var readOnly syscall.Errno
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		readOnly = n.f.readOnlyMu()
	}
	if errno := n.f.refuseMu(n.path(), readOnly); errno != 0 {
		return nil, 0, errno
	}
	_, errno := n.fileMu()
	return nil, 0, errno
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.f.refuseMu(""); errno != 0 {
		return nil, errno
	}
	got, errno := n.fileMu()
	if errno != 0 {
		return nil, errno
	}
	size, err := unix.Pread(int(got.fd.Fd()), dest, off)
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:size]), 0
}

func (n *node) Write(ctx context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.writableMu(ctx); errno != 0 {
		return 0, errno
	}
	got, errno := n.fileMu()
	if errno != 0 {
		return 0, errno
	}
	size, err := got.write(data, off)
	if size > 0 {
		return uint32(size), 0
	}
	return 0, fs.ToErrno(err)
}

func (n *node) Allocate(ctx context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.writableMu(ctx); errno != 0 {
		return errno
	}
	got, errno := n.fileMu()
	if errno != 0 {
		return errno
	}
	return fs.ToErrno(got.allocate(mode, int64(off), int64(size)))
}

// writableMu waits while the disk hangs, then says what a write fails with.
func (n *node) writableMu(ctx context.Context) syscall.Errno {
	if errno := n.f.waitMu(ctx, n.path()); errno != 0 {
		return errno
	}
	return n.f.refuseMu(n.path(), n.f.readOnlyMu(), n.f.fault.writes)
}

// Fsync is for files and folders, fsync and fdatasync.
func (n *node) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.f.waitMu(ctx, n.path()); errno != 0 {
		return errno
	}
	if errno := n.f.refuseMu(n.path(), n.f.fault.syncs); errno != 0 {
		return errno
	}
	if n.IsDir() {
		ino := n.StableAttr().Ino
		n.f.space.sync(func(c change) bool { return slices.Contains(c.folders, ino) })
		return 0
	}
	got, errno := n.fileMu()
	if errno != 0 {
		return errno
	}
	got.synced()
	n.f.space.sync(func(c change) bool { return c.made == got })
	return 0
}

// Flush says that there is nothing to do at close, once: the kernel does not ask
// again. If it did, a fork of the test process would wait for the test process.
func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno { return syscall.ENOSYS }

func (n *node) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.f.refuseMu(""); errno != 0 {
		return errno
	}
	return n.getattrMu(ctx, out)
}

// getattrMu asks the open descriptor where there is one: the name may be gone.
func (n *node) getattrMu(ctx context.Context, out *fuse.AttrOut) syscall.Errno {
	got := n.f.space.files[n.StableAttr().Ino]
	if got == nil || got.fd == nil {
		return n.LoopbackNode.Getattr(ctx, nil, out)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(got.fd.Fd()), &st); err != nil {
		return fs.ToErrno(err)
	}
	out.FromStat(&st)
	return 0
}

// Setattr notes changes of size, and passes on the rest.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if errno := n.f.refuseMu(n.path(), n.f.readOnlyMu()); errno != 0 {
		return errno
	}
	if size, ok := in.GetSize(); ok {
		got, errno := n.fileMu()
		if errno != 0 {
			return errno
		}
		if err := got.truncate(int64(size)); err != nil {
			return fs.ToErrno(err)
		}
	}
	rest := *in
	rest.Valid &= fuse.FATTR_MODE | fuse.FATTR_UID | fuse.FATTR_GID | fuse.FATTR_MTIME | fuse.FATTR_ATIME | fuse.FATTR_MTIME_NOW | fuse.FATTR_ATIME_NOW
	if rest.Valid != 0 {
		if errno := n.LoopbackNode.Setattr(ctx, nil, &rest, out); errno != 0 {
			return errno
		}
	}
	return n.getattrMu(ctx, out)
}

// CopyFileRange is not there, so that the kernel reads and writes.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	if errno := n.f.alive(); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Statfs(ctx, out)
}

var _ interface {
	fs.NodeOpener
	fs.NodeReader
	fs.NodeWriter
	fs.NodeAllocater
	fs.NodeFsyncer
	fs.NodeFlusher
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeCopyFileRanger
	fs.NodeStatfser
	fs.NodeWrapChilder
} = (*node)(nil)
