package faultfs

import (
	"context"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.f.alive(); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Lookup(ctx, name, out)
}

// Create makes a file or opens it; there is no handle, as with Open.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, errno := n.makeEntry(ctx, name, out, func(at string) error {
		fd, err := os.OpenFile(at, os.O_RDWR|os.O_CREATE|int(flags)&syscall.O_EXCL, os.FileMode(mode&0o777))
		if err != nil {
			return err
		}
		return fd.Close()
	})
	return inode, nil, 0, errno
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.makeEntry(ctx, name, out, func(at string) error { return os.Mkdir(at, os.FileMode(mode&0o777)) })
}

// Mknod also makes sockets, for those who bind them below the mount.
func (n *node) Mknod(ctx context.Context, name string, mode, dev uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.makeEntry(ctx, name, out, func(at string) error { return syscall.Mknod(at, mode, int(dev)) })
}

func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.makeEntry(ctx, name, out, func(at string) error { return os.Symlink(target, at) })
}

// makeEntry makes name in the backing folder and notes it.
func (n *node) makeEntry(ctx context.Context, name string, out *fuse.EntryOut, place func(at string) error) (*fs.Inode, syscall.Errno) {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	path := below(n.path(), name)
	if errno := n.f.refuseMu(path, n.f.readOnlyMu()); errno != 0 {
		return nil, errno
	}
	if err := place(n.f.abs(path)); err != nil {
		return nil, fs.ToErrno(err)
	}
	got, err := n.f.space.open(n.f.abs(path))
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	if n.f.space.live[path] != got {
		n.f.space.add(change{folders: n.inos(), made: got, apply: setName(path, got)})
	}
	return n.LoopbackNode.Lookup(ctx, name, out)
}

// inos are the inode numbers of folders.
func (n *node) inos(others ...*node) []uint64 {
	all := []uint64{n.StableAttr().Ino}
	for _, o := range others {
		all = append(all, o.StableAttr().Ino)
	}
	return all
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	path := below(n.path(), name)
	if errno := n.f.refuseMu(path, n.f.readOnlyMu()); errno != 0 {
		return nil, errno
	}
	inode, errno := n.LoopbackNode.Link(ctx, target, name, out)
	if errno != 0 {
		return nil, errno
	}
	got, err := n.f.space.open(n.f.abs(path))
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	n.f.space.add(change{folders: n.inos(), apply: setName(path, got)})
	return inode, 0
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.removeEntry(ctx, name, n.LoopbackNode.Unlink)
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.removeEntry(ctx, name, n.LoopbackNode.Rmdir)
}

func (n *node) removeEntry(ctx context.Context, name string, remove func(context.Context, string) syscall.Errno) syscall.Errno {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	path := below(n.path(), name)
	if errno := n.f.refuseMu(path, n.f.readOnlyMu()); errno != 0 {
		return errno
	}
	if errno := remove(ctx, name); errno != 0 {
		return errno
	}
	n.f.space.add(change{folders: n.inos(), apply: dropName(path)})
	return 0
}

// Rename knows no exchange of two names.
func (n *node) Rename(ctx context.Context, name string, newParent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	const noReplace = 1
	to, ok := newParent.(*node)
	if !ok || flags&^noReplace != 0 {
		return syscall.EINVAL
	}
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	from, into := below(n.path(), name), below(to.path(), newName)
	if errno := n.f.refuseMu(from, n.f.readOnlyMu()); errno != 0 {
		return errno
	}
	if errno := n.LoopbackNode.Rename(ctx, name, newParent, newName, flags); errno != 0 {
		return errno
	}
	if n.f.space.live[from] != n.f.space.live[into] { // two names of one file: nothing happened
		n.f.space.add(change{folders: n.inos(to), apply: moveName(from, into)})
	}
	return 0
}

var _ interface {
	fs.NodeLookuper
	fs.NodeOpendirHandler
	fs.NodeCreater
	fs.NodeMkdirer
	fs.NodeMknoder
	fs.NodeSymlinker
	fs.NodeLinker
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
} = (*node)(nil)
