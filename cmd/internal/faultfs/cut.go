package faultfs

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Cut is the power cut. From when it begins, every operation on the mount fails
// with EIO and nothing more reaches the backing folder, which holds, when Cut
// returns, what a disk may hold when the power is back:
//
//   - Of the changes to folders (create, mkdir, link, rename, unlink) that no
//     fsync of the folder made durable, the first so many, none to all, in the
//     order in which they were made; each of them whole. An fsync of a file makes
//     its creation durable as well, and whatever came before that.
//   - Each write since the last fsync or fdatasync of its file, cut at borders of
//     4096 bytes, part by part: kept, dropped, or torn at a border of 512 bytes.
//     What was dropped reads as before, or as zeros where there was nothing.
//   - Of each file the size that it had after some number of the operations
//     since its last fsync, none to all. What was kept beyond is lost.
//
// All choices come from r, which decides alike for like histories. The program
// may still run; kill it, and call Unmount, before the next Mount.
// Errors are those of the backing folder, and mean that it is good for nothing.
func (f *FS) Cut(r *rand.Rand) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	if f.fault.hang != nil {
		close(f.fault.hang)
		f.fault.hang = nil
	}
	names := f.space.after(r.IntN(len(f.space.changes) + 1))
	settled := map[*file]bool{}
	for _, path := range slices.Sorted(maps.Keys(names)) {
		if got := names[path]; got.fd != nil && !settled[got] {
			settled[got] = true
			if err := got.settle(r); err != nil {
				return fmt.Errorf("faultfs: cut %s: %w", path, err)
			}
		}
	}
	if err := f.rebuildMu(names); err != nil {
		return fmt.Errorf("faultfs: cut: %w", err)
	}
	f.space.live, f.space.durable, f.space.changes = names, maps.Clone(names), nil
	return nil
}

// rebuildMu makes the tree of the backing folder be names. Files that are to get
// a name are first put aside under names of ours, since old and new ones may
// cross.
func (f *FS) rebuildMu(names map[string]*file) error {
	aside := map[*file]string{}
	ordered := slices.Sorted(maps.Keys(names)) // folders before what is in them
	for i, path := range ordered {
		got := names[path]
		if f.space.live[path] == got || isFolder(got) || aside[got] != "" {
			continue
		}
		aside[got] = f.abs(fmt.Sprintf(".faultfs-aside-%d", i))
		if err := f.saveMu(got, aside[got]); err != nil {
			return err
		}
	}
	old := slices.Sorted(maps.Keys(f.space.live))
	slices.Reverse(old)
	for _, path := range old {
		// A folder that is a folder still is the same one to all who look.
		if was, now := f.space.live[path], names[path]; was != now && !(now != nil && isFolder(was) && isFolder(now)) {
			if err := os.Remove(f.abs(path)); err != nil {
				return err
			}
		}
	}
	for _, path := range ordered {
		if err := f.restoreMu(path, names[path], aside[names[path]]); err != nil {
			return err
		}
	}
	for _, path := range aside {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// restoreMu gives got the name path, if that is not there yet.
func (f *FS) restoreMu(path string, got *file, aside string) error {
	switch {
	case isFolder(got):
		err := os.Mkdir(f.abs(path), os.FileMode(got.mode&0o777))
		if os.IsExist(err) {
			return nil
		}
		return err
	case f.space.live[path] == got:
		return nil
	default:
		return os.Link(aside, f.abs(path))
	}
}

// saveMu gives got the name to in the backing folder: as a link where it has a
// name still, else as a copy.
func (f *FS) saveMu(got *file, to string) error {
	for path, other := range f.space.live {
		if other == got {
			return os.Link(f.abs(path), to)
		}
	}
	if got.fd == nil {
		// A socket, a pipe or a symbolic link without a name: its kind comes back, empty.
		if got.mode&syscall.S_IFMT == syscall.S_IFLNK {
			return os.Symlink("", to)
		}
		return syscall.Mknod(to, got.mode, 0)
	}
	st, err := got.fd.Stat()
	if err != nil {
		return err
	}
	fd, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, st.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(fd, io.NewSectionReader(got.fd, 0, st.Size())); err != nil {
		fd.Close()
		return err
	}
	if owner, ok := st.Sys().(*syscall.Stat_t); ok {
		if err := fd.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			fd.Close()
			return err
		}
	}
	return fd.Close()
}

func isFolder(f *file) bool { return f.mode&syscall.S_IFMT == syscall.S_IFDIR }

// below is the path of name in folder, as the mount knows it.
func below(folder, name string) string {
	return strings.TrimPrefix(filepath.Join(folder, name), "/")
}
