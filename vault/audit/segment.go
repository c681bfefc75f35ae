package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reserve is how many bytes stay allocated behind the newest record.
const reserve = 64 << 20

// segment is the file that is written to.
type segment struct {
	f        *os.File
	path     string
	name     string
	day      int64     // of its name, in days since 1970
	size     int64     // of what is good; there may be a torn record behind it
	good     int64     // while it is read at the start: up to where it is good
	reserved int64     // up to where blocks are allocated
	last     time.Time // of its newest record
	torn     bool      // there is something behind size that could not be cut off
	seen     time.Time // when it was last found at its place
	failed   bool      // its last sync: the bytes that were not on disk before may be gone
}

// segmentName is "000000000017-2026-11-25.jsonl": the first sequence and the day.
func segmentName(first uint64, day string) string {
	return fmt.Sprintf("%012d-%s.jsonl", first, day)
}

// firstOf is the first sequence of a segment by its name.
func firstOf(name string) (first uint64, ok bool) {
	number, rest, ok := strings.Cut(name, "-")
	if !ok || len(number) < 12 || len(rest) != len("2026-11-25.jsonl") || !strings.HasSuffix(rest, ".jsonl") {
		return 0, false
	}
	first, err := strconv.ParseUint(number, 10, 63)
	return first, err == nil && first > 0
}

func dayOf(name string) string { return name[strings.IndexByte(name, '-')+1 : len(name)-len(".jsonl")] }

// Segments lists the segments of a folder, oldest first.
func Segments(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		if _, ok := firstOf(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, compareNames)
	return names, nil
}

// compareNames orders the names of segments.
func compareNames(a, b string) int {
	x, _ := firstOf(a)
	y, _ := firstOf(b)
	return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
}

// openFolder opens the folder of the log, which is made where it is missing. What is
// in it is opened through it, so that no link leads out (A51).
func openFolder(dir string) (*os.Root, error) {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = syncPath(filepath.Dir(dir))
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return nil, &WriteError{err}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, &WriteError{err}
	}
	if reason := unsafeReason(info, true); reason != "" {
		return nil, &UnsafeError{dir, reason}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &WriteError{err}
	}
	if same, err := root.Stat("."); err != nil || !os.SameFile(info, same) {
		root.Close()
		return nil, &UnsafeError{dir, "it was replaced just now"}
	}
	return root, nil
}

// lockFolder keeps other processes from writing to the log for as long as the file is
// open (A3).
func lockFolder(root *os.Root) (*os.File, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, &WriteError{err}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, &WriteError{fmt.Errorf("another process writes to it: %w", err)}
	}
	return f, nil
}

// openSegment opens a segment for writing. A FIFO or a device in its place does not
// hang, and is refused (A48).
func (l *Log) openSegment(name string, flags int) (*segment, error) {
	s := &segment{path: filepath.Join(l.o.Dir, name), name: name}
	named, err := time.Parse(time.DateOnly, dayOf(name))
	if err != nil {
		return nil, &UnsafeError{s.path, "it is named after no day"}
	}
	s.day = dayNumber(named)
	if info, err := os.Lstat(s.path); err == nil && flags&os.O_EXCL == 0 {
		if reason := unsafeReason(info, false); reason != "" {
			return nil, &UnsafeError{s.path, reason}
		}
	}
	f, err := l.root.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|flags, 0o600)
	if err != nil {
		return nil, &WriteError{err}
	}
	s.f = f
	info, err := f.Stat()
	if err == nil {
		err = s.inPlace() // a link that came in between leads elsewhere
	}
	if err != nil {
		f.Close()
		return nil, &WriteError{err}
	}
	if reason := unsafeReason(info, false); reason != "" {
		f.Close()
		return nil, &UnsafeError{s.path, reason}
	}
	s.size = info.Size()
	return s, nil
}

func unsafeReason(info fs.FileInfo, dir bool) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "it is a symbolic link"
	case dir && !info.IsDir():
		return "it is not a folder"
	case !dir && !info.Mode().IsRegular():
		return "it is not a regular file"
	case !ok || int(stat.Uid) != os.Geteuid():
		return "it belongs to another user"
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Sprintf("others can open it (mode %#o)", info.Mode().Perm())
	}
	return ""
}

// put writes behind what is good. Where that fails, what is half there is cut off; a
// reader may have seen it.
func (s *segment) put(b []byte) error {
	if s.torn {
		if err := s.f.Truncate(s.size); err != nil {
			return err
		}
		s.torn = false
	}
	if _, err := s.f.WriteAt(b, s.size); err != nil {
		s.torn = s.f.Truncate(s.size) != nil
		s.reserved = 0 // that freed it
		return err
	}
	s.size += int64(len(b))
	return nil
}

// rewrite writes the bytes behind which the segment ends once more, if they may have
// been lost.
func (s *segment) rewrite(tail []byte) error {
	if !s.failed {
		return nil
	}
	_, err := s.f.WriteAt(tail, s.size-int64(len(tail)))
	return err
}

// allocate keeps blocks allocated behind the records, and says whether there are
// enough on the disk. A file system that cannot is taken to have them.
func (s *segment) allocate() bool {
	if s.reserved-s.size >= reserve/2 {
		return true
	}
	err := unix.Fallocate(int(s.f.Fd()), unix.FALLOC_FL_KEEP_SIZE, s.size, reserve)
	if err == nil {
		s.reserved = s.size + reserve
	}
	return !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT)
}

// flush brings the segment to disk, and fails where it is no longer at its place.
func (s *segment) flush() error {
	err := unix.Fdatasync(int(s.f.Fd()))
	for errors.Is(err, unix.EINTR) {
		err = unix.Fdatasync(int(s.f.Fd()))
	}
	s.failed = err != nil
	if err != nil {
		return err
	}
	return s.inPlace()
}

func (s *segment) inPlace() error {
	here, err := s.f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(s.path)
	if err != nil || !os.SameFile(here, there) {
		return errGone
	}
	return nil
}

// checkPlace fails where the segment is no longer at its place, and looks only where
// no sync has looked for a while.
func (s *segment) checkPlace() error {
	if time.Since(s.seen) < overdue {
		return nil
	}
	err := s.inPlace()
	if err == nil {
		s.seen = time.Now()
	}
	return err
}

// close gives back what was reserved.
func (s *segment) close() error {
	return errors.Join(s.f.Truncate(s.size), s.f.Close())
}

func syncFolder(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func syncPath(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
