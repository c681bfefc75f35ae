package guard

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/awnumar/memguard"
	"golang.org/x/sys/unix"
)

// Backend is the kind of memory that a [Slab] is made of.
type Backend string

const (
	// MemfdSecret is memory of memfd_secret(2): out of the kernel's direct map,
	// so that not even root reads it through /proc. Linux 6.5, or 5.14 with
	// secretmem.enable=1.
	MemfdSecret Backend = "memfd_secret"
	// Memguard is memory that memguard has locked with mlock(2): not swapped, not
	// dumped, but readable by whoever may ptrace the process.
	Memguard Backend = "memguard"
)

// Best returns the strongest backend that this kernel has, found out by making and
// mapping one page. A page refused for want of RLIMIT_MEMLOCK does not count
// against memfd_secret: what is asked for next shall fail for that reason, with a
// [*LimitError], and not be quietly weaker.
func Best() Backend {
	r, err := process.acquire(MemfdSecret, 1)
	var limit *LimitError
	switch {
	case err == nil:
		r.unmap()
		return MemfdSecret
	case errors.As(err, &limit):
		return MemfdSecret
	default:
		return Memguard
	}
}

// region is one stretch of guarded memory, with an inaccessible page on each side.
type region interface {
	// bytes returns the whole of it, or nil once it is unmapped.
	bytes() []byte
	// unmap wipes it and gives it back. Idempotent; the caller keeps users away.
	unmap()
}

// newRegion maps at least size bytes, zeroed. The caller holds process.mu. Errors
// of the system calls come wrapped, for [explain].
func newRegion(b Backend, size int) (region, error) {
	switch b {
	case MemfdSecret:
		return mapSecret(size)
	case Memguard:
		return mapMemguard(size)
	default:
		return nil, fmt.Errorf("unknown backend %q", string(b))
	}
}

// secretRegion is a mapping of memfd_secret(2).
type secretRegion struct {
	outer unsafe.Pointer // the first guard page
	inner []byte         // nil once unmapped
}

func mapSecret(size int) (_ *secretRegion, err error) {
	fd, err := unix.MemfdSecret(unix.O_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_secret", err)
	}
	// The mapping keeps the memory. An open descriptor would only be something
	// that pidfd_getfd(2) can take away and map elsewhere.
	defer unix.Close(fd)
	page, inner := os.Getpagesize(), pages(size)
	if err := unix.Ftruncate(fd, int64(inner)); err != nil {
		return nil, os.NewSyscallError("ftruncate", err)
	}
	outer, err := unix.MmapPtr(-1, 0, nil, uintptr(inner+2*page), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	data, err := unix.MmapPtr(fd, 0, unsafe.Add(outer, page), uintptr(inner), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED)
	r := &secretRegion{outer: outer}
	if err == nil {
		r.inner = unsafe.Slice((*byte)(data), inner)
		err = fault(r.inner)
	}
	if err != nil {
		_ = unix.MunmapPtr(outer, uintptr(inner+2*page))
		return nil, os.NewSyscallError("mmap", err)
	}
	// MADV_DONTDUMP is the kernel's own choice for secret memory; a child is ours.
	_ = unix.Madvise(r.inner, unix.MADV_DONTFORK)
	return r, nil
}

func (r *secretRegion) bytes() []byte { return r.inner }

func (r *secretRegion) unmap() {
	if r.inner == nil {
		return
	}
	Wipe(r.inner)
	size := uintptr(len(r.inner) + 2*os.Getpagesize())
	r.inner = nil
	// unreachable: the range is one that mapSecret mapped.
	if err := unix.MunmapPtr(r.outer, size); err != nil {
		panic("guard: munmap: " + err.Error())
	}
}

// fault makes the kernel provide every page of b now, so that a shortage is an
// error here and not a SIGBUS in the middle of a signature.
func fault(b []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = unix.EFAULT
		}
	}()
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 0
	}
	return nil
}

// memguardRegion is one LockedBuffer.
type memguardRegion struct{ locked *memguard.LockedBuffer }

func mapMemguard(size int) (r *memguardRegion, err error) {
	if err := rehearse(size); err != nil {
		return nil, err
	}
	// After the rehearsal a panic takes another process lowering our limit in
	// between. memguard has then wiped and unmapped everything else it held: the
	// caller gets an error, and the next user of that memory ends the process.
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("memguard: %v", p)
		}
	}()
	locked := memguard.NewBuffer(size)
	if locked.Size() != size {
		return nil, errors.New("memguard: no buffer")
	}
	// memcall has set MADV_DONTDUMP.
	_ = unix.Madvise(locked.Inner(), unix.MADV_DONTFORK)
	return &memguardRegion{locked}, nil
}

func (r *memguardRegion) bytes() []byte { return r.locked.Bytes() }

// unmap panics where memguard finds its guard pages overwritten: something has
// written past a slice, and the process must not go on.
func (r *memguardRegion) unmap() { r.locked.Destroy() }

// rehearse makes the system calls that memguard is about to make for size bytes,
// and takes them back. What memguard meets with a panic is an error here.
func rehearse(size int) error {
	page, inner := os.Getpagesize(), pages(size)
	mem, err := unix.Mmap(-1, 0, inner+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	defer unix.Munmap(mem)
	if err := unix.Mlock(mem[page : page+inner]); err != nil {
		return os.NewSyscallError("mlock", err)
	}
	for _, guard := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			return os.NewSyscallError("mprotect", err)
		}
	}
	return nil
}

// pages returns size rounded up to whole pages.
func pages(size int) int {
	page := os.Getpagesize()
	return (size + page - 1) / page * page
}
