package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// folder is an open folder. It passes through, but for fsync, which is the node's.
type folder struct {
	stream
	n *node
}

// stream is what go-fuse's open folders can do.
type stream interface {
	fs.FileReaddirenter
	fs.FileSeekdirer
	fs.FileReleasedirer
}

func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.f.alive(); errno != 0 {
		return nil, 0, errno
	}
	handle, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	s, ok := handle.(stream)
	if !ok {
		return nil, 0, syscall.ENOTSUP // unreachable: go-fuse's loopback folders are all that
	}
	return &folder{s, n}, fuseFlags, 0
}

// Fsyncdir makes the changes of the folder durable.
func (d *folder) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	return d.n.Fsync(ctx, nil, flags)
}

// Readdirent fails after a cut, as everything does.
func (d *folder) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if errno := d.n.f.alive(); errno != 0 {
		return nil, errno
	}
	return d.stream.Readdirent(ctx)
}
