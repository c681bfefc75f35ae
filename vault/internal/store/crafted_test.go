package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"bfxvault/vault/internal/store"
)

// A45: structures that make bbolt panic, loop or overflow its stack, with right
// checksums. Each is refused in words that say what is wrong.
func TestCraftedStructuresAreRefused(t *testing.T) {
	original, _ := sampleImage(t)
	for _, tt := range slices.Concat(craftedMeta(), craftedTree(), craftedBuckets()) {
		t.Run(tt.name, func(t *testing.T) {
			im := tt.damage(t, bytes.Clone(original))
			im.reseal()
			_, err := im.outcome(t, newFile(t))
			var damaged *store.DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v; want damage that says %q", err, tt.says)
			}
		})
	}
}

// A vault file of a later version is not called damaged, whatever else it has.
func TestALaterFormatIsNamedAsSuch(t *testing.T) {
	im, _ := sampleImage(t)
	at, _ := im.entry(t, im.root(), store.Slots)
	im.rename(t, at, "slotz")
	_, meta := im.entry(t, im.root(), store.Meta)
	_, format := im.entry(t, meta+16, "format")
	im[format] = 2
	if _, err := im.outcome(t, newFile(t)); !errors.Is(err, store.ErrFormat) {
		t.Errorf("Open: %v", err)
	}
}

type crafted struct {
	name   string
	damage func(t *testing.T, im image) image
	says   string
}

// The fields of a meta page, from the start of its data.
const (
	metaRoot = 16
	metaFree = 32
	metaHigh = 40
	metaTxid = 48
)

func craftedMeta() []crafted {
	set := func(field int, value uint64) func(*testing.T, image) image {
		return func(_ *testing.T, im image) image { return im.put64(im.newest()+field, value) }
	}
	return []crafted{
		{"two pages of zeros", func(*testing.T, image) image { return make(image, 2*pageSize) }, "no meta page"},
		{"one page", func(_ *testing.T, im image) image { return im[:pageSize] }, "too short"},
		{"the last page missing", func(_ *testing.T, im image) image {
			return im[:int(im.get64(im.newest()+metaHigh)-1)*pageSize]
		}, "cut short"},
		{"meta pages three commits apart", func(_ *testing.T, im image) image {
			at := im.newest() + metaTxid
			return im.put64(at, im.get64(at)+2)
		}, "3 commits apart"},
		{"meta pages swapped", func(_ *testing.T, im image) image {
			first := bytes.Clone(im[16:80])
			copy(im[16:80], im[pageSize+16:pageSize+80])
			copy(im[pageSize+16:], first)
			return im
		}, "place of the other"},
		{"a meta page with another number", func(_ *testing.T, im image) image {
			return im.put64(im.newest()-16, 5)
		}, "no meta page"},
		{"a meta page that is a leaf", func(_ *testing.T, im image) image {
			im[im.newest()-16+8] = 2
			return im
		}, "no meta page"},
		{"another page size", func(_ *testing.T, im image) image {
			binary.LittleEndian.PutUint32(im[16+8:], 1024)
			return im
		}, "page size is not ours"},
		{"a list of free pages", set(metaFree, 2), "list of free pages"},
		{"an end far away", set(metaHigh, 1<<60), "cut short"},
		{"a root beyond the end", set(metaRoot, 1<<52), "out of bounds"},
		{"a meta page as root", set(metaRoot, 1), "out of bounds"},
	}
}

func craftedTree() []crafted {
	// branch damages the root of the secrets, which is a branch page.
	branch := func(damage func(im image, page int)) func(*testing.T, image) image {
		return func(t *testing.T, im image) image {
			damage(im, im.bucketRoot(t, store.Secrets))
			return im
		}
	}
	le := binary.LittleEndian
	return []crafted{
		{"a branch page that is its own child", branch(func(im image, p int) { im.put64(p+16+8, uint64(p/pageSize)) }), "in use twice"},
		{"two branches to one page", branch(func(im image, p int) { copy(im[p+32+8:p+48], im[p+16+8:p+32]) }), "in use twice"},
		{"a branch beyond the end", branch(func(im image, p int) { im.put64(p+16+8, 1<<52) }), "out of bounds"},
		{"a branch to a meta page", branch(func(im image, p int) { im.put64(p+16+8, 0) }), "out of bounds"},
		{"a page with the number of another", branch(func(im image, p int) { im[p]++ }), "says that it is page"},
		{"a page that is branch and leaf", branch(func(im image, p int) { im[p+8] = 3 }), "unknown kind"},
		{"more entries than fit", branch(func(im image, p int) { le.PutUint16(im[p+10:], 0xffff) }), "do not fit"},
		{"a branch without children", branch(func(im image, p int) { le.PutUint16(im[p+10:], 0) }), "without children"},
		{"overflow beyond the end", branch(func(im image, p int) { le.PutUint32(im[p+12:], 0xffffffff) }), "runs over the end"},
		{"overflow into a page in use", branch(func(im image, p int) {
			le.PutUint32(im[p+12:], uint32(im.get64(im.newest()+metaHigh))-uint32(p/pageSize)-1)
		}), "in use twice"},
		{"children in the wrong order", branch(func(im image, p int) {
			first := bytes.Clone(im[p+16+8 : p+32])
			copy(im[p+16+8:p+32], im[p+32+8:p+48])
			copy(im[p+32+8:p+48], first)
		}), "not in order"},
		{"a page that begins below its branch", branch(func(im image, p int) {
			second := p + 32
			key := second + int(le.Uint32(im[second:]))
			im[key+int(le.Uint32(im[second+4:]))-1]++
		}), "not in order"},
		{"a tree of forty storeys", tower, "too deep"},
	}
}

