package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

const (
	bucketFlag       = 0x01
	bucketHeaderSize = 16
)

// bounds is the half-open range that the keys of a page must lie in. A nil bound
// does not bound.
type bounds struct {
	low, high []byte
	depth     int
}

// leafVisitor is shown every leaf entry of a tree.
type leafVisitor interface {
	leaf(element) error
}

// tree walks the pages below id.
func (c *checker) tree(id uint64, b bounds, v leafVisitor) error {
	if b.depth > maxDepth {
		return damagedPage(id, "the tree is too deep")
	}
	p, h, err := c.page(id)
	if err != nil {
		return err
	}
	list, err := elements(p, h)
	if err != nil {
		return damagedPage(id, "%v", err)
	}
	if err := ordered(list, b); err != "" {
		return damagedPage(id, "%s", err)
	}
	if h.flags == leafFlag {
		return leaves(list, v)
	}
	if len(list) == 0 {
		return damagedPage(id, "a branch without children")
	}
	for i, e := range list {
		child := bounds{low: e.key, high: b.high, depth: b.depth + 1}
		if i+1 < len(list) {
			child.high = list[i+1].key
		}
		if err := c.tree(e.child, child, v); err != nil {
			return err
		}
	}
	return nil
}

// ordered says what is wrong with the order of the keys, if anything.
func ordered(list []element, b bounds) string {
	for i, e := range list {
		switch {
		case i == 0 && b.low != nil && bytes.Compare(e.key, b.low) < 0,
			i > 0 && bytes.Compare(list[i-1].key, e.key) >= 0,
			b.high != nil && bytes.Compare(e.key, b.high) >= 0:
			return "its keys are not in order"
		}
	}
	return ""
}

func leaves(list []element, v leafVisitor) error {
	for _, e := range list {
		if err := v.leaf(e); err != nil {
			return err
		}
	}
	return nil
}

// bucketWalk is shown the entries of the root, which are our buckets.
type bucketWalk struct {
	*checker
	format  bool  // the format version was seen
	unknown error // the first bucket that is not ours: a later format may have it
}

func (w *bucketWalk) leaf(e element) error {
	name := string(e.key)
	if !known(name) {
		w.unknown = cmp.Or(w.unknown, error(&DamagedError{Bucket: name, Reason: "there is no such bucket"}))
		return nil
	}
	if e.flags != bucketFlag || len(e.value) < bucketHeaderSize {
		return &DamagedError{Bucket: name, Reason: "it is no bucket"}
	}
	entries := &entryWalk{bucket: name}
	if root := binary.LittleEndian.Uint64(e.value); root != 0 {
		if len(e.value) != bucketHeaderSize {
			return &DamagedError{Bucket: name, Reason: "its header is malformed"}
		}
		if err := w.tree(root, bounds{}, entries); err != nil {
			return err
		}
	} else if err := inline(e.value[bucketHeaderSize:], entries); err != nil {
		return err
	}
	w.format = w.format || entries.format
	return nil
}

// inline checks a small bucket, which is a page inside its own header.
func inline(p []byte, entries *entryWalk) error {
	damaged := func(reason string) error { return &DamagedError{Bucket: entries.bucket, Reason: reason} }
	if len(p) < headerSize {
		return damaged("its page is cut short")
	}
	h := parseHeader(p)
	if h.id != 0 || h.flags != leafFlag || h.overflow != 0 {
		return damaged("its page is of an unknown kind")
	}
	list, err := elements(p, h)
	if err != nil {
		return damaged(err.Error())
	}
	if reason := ordered(list, bounds{}); reason != "" {
		return damaged(reason)
	}
	return leaves(list, entries)
}

// entryWalk is shown the entries of one bucket.
type entryWalk struct {
	bucket string
	format bool
}

func (w *entryWalk) leaf(e element) error {
	switch {
	case e.flags != 0:
		return &DamagedError{Bucket: w.bucket, Key: string(e.key), Reason: "it is of an unknown kind"}
	case len(e.value) > MaxValue:
		return &DamagedError{Bucket: w.bucket, Key: string(e.key), Reason: "it is too long"}
	case w.bucket == Meta && string(e.key) == formatKey:
		if len(e.value) != 1 || e.value[0] != formatVersion {
			return ErrFormat
		}
		w.format = true
	}
	return nil
}
