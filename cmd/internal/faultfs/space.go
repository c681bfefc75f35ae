package faultfs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// space is the tree of names: as it is, and as the disk is sure to hold it.
type space struct {
	files   map[uint64]*file // by inode number
	live    map[string]*file // by path below the mount
	durable map[string]*file
	changes []change // what made live of durable, in order
}

// change is a step of the journal of the file system: done whole or not at all,
// and never without the steps before it.
type change struct {
	folders []uint64 // inodes; an fsync of one makes the change durable
	made    *file    // or an fsync of this, which it gave its first name
	apply   func(names map[string]*file)
}

// load reads the folder; everything in it is durable.
func (s *space) load(root string) error {
	s.files, s.live, s.durable = map[uint64]*file{}, map[string]*file{}, map[string]*file{}
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		got, err := s.open(path)
		s.live[name], s.durable[name] = got, got
		return err
	})
}

// open is the file at path, which is new or known by its inode.
func (s *space) open(path string) (*file, error) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return nil, err
	}
	// A known inode of another kind is an old one whose number was given again:
	// only regular files are held open, and keep theirs.
	if known := s.files[st.Ino]; known != nil && known.mode&syscall.S_IFMT == st.Mode&syscall.S_IFMT {
		return known, nil
	}
	got := &file{ino: st.Ino, mode: st.Mode}
	if st.Mode&syscall.S_IFMT == syscall.S_IFREG {
		fd, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		got.fd = fd
	}
	s.files[st.Ino] = got
	return got, nil
}

func (s *space) close() {
	for _, f := range s.files {
		if f.fd != nil {
			f.fd.Close()
		}
	}
	s.files = nil
}

// add notes a change that the backing folder has seen.
func (s *space) add(c change) {
	c.apply(s.live)
	s.changes = append(s.changes, c)
}

// sync makes the last change that fits durable, and with it all before it, as
// a journal does.
func (s *space) sync(fits func(change) bool) {
	for i := len(s.changes) - 1; i >= 0; i-- {
		if fits(s.changes[i]) {
			for _, c := range s.changes[:i+1] {
				c.apply(s.durable)
			}
			s.changes = slices.Clone(s.changes[i+1:])
			return
		}
	}
}

// after is the tree when only the first n changes got through.
func (s *space) after(n int) map[string]*file {
	names := maps.Clone(s.durable)
	for _, c := range s.changes[:n] {
		c.apply(names)
	}
	return names
}

// setName gives f the name path, and takes it from whatever had it.
func setName(path string, f *file) func(map[string]*file) {
	return func(names map[string]*file) { names[path] = f }
}

func dropName(path string) func(map[string]*file) {
	return func(names map[string]*file) { delete(names, path) }
}

// moveName renames from to to, with everything below it.
func moveName(from, to string) func(map[string]*file) {
	return func(names map[string]*file) {
		moved := map[string]*file{}
		for path, f := range names {
			if rest, ok := strings.CutPrefix(path, from); ok && (rest == "" || rest[0] == '/') {
				moved[to+rest] = f
				delete(names, path)
			}
		}
		maps.Copy(names, moved)
	}
}
