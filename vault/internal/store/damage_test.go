package store_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"testing"

	"bfxvault/vault/internal/store"
)

var stride = flag.Int("stride", 509, "flip every n-th byte of the sample file; 1 flips them all")

// A45: whatever byte of the file is flipped, with the meta checksums as they are
// or made right again, the outcome is the same content, an error, or other
// content, which the manifest above the store tells: never a panic or a hang.
func TestAnyFlippedByteIsHarmlessOrAnErrorOrForTheManifest(t *testing.T) {
	original, want := sampleImage(t)
	path := newFile(t)
	for _, resealed := range []bool{false, true} {
		same, refused, other := 0, 0, 0
		try := func(at int, mask byte, outcome func(image, testing.TB, string) (content, error)) {
			im := image(bytes.Clone(original))
			im[at] ^= mask
			if resealed {
				im.reseal()
			}
			got, err := outcome(im, t, path)
			switch {
			case err != nil && !structural(err):
				t.Errorf("byte %d ^ %#x: %v", at, mask, err)
			case err != nil:
				refused++
			case maps.Equal(got, want):
				same++
			default:
				other++
			}
		}
		for at := 0; at < len(original); at += *stride {
			try(at, 0xff, image.outcome)
			try(at, 0x01, image.outcome)
		}
		for _, page := range []int{0, pageSize, original.root()} {
			for at := page; at < page+80; at++ {
				try(at, 0x01, image.written)
			}
		}
		t.Logf("resealed %t: %d the same, %d refused, %d other content", resealed, same, refused, other)
		if same == 0 || refused == 0 || other == 0 {
			t.Error("the flips did not reach free space, structure and content")
		}
	}
}

func structural(err error) bool {
	var damaged *store.DamagedError
	return errors.As(err, &damaged) || errors.Is(err, store.ErrFormat)
}

// A43: bbolt alone would go on from the older meta page and say nothing.
func TestADamagedMetaPageIsNeverARollback(t *testing.T) {
	original, _ := sampleImage(t)
	path := newFile(t)
	for _, page := range []int{0, pageSize} {
		for at := page + 16; at < page+80; at++ {
			im := image(bytes.Clone(original))
			im[at] ^= 0x10
			var damaged *store.DamagedError
			if _, err := im.outcome(t, path); !errors.As(err, &damaged) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
}

// P7: a file cut short under our feet is an error and no SIGBUS, at any length,
// and the store that saw it can still be closed.
func TestAFileCutShortWhileOpenIsAnError(t *testing.T) {
	original, _ := sampleImage(t)
	for size := 0; size < len(original); size += 7 * pageSize / 2 { // all of it is in use
		path := newFile(t)
		if err := os.WriteFile(path, original, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, rev, err := load(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(size)); err != nil {
			t.Fatal(err)
		}
		var damaged *store.DamagedError
		for range 2 {
			if err := s.Apply(rev, nil); !errors.As(err, &damaged) {
				t.Errorf("Apply to a file of %d bytes: %v", size, err)
			}
			if _, _, err := load(s); !errors.As(err, &damaged) {
				t.Errorf("Load of a file of %d bytes: %v", size, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// P7: also where the write does not touch what is missing, and would hide it.
func TestAWriteDoesNotHideThatAFileWasCutShort(t *testing.T) {
	path := newFile(t)
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, 0, store.Op{Bucket: store.Grants, Key: []byte("large"), Value: pattern(1, 20*pageSize)})
	for rev := range uint64(4) { // the root moves to pages that have become free
		mustApply(t, s, rev+1)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := int(image(b).get64(image(b).newest()+metaHigh)) * pageSize
	if image(b).root() == end-pageSize {
		t.Fatal("the root is the last page")
	}
	if err := os.Truncate(path, int64(end-pageSize)); err != nil {
		t.Fatal(err)
	}
	var damaged *store.DamagedError
	if err := s.Apply(5, nil); !errors.As(err, &damaged) {
		t.Errorf("Apply: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// P7: also where the file is cut short in the middle of a read.
func TestAFileCutShortWhileBeingReadIsAnError(t *testing.T) {
	path := newFile(t)
	sample(t, path)
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := byte(0)
	_, err = s.Load(func(_ string, _, value []byte) error {
		err := os.Truncate(path, 2*pageSize)
		for _, b := range value {
			seen |= b
		}
		return err
	})
	var damaged *store.DamagedError
	if !errors.As(err, &damaged) {
		t.Errorf("Load: %v", err)
	}
	if _, err := s.Revision(); !errors.As(err, &damaged) {
		t.Errorf("Revision afterwards: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A45: also where another process writes into the file while it is open. What the
// store then reads is an error, the same, or for the manifest; its own writes may
// fail; and it can still be closed.
func TestAFileDamagedWhileOpenIsHarmlessOrAnError(t *testing.T) {
	original, _ := sampleImage(t)
	path := newFile(t)
	refused := 0
	for page := 0; page < len(original); page += pageSize {
		for _, at := range []int{page, page + 8, page + 10, page + 24, page + 28} {
			if err := os.WriteFile(path, original, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			_, rev, err := load(s)
			if err != nil {
				t.Fatal(err)
			}
			flipInPlace(t, path, at)
			ops := []store.Op{{Bucket: store.Keys, Key: []byte("main-11")}, {Bucket: store.Secrets, Key: []byte("new"), Value: pattern(1, 9000)}}
			for range 2 {
				if err = s.Apply(rev, ops); err != nil && !errors.Is(err, store.ErrConflict) {
					refused++
				}
				_, _, _ = load(s)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close after byte %d: %v", at, err)
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was ever seen")
	}
	t.Logf("%d writes refused", refused)
}

func flipInPlace(t *testing.T, path string, at int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
}
