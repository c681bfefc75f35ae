package mac

import (
	"crypto/sha512"
	"errors"
	"hash"
	"testing"
)

// broken is a SHA-384 that marshals in a way of its own.
type broken struct {
	digest
	appendBinary func(d digest, b []byte) ([]byte, error)
	unmarshal    func(d digest, b []byte) error
}

func (b broken) AppendBinary(to []byte) ([]byte, error) { return b.appendBinary(b.digest, to) }
func (b broken) UnmarshalBinary(from []byte) error      { return b.unmarshal(b.digest, from) }

// onlyHash hides the marshalling of a hash.
type onlyHash struct{ hash.Hash }

// A release of Go with another form of digest gives no state, rather than a wrong
// one or a copy of one.
func TestADigestOfAnotherFormIsRefused(t *testing.T) {
	sound := broken{sha512.New384().(digest), digest.AppendBinary, digest.UnmarshalBinary}
	if _, err := newCore(with(sound), make([]byte, sha384().memory())); err != nil {
		t.Fatalf("a sound digest: %v", err)
	}
	failed := errors.New("failed")
	for name, breakIt := range map[string]func(b *broken){
		"unmarshal fails": func(b *broken) { b.unmarshal = func(digest, []byte) error { return failed } },
		"append fails":    func(b *broken) { b.appendBinary = func(_ digest, to []byte) ([]byte, error) { return to, failed } },
		"a longer form": func(b *broken) {
			b.appendBinary = func(d digest, to []byte) ([]byte, error) { return d.AppendBinary(append(to, 0)) }
		},
		"a field more at the end": func(b *broken) {
			b.appendBinary = func(d digest, to []byte) ([]byte, error) {
				all, err := d.AppendBinary(make([]byte, 0, 300))
				return append(to, append(all, 0)...), err
			}
		},
		"little endian": func(b *broken) {
			b.appendBinary = func(d digest, to []byte) ([]byte, error) {
				to, err := d.AppendBinary(to)
				for i := range 32 {
					to[4+i], to[67-i] = to[67-i], to[4+i]
				}
				return to, err
			}
		},
		"unmarshal does nothing": func(b *broken) { b.unmarshal = func(digest, []byte) error { return nil } },
	} {
		bad := sound
		breakIt(&bad)
		if _, err := newCore(with(bad), make([]byte, sha384().memory())); !errors.Is(err, errForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := sha384()
	a.new = func() hash.Hash { return onlyHash{sha512.New384()} }
	if _, err := newCore(a, make([]byte, a.memory())); !errors.Is(err, errForm) {
		t.Errorf("no form at all: %v", err)
	}
	a = sha384()
	a.magic = "sha\x07"
	if _, err := newCore(a, make([]byte, a.memory())); !errors.Is(err, errForm) {
		t.Errorf("another magic: %v", err)
	}
}

func with(d digest) algorithm {
	a := sha384()
	a.new = func() hash.Hash { return d }
	return a
}