// tower hangs a chain of branch pages, with one child each, under the secrets.
func tower(t *testing.T, im image) image {
	root := im.bucketRoot(t, store.Secrets)
	key := root + 16 + int(binary.LittleEndian.Uint32(im[root+16:]))
	im[key] = '0' // the first key, below all the others
	at := root + 16
	for range 40 {
		id := uint64(len(im) / pageSize)
		p := make(image, pageSize).put64(0, id)
		p[8], p[10] = 1, 1               // a branch page with one entry:
		p[16], p[20], p[32] = 16, 1, '1' // key "1", behind the entries
		im.put64(at+8, id)
		at = len(im) + 16
		im = append(im, p...)
	}
	return im.put64(im.newest()+metaHigh, uint64(len(im)/pageSize))
}

func craftedBuckets() []crafted {
	// slots damages the entry of the slots, the last one of the root page: offsets of
	// its element and its value.
	slots := func(damage func(im image, element, value int)) func(*testing.T, image) image {
		return func(t *testing.T, im image) image {
			e, v := im.entry(t, im.root(), store.Slots)
			damage(im, e, v)
			return im
		}
	}
	// inMeta damages the inline page of the meta bucket.
	inMeta := func(key string, damage func(im image, element, value int)) func(*testing.T, image) image {
		return func(t *testing.T, im image) image {
			_, v := im.entry(t, im.root(), store.Meta)
			e, v := im.entry(t, v+16, key)
			damage(im, e, v)
			return im
		}
	}
	le := binary.LittleEndian
	return []crafted{
		{"a key that leaves its page", slots(func(im image, e, _ int) { le.PutUint32(im[e+8:], 0xffffffff) }), "out of place"},
		{"a value that leaves its page", slots(func(im image, e, _ int) { le.PutUint32(im[e+12:], 0x7fffffff) }), "out of place"},
		{"an empty key", slots(func(im image, e, _ int) { le.PutUint32(im[e+8:], 0) }), "out of place"},
		{"an entry over another", slots(func(im image, e, _ int) { le.PutUint32(im[e+4:], 16) }), "out of place"},
		{"buckets out of order", slots(func(im image, e, v int) { im[v-len(store.Slots)] = 'a' }), "not in order"},
		{"a bucket of another name", slots(func(im image, e, v int) { im[v-1] = 'z' }), "no such bucket"},
		{"a record among the buckets", slots(func(im image, e, _ int) { le.PutUint32(im[e:], 0) }), "no bucket"},
		{"an unknown flag", slots(func(im image, e, _ int) { le.PutUint32(im[e:], 3) }), "no bucket"},
		{"half a bucket header", slots(func(im image, e, _ int) { le.PutUint32(im[e+12:], 8) }), "no bucket"},
		{"half an inline page", slots(func(im image, e, _ int) { le.PutUint32(im[e+12:], 24) }), "cut short"},
		{"an inline page with a number", slots(func(im image, _, v int) { im[v+16] = 1 }), "unknown kind"},
		{"an inline branch page", slots(func(im image, _, v int) { im[v+16+8] = 1 }), "unknown kind"},
		{"an inline page with overflow", slots(func(im image, _, v int) { im[v+16+12] = 1 }), "unknown kind"},
		{"more inline entries than fit", slots(func(im image, _, v int) { im[v+16+10] = 0xff }), "do not fit"},
		{"a page and an inline page", slots(func(im image, _, v int) { im[v] = 3 }), "header is malformed"},
		{"a bucket in a bucket", inMeta("vault", func(im image, e, _ int) { im[e] = 1 }), `key "vault": it is of an unknown kind`},
		{"no format version", inMeta("format", func(im image, _, v int) { im[v-1] = 'z' }), `key "format": it is missing`},
		{"no revision", inMeta("revision", func(im image, _, v int) { im[v-1] = 'z' }), `key "revision": it is missing`},
	}
}

func (im image) get64(at int) uint64 { return binary.LittleEndian.Uint64(im[at:]) }

func (im image) put64(at int, v uint64) image {
	binary.LittleEndian.PutUint64(im[at:], v)
	return im
}

// rename gives the entry whose element is at the offset another key of the same
// length.
func (im image) rename(t *testing.T, at int, key string) {
	t.Helper()
	pos := at + int(binary.LittleEndian.Uint32(im[at+4:]))
	if size := int(binary.LittleEndian.Uint32(im[at+8:])); size != len(key) {
		t.Fatalf("key of %d bytes, not %d", size, len(key))
	}
	copy(im[pos:], key)
}
