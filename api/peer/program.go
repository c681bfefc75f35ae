package peer

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Exe returns the path of the executable that the caller runs now, as this
// process sees it: the file under that path is the very file that runs, and that
// ran when the connection was made. It fails with [ErrUnreadable] where that
// cannot be told: another uid without CAP_SYS_PTRACE, an undumpable caller, an
// executable that was replaced or deleted, one from another mount namespace or
// from memory (A9), and for ever after an exec (P4): what one program has begun,
// another shall not end.
//
// What it cannot see is an exec between connect(2) and the handshake.
func (i *Info) Exe() (string, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if !i.pinnedMu() {
		return "", ErrUnreadable
	}
	path, err := os.Readlink(i.file("/exe"))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	now, ok := programOf(i.file("/exe"))
	same := ok && now == i.program && now.isAt(path)
	// Last, so that all of the above was about this process and no successor.
	if !i.aliveMu() {
		return "", ErrGone
	}
	if !same {
		return "", fmt.Errorf("%w: %q is not the file that runs", ErrUnreadable, path)
	}
	return path, nil
}

// SHA256 returns the hash of the executable that the caller runs now, read from
// the file that runs and never by its path (A9), so that it can be told across
// mount namespaces. It fails with [ErrUnreadable] as [Info.Exe] does, except that
// the file may lie where this process does not see it; and for a file without a
// name (deleted, replaced, in memory), one above 256 MiB (A14), and one on FUSE,
// whose owner can answer each reader differently.
//
// The first call for a file reads it whole, which takes as long as that takes, and
// longer where others of the uid are before it: ask for what is cheap to know
// first. An unchanged file is not read again; the call costs two system calls then.
func (i *Info) SHA256() ([sha256.Size]byte, error) {
	var none [sha256.Size]byte
	p, err := i.runs()
	if err != nil {
		return none, err
	}
	if known := i.sum.Load(); known != nil { // of this very program, else runs had failed
		return *known, nil
	}
	if p.size > maxProgram {
		return none, fmt.Errorf("%w: it has %d bytes, and no more than %d are read", ErrUnreadable, p.size, maxProgram)
	}
	sum, err := i.hashes.of(p, i.UID, func() (content, error) { return i.open(p) })
	if err != nil {
		return none, err
	}
	// It took its time: what ran then must run still.
	if _, err := i.runs(); err != nil {
		return none, err
	}
	i.sum.Store(&sum)
	return sum, nil
}

// runs is the program, if it is the one that ran when the connection was made and
// its file still has a name.
func (i *Info) runs() (program, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if !i.pinnedMu() {
		return program{}, ErrUnreadable
	}
	now, ok := programOf(i.file("/exe"))
	// Last, so that the above was about this process and no successor.
	switch {
	case !i.aliveMu():
		return program{}, ErrGone
	case !ok:
		return program{}, ErrUnreadable
	case now != i.program:
		return program{}, fmt.Errorf("%w: it is not the program that connected", ErrUnreadable)
	case now.links == 0:
		return program{}, fmt.Errorf("%w: its file was deleted, replaced, or never had a name", ErrUnreadable)
	}
	return now, nil
}

// program is the file that a process runs. The time of its last change is that of
// its content too, so a file that was written over is another program.
type program struct {
	dev, ino, links   uint64
	size              int64
	modified, changed unix.Timespec
}

func identify(st *unix.Stat_t) program {
	return program{st.Dev, st.Ino, uint64(st.Nlink), st.Size, st.Mtim, st.Ctim}
}

// programOf looks through /proc at the file that runs, wherever it lies.
func programOf(link string) (p program, ok bool) {
	var st unix.Stat_t
	if unix.Stat(link, &st) != nil {
		return p, false
	}
	return identify(&st), true
}

// isAt reports whether the program is what stands under a path here.
func (p program) isAt(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && p == identify(&st)
}

// maxProgram bounds what is read of one caller (A14). Large runtimes (Electron,
// Node) stay below 200 MiB.
const maxProgram = 256 << 20

// openProgram is the file that a process runs, open.
type openProgram struct {
	program
	*os.File
}

func (i *Info) open(p program) (content, error) {
	if !i.Alive() { // it may have waited long for its turn
		return nil, ErrGone
	}
	f, err := os.Open(i.file("/exe"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil || fs.Type == unix.FUSE_SUPER_MAGIC {
		f.Close()
		return nil, fmt.Errorf("%w: its file system may answer each reader differently", ErrUnreadable)
	}
	return openProgram{p, f}, nil
}

// hash reads the file. The descriptor says which one it is, before and after, so
// that the sum belongs to the program whatever became of the process.
func (p openProgram) hash() (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	before := p.isSame()
	n, err := io.Copy(h, io.LimitReader(p.File, p.size+1))
	if err != nil {
		return sum, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if !before || n != p.size || !p.isSame() {
		return sum, fmt.Errorf("%w: its file changed while it was read", ErrUnreadable)
	}
	h.Sum(sum[:0])
	return sum, nil
}

func (p openProgram) isSame() bool {
	var st unix.Stat_t
	return unix.Fstat(int(p.Fd()), &st) == nil && p.program == identify(&st)
}
