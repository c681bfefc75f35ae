package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The structure of a bbolt file, as far as it matters (bbolt's internal/common).
// bbolt writes integers in the order of the machine; ours are little endian.
const (
	magic         = 0xED0CDAED
	boltVersion   = 2
	noFreelist    = ^uint64(0)
	metaOffset    = 16 // behind the page header
	metaSumOffset = metaOffset + 56
	metaEnd       = metaSumOffset + 8

	// maxDepth is far more than a tree of our keys can have.
	maxDepth = 24
)

type meta struct {
	root, hwm, freelist, txid uint64
}

// checker walks a file as bbolt would, believing nothing.
type checker struct {
	r    io.ReaderAt
	hwm  uint64   // pages at and above it are not in use
	seen []uint64 // one bit for each page reached
}

// check reads the whole structure of a bbolt file of the given size and returns a
// *DamagedError where bbolt would panic, loop, run out of stack or silently use
// an older meta page; ErrFormat; or an error of reading. It needs no more memory
// than one path from the root to a leaf.
func check(r io.ReaderAt, size int64) error {
	newest, err := newestMeta(r, size)
	if err != nil {
		return err
	}
	c := &checker{r: r, hwm: newest.hwm, seen: make([]uint64, newest.hwm/64+1)}
	c.seen[0] = 3 // the meta pages
	root := &bucketWalk{checker: c}
	if err := c.tree(newest.root, bounds{}, root); err != nil {
		return err
	}
	if !root.format {
		return &DamagedError{Bucket: Meta, Key: formatKey, Reason: "it is missing"}
	}
	return root.unknown
}

// newestMeta requires both meta pages to be valid and neighbours. bbolt would
// take the older one where the newer is damaged, which is a rollback (A43). A
// killed process cannot cause that: a commit overwrites the older page, within
// one sector.
func newestMeta(r io.ReaderAt, size int64) (meta, error) {
	var m [2]meta
	for i := range m {
		var err error
		if m[i], err = readMeta(r, uint64(i), size); err != nil {
			return meta{}, err
		}
	}
	newest, older := m[0], m[1]
	if older.txid > newest.txid {
		newest, older = older, newest
	}
	if newest.txid != older.txid+1 {
		return meta{}, damagedPage(0, "the meta pages are %d commits apart", newest.txid-older.txid)
	}
	if newest.freelist != noFreelist {
		return meta{}, damagedPage(0, "it names a list of free pages")
	}
	return newest, nil
}

func readMeta(r io.ReaderAt, id uint64, size int64) (meta, error) {
	var p [metaEnd]byte
	if size < 2*pageSize {
		return meta{}, &DamagedError{Reason: "it is too short"}
	}
	if _, err := r.ReadAt(p[:], int64(id)*pageSize); err != nil {
		return meta{}, fmt.Errorf("reading the vault file: %w", err)
	}
	le := binary.LittleEndian
	h := fnv.New64a()
	h.Write(p[metaOffset:metaSumOffset])
	m := meta{
		root:     le.Uint64(p[metaOffset+16:]),
		freelist: le.Uint64(p[metaOffset+32:]),
		hwm:      le.Uint64(p[metaOffset+40:]),
		txid:     le.Uint64(p[metaOffset+48:]),
	}
	switch header := parseHeader(p[:]); {
	case le.Uint32(p[metaOffset:]) != magic || header.id != id || header.flags != metaFlag:
		return m, damagedPage(id, "it is no meta page")
	case h.Sum64() != le.Uint64(p[metaSumOffset:]):
		return m, damagedPage(id, "the checksum is wrong")
	case le.Uint32(p[metaOffset+4:]) != boltVersion || le.Uint32(p[metaOffset+8:]) != pageSize:
		return m, damagedPage(id, "version or page size is not ours")
	case m.txid%2 != id:
		return m, damagedPage(id, "it stands in the place of the other meta page")
	case m.hwm > uint64(size)/pageSize:
		return m, damagedPage(id, "the file is cut short")
	}
	return m, nil
}

func damagedPage(id uint64, format string, args ...any) error {
	return &DamagedError{Reason: fmt.Sprintf("page %d: ", id) + fmt.Sprintf(format, args...)}
}
