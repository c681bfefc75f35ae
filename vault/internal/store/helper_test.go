package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/vault/internal/store"

	"github.com/google/go-cmp/cmp"
)

const pageSize = 4096

// content is what a vault file holds: "bucket/key" to value.
type content map[string]string

func (c content) apply(ops []store.Op) {
	for _, op := range ops {
		name := op.Bucket + "/" + string(op.Key)
		if op.Value == nil {
			delete(c, name)
		} else {
			c[name] = string(op.Value)
		}
	}
}

func load(s *store.Store) (content, uint64, error) {
	c := content{}
	rev, err := s.Load(func(bucket string, key, value []byte) error {
		c[bucket+"/"+string(key)] = string(value)
		return nil
	})
	return c, rev, err
}

// open opens a vault file. At the end of the test it is closed, opened again and
// read, so that every test shows that what it did left a sound file.
func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		before, rev, err := load(s)
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			t.Errorf("reading at the end: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing at the end: %v", err)
		}
		again, err := store.Open(path)
		if err != nil {
			t.Fatalf("opening again at the end: %v", err)
		}
		defer again.Close()
		after, rev2, err := load(again)
		if err != nil || rev2 != rev {
			t.Errorf("opened again at revision %d, %v; want %d", rev2, err, rev)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("opened again with other content:\n%s", diff)
		}
	})
	return s
}

// newFile returns the path of a vault file that does not exist yet, in memory where
// the system has such a folder: few tests are about the disk, and all sync to it.
func newFile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "bfxvault-store-")
	if err != nil {
		return onDisk(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "vault.db")
}

func onDisk(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "vault.db")
}

func mustApply(t testing.TB, s *store.Store, revision uint64, ops ...store.Op) {
	t.Helper()
	if err := s.Apply(revision, ops); err != nil {
		t.Fatalf("applying at revision %d: %v", revision, err)
	}
}

// sample writes a file with buckets of every shape: inline, one page, values of
// several pages, a tree with branch pages. It returns its content.
func sample(t testing.TB, path string) content {
	t.Helper()
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := content{}
	rev := uint64(0)
	apply := func(ops ...store.Op) {
		mustApply(t, s, rev, ops...)
		want.apply(ops)
		rev++
	}
	apply(store.Op{Bucket: store.Meta, Key: []byte("vault"), Value: pattern(1, 16)},
		store.Op{Bucket: store.Slots, Key: []byte{0, 0, 0, 1}, Value: pattern(2, 119)},
		store.Op{Bucket: store.Manifest, Key: []byte("manifest"), Value: pattern(3, 97)})
	for i := range 40 {
		apply(store.Op{Bucket: store.Keys, Key: fmt.Appendf(nil, "main-%02d", i), Value: pattern(i, 150+i)},
			store.Op{Bucket: store.Marks, Key: fmt.Appendf(nil, "main-%02d", i), Value: pattern(i, 57)})
	}
	apply(store.Op{Bucket: store.Grants, Key: []byte("large"), Value: pattern(9, 3*pageSize)},
		store.Op{Bucket: store.Grants, Key: []byte("larger"), Value: pattern(10, 5*pageSize+7)},
		store.Op{Bucket: store.Keys, Key: []byte("main-07")})
	var many []store.Op
	for i := range 60 {
		many = append(many, store.Op{Bucket: store.Secrets, Key: fmt.Appendf(bytes.Repeat([]byte{'k'}, 40), "%03d", i), Value: pattern(i, 400)})
	}
	apply(many...)
	return want
}

func pattern(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed*31 + i*7)
	}
	return b
}

// image is a vault file in memory, to be damaged.
type image []byte

func sampleImage(t testing.TB) (image, content) {
	t.Helper()
	path := newFile(t)
	want := sample(t, path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im := image(b)
	return im[:im.get64(im.newest()+metaHigh)*pageSize], want // without preallocated pages
}

// reseal makes the checksum of both meta pages right again, as an attacker would.
func (im image) reseal() {
	for _, at := range []int{16, pageSize + 16} {
		if len(im) < at+64 {
			return
		}
		h := fnv.New64a()
		h.Write(im[at : at+56])
		binary.LittleEndian.PutUint64(im[at+56:], h.Sum64())
	}
}

// newest returns the offset of the meta data that counts.
func (im image) newest() int {
	a, b := 16, pageSize+16
	if im.get64(b+metaTxid) > im.get64(a+metaTxid) {
		return b
	}
	return a
}

// root returns the offset of the root page.
func (im image) root() int {
	return int(im.get64(im.newest()+metaRoot)) * pageSize
}

// entry returns the offsets of an entry of the page at the given offset, by key:
// of its element, and of its value.
func (im image) entry(t *testing.T, page int, key string) (element, value int) {
	t.Helper()
	count := int(binary.LittleEndian.Uint16(im[page+10:]))
	for i := range count {
		at := page + 16 + 16*i
		pos := at + int(binary.LittleEndian.Uint32(im[at+4:]))
		size := int(binary.LittleEndian.Uint32(im[at+8:]))
		if string(im[pos:pos+size]) == key {
			return at, pos + size
		}
	}
	t.Fatalf("no entry %q in the page at %d", key, page)
	return 0, 0
}

// bucketRoot returns the offset of a bucket's root page.
func (im image) bucketRoot(t *testing.T, bucket string) int {
	t.Helper()
	_, value := im.entry(t, im.root(), bucket)
	id := int(im.get64(value))
	if id == 0 {
		t.Fatalf("bucket %q is inline", bucket)
	}
	return id * pageSize
}

// outcome opens the image as a file and reads all of it.
func (im image) outcome(t testing.TB, path string) (content, error) {
	t.Helper()
	return im.use(t, path, func(*store.Store, content, uint64) error { return nil })
}

// written is outcome with a write, which must change what it says and no more.
func (im image) written(t testing.TB, path string) (content, error) {
	t.Helper()
	ops := []store.Op{
		{Bucket: store.Keys, Key: []byte("main-11")},
		{Bucket: store.Secrets, Key: []byte("new"), Value: pattern(5, 2*pageSize)},
	}
	return im.use(t, path, func(s *store.Store, before content, rev uint64) error {
		if err := s.Apply(rev, ops); err != nil {
			return err
		}
		want := maps.Clone(before)
		want.apply(ops)
		after, _, err := load(s)
		if err == nil && !maps.Equal(want, after) {
			t.Error("a write to a file that was accepted changed something else")
		}
		return err
	})
}

func (im image) use(t testing.TB, path string, then func(*store.Store, content, uint64) error) (content, error) {
	t.Helper()
	if err := os.WriteFile(path, im, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	got, rev, err := load(s)
	if err == nil {
		err = then(s, got, rev)
	}
	return got, err
}
