package store_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"bfxvault/vault/internal/store"
)

// FuzzOpen opens, reads and writes a file whose structure was changed at will and
// whose checksums are right (A45). The input is a list of patches, three bytes
// each: a place and what to write there.
func FuzzOpen(f *testing.F) {
	path := newFile(f)
	base, places := fuzzBase(f, path)
	seeds := [][]byte{
		{},
		patch(len(places)-1, 0xff),
		append(patch(96, 3), patch(97, 0)...), // a field of a meta page
		append(patch(170, 1), patch(174, 9)...),
		bytes.Repeat(patch(200, 7), 3),
	}
	for i := 0; i < len(places); i += 61 {
		seeds = append(seeds, patch(i, 1))
	}
	if len(seeds) < 20 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, patches []byte) {
		im := image(bytes.Clone(base))
		for ; len(patches) >= 3; patches = patches[3:] {
			im[places[int(binary.BigEndian.Uint16(patches))%len(places)]] = patches[2]
		}
		im.reseal()
		if _, err := im.written(t, newFile(t)); err != nil && !structural(err) {
			t.Error(err)
		}
	})
}

// FuzzOpenAnyBytes opens a file of any bytes at all.
func FuzzOpenAnyBytes(f *testing.F) {
	path := newFile(f)
	fresh, err := store.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	if err := fresh.Close(); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(path)
	if err != nil || len(seed) == 0 {
		f.Fatal("no seeds", err)
	}
	f.Add(seed)
	f.Add(seed[:2*pageSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		im := image(bytes.Clone(file))
		im.reseal()
		if _, err := im.written(t, newFile(t)); err != nil && !structural(err) {
			t.Error(err)
		}
	})
}

func patch(place int, value byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(place)), value)
}

// fuzzBase makes a file and returns it with the places where its structure stands:
// both meta pages, and the start of every other page, down to the inline ones.
func fuzzBase(f *testing.F, path string) (image, []int) {
	s, err := store.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	ops := []store.Op{
		{Bucket: store.Meta, Key: []byte("vault"), Value: pattern(1, 16)},
		{Bucket: store.Grants, Key: []byte("large"), Value: pattern(2, pageSize+1)},
	}
	for i := range byte(60) {
		ops = append(ops, store.Op{Bucket: store.Secrets, Key: append(bytes.Repeat([]byte{'k'}, 90), i), Value: pattern(3, 90)},
			store.Op{Bucket: store.Keys, Key: []byte{'k', i}, Value: pattern(3, 5)})
	}
	for rev := range uint64(3) { // so that there are free pages too
		if err := s.Apply(rev, ops); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	im, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	im = im[:image(im).get64(image(im).newest()+metaHigh)*pageSize]
	var places []int
	for page := 0; page < len(im); page += pageSize {
		n := 80
		if page >= 2*pageSize {
			n = 512
		}
		for at := range n {
			places = append(places, page+at)
		}
	}
	return im, places
}
