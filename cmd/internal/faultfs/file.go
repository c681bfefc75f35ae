package faultfs

import (
	"io"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

const (
	pageSize   = 4096
	sectorSize = 512
)

type page = [pageSize]byte

// file is one inode of the backing folder, whatever its names. Its content in the
// backing folder is the newest; what the disk is sure to hold is base.
type file struct {
	ino  uint64
	mode uint32   // with the type bits
	fd   *os.File // nil unless a regular file; outlives the last name

	ops      []op            // since the last sync, in order
	base     map[int64]*page // number → what a page held at the last sync; only those that ops touch
	baseSize int64           // at the last sync
}

// op is a write, or with nil data a change of size. size is the file's after it.
type op struct {
	off  int64
	data []byte
	size int64
}

func (f *file) size() (int64, error) {
	st, err := f.fd.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// synced makes everything so far durable.
func (f *file) synced() { f.ops, f.base = nil, nil }

func (f *file) write(data []byte, off int64) (int, error) {
	size, err := f.begin(off, int64(len(data)))
	if err != nil {
		return 0, err
	}
	n, err := f.fd.WriteAt(data, off)
	if n > 0 {
		f.ops = append(f.ops, op{off: off, data: append([]byte(nil), data[:n]...), size: max(size, off+int64(n))})
	}
	return n, err
}

func (f *file) truncate(to int64) error {
	size, err := f.begin(to, max(0, f.baseEnd()-to))
	if err != nil || size == to {
		return err
	}
	if err := f.fd.Truncate(to); err != nil {
		return err
	}
	f.ops = append(f.ops, op{size: to})
	return nil
}

// allocate reserves space; only without FALLOC_FL_KEEP_SIZE does it change what
// the file says. That the reservation itself may be lost cannot be seen.
func (f *file) allocate(mode uint32, off, n int64) error {
	if mode&^unix.FALLOC_FL_KEEP_SIZE != 0 {
		return unix.EOPNOTSUPP
	}
	size, err := f.begin(off, 0)
	if err != nil {
		return err
	}
	if err := unix.Fallocate(int(f.fd.Fd()), mode, off, n); err != nil {
		return err
	}
	if mode&unix.FALLOC_FL_KEEP_SIZE == 0 && off+n > size {
		f.ops = append(f.ops, op{size: off + n})
	}
	return nil
}

// baseEnd is the durable size.
func (f *file) baseEnd() int64 {
	if len(f.ops) > 0 {
		return f.baseSize
	}
	size, _ := f.size() // begin asks again, and reports
	return size
}

// begin puts aside what the disk holds of [off, off+n), before it changes, and
// returns the size before the change.
func (f *file) begin(off, n int64) (int64, error) {
	size, err := f.size()
	if err != nil {
		return 0, err
	}
	if len(f.ops) == 0 {
		f.baseSize, f.base = size, map[int64]*page{}
	}
	for p := off / pageSize; p*pageSize < min(off+n, f.baseSize); p++ {
		if f.base[p] != nil {
			continue
		}
		old := new(page)
		// The whole page is as it was: had an operation touched it, it would be here.
		if _, err := f.fd.ReadAt(old[:min(pageSize, f.baseSize-p*pageSize)], p*pageSize); err != nil && err != io.EOF {
			return 0, err
		}
		f.base[p] = old
	}
	return size, nil
}

// settle leaves in the backing file what a disk may hold after a power cut.
func (f *file) settle(r *rand.Rand) error {
	if len(f.ops) == 0 {
		return nil
	}
	done := r.IntN(len(f.ops) + 1) // so many operations reached the inode: they give the size
	size := f.baseSize
	if done > 0 {
		size = f.ops[done-1].size
	}
	d := dice{r, []float64{0, 0.1, 0.5, 0.9, 1}[r.IntN(5)]}
	pages := f.base
	for i, o := range f.ops {
		if o.data != nil {
			d.spread(pages, o)
		} else if i < done {
			cutPages(pages, o.size)
		}
	}
	for p, content := range pages {
		if _, err := f.fd.WriteAt(content[:], p*pageSize); err != nil {
			return err
		}
	}
	f.synced()
	return f.fd.Truncate(size)
}

// dice decides for the parts of a write; keep is how likely one is kept whole.
type dice struct {
	*rand.Rand
	keep float64
}

// spread applies to pages what the dice leave of a write, page by page.
func (d dice) spread(pages map[int64]*page, o op) {
	for len(o.data) > 0 {
		p, from := o.off/pageSize, int(o.off%pageSize)
		n := min(pageSize-from, len(o.data))
		if pages[p] == nil {
			pages[p] = new(page)
		}
		lo, hi := d.survives(from, from+n)
		copy(pages[p][lo:hi], o.data[lo-from:])
		o.off, o.data = o.off+int64(n), o.data[n:]
	}
}

// survives is what part of the bytes [from, to) of one page the disk has got:
// all, none, or those before or after a border of sectors.
func (d dice) survives(from, to int) (int, int) {
	if d.Float64() < d.keep {
		return from, to
	}
	first, last := from/sectorSize+1, (to-1)/sectorSize // borders strictly inside
	if d.keep == 0 || last < first || d.IntN(2) == 0 {
		return from, from
	}
	border := (first + d.IntN(last-first+1)) * sectorSize
	if d.IntN(2) == 0 {
		return from, border
	}
	return border, to
}

// cutPages makes everything from size on read as zeros.
func cutPages(pages map[int64]*page, size int64) {
	for p, content := range pages {
		if from := size - p*pageSize; from < pageSize {
			clear(content[max(0, from):])
		}
	}
}
