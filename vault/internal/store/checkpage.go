package store

import (
	"encoding/binary"
	"fmt"
)

const (
	branchFlag = 0x01
	leafFlag   = 0x02
	metaFlag   = 0x04

	headerSize  = 16
	elementSize = 16 // of both kinds
)

type header struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
}

func parseHeader(p []byte) header {
	le := binary.LittleEndian
	return header{
		id:       le.Uint64(p),
		flags:    le.Uint16(p[8:]),
		count:    le.Uint16(p[10:]),
		overflow: le.Uint32(p[12:]),
	}
}

// element is one entry of a page: key and child page of a branch, or key, value
// and flags of a leaf. key and value point into the page.
type element struct {
	key, value []byte
	flags      uint32
	child      uint64
}

// elements reads the entries of a branch or leaf page. bbolt writes their data
// without gaps, in order, behind the entries, and anything else is refused: then
// no two overlap and none leaves the page.
func elements(p []byte, h header) ([]element, error) {
	le := binary.LittleEndian
	next := uint64(headerSize) + elementSize*uint64(h.count)
	if next > uint64(len(p)) {
		return nil, fmt.Errorf("%d entries do not fit", h.count)
	}
	list := make([]element, h.count)
	for i := range list {
		at := uint64(headerSize + elementSize*i)
		e := p[at : at+elementSize]
		var el element
		var pos, ksize, vsize uint64
		if h.flags == branchFlag {
			pos, ksize, el.child = uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])), le.Uint64(e[8:])
		} else {
			el.flags, pos = le.Uint32(e), uint64(le.Uint32(e[4:]))
			ksize, vsize = uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
		}
		end := next + ksize + vsize
		if at+pos != next || ksize == 0 || ksize > MaxKey || end > uint64(len(p)) {
			return nil, fmt.Errorf("entry %d is out of place", i)
		}
		el.key, el.value = p[next:next+ksize], p[next+ksize:end]
		list[i], next = el, end
	}
	return list, nil
}

// page reads page id with its overflow pages, and marks them as reached: a page
// that is reached twice would be a cycle, or freed while in use.
func (c *checker) page(id uint64) ([]byte, header, error) {
	if id < 2 || id >= c.hwm {
		return nil, header{}, damagedPage(id, "it is out of bounds")
	}
	var head [headerSize]byte
	if _, err := c.r.ReadAt(head[:], int64(id)*pageSize); err != nil {
		return nil, header{}, fmt.Errorf("reading the vault file: %w", err)
	}
	h := parseHeader(head[:])
	switch {
	case h.id != id:
		return nil, h, damagedPage(id, "it says that it is page %d", h.id)
	case h.flags != branchFlag && h.flags != leafFlag:
		return nil, h, damagedPage(id, "it is of an unknown kind")
	case uint64(h.overflow) >= c.hwm-id:
		return nil, h, damagedPage(id, "it runs over the end")
	}
	for n := id; n <= id+uint64(h.overflow); n++ {
		if c.seen[n/64]&(1<<(n%64)) != 0 {
			return nil, h, damagedPage(n, "it is in use twice")
		}
		c.seen[n/64] |= 1 << (n % 64)
	}
	p := make([]byte, (uint64(h.overflow)+1)*pageSize)
	if _, err := c.r.ReadAt(p, int64(id)*pageSize); err != nil {
		return nil, h, fmt.Errorf("reading the vault file: %w", err)
	}
	return p, h, nil
}
