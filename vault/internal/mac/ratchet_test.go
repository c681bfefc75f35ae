package mac_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"bfxvault/vault/internal/mac"
)

func hmac256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// P2: each tag is HMAC-SHA-256 by a key of its own, and undone steps come again.
func TestARatchetStepsOneWay(t *testing.T) {
	first := bytes.Repeat([]byte{7}, 32)
	mem := make([]byte, mac.RatchetSize)
	copy(mem, first)
	r, err := mac.NewRatchet(mem)
	if err != nil {
		t.Fatal(err)
	}
	key := first
	for i := range 5 {
		hash := sha256.Sum256([]byte{byte(i)})
		want := hmac256(key, string(hash[:]))
		for _, keep := range []bool{false, false, true} {
			var tag [16]byte
			r.Tag(tag[:], hash[:])
			if !bytes.Equal(tag[:], want[:16]) {
				t.Fatalf("tag %d: %x, want %x", i, tag, want[:16])
			}
			r.Settle(keep)
		}
		key = hmac256(key, "bfxvault/v1/audit/step")
		if bytes.Contains(mem, first) {
			t.Fatal("the first key is still there")
		}
	}
}

func BenchmarkRatchet(b *testing.B) {
	r, err := mac.NewRatchet(make([]byte, mac.RatchetSize))
	if err != nil {
		b.Fatal(err)
	}
	var tag [16]byte
	var hash [32]byte
	b.ReportAllocs()
	for b.Loop() {
		r.Tag(tag[:], hash[:])
	}
}
