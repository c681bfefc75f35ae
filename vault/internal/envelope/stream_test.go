package envelope_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"bfxvault/vault/internal/envelope"

	"golang.org/x/crypto/nacl/secretbox"
)

func streamOf(t testing.TB, key *[32]byte, header, plain []byte) []byte {
	t.Helper()
	sealed, err := envelope.SealStream(nil, key, header, plain)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// streamSizes are those at which chunks end, and their neighbours.
func streamSizes() []int {
	const c = envelope.ChunkSize
	return []int{0, 1, 100, c - 1, c, c + 1, 2 * c, 2*c + 7}
}

func TestAStreamOpensAsItWasSealed(t *testing.T) {
	key, header := randomKey(), []byte("header")
	for _, n := range streamSizes() {
		plain := make([]byte, n)
		rand.Read(plain)
		sealed := streamOf(t, key, header, plain)
		if len(sealed) != envelope.StreamSize(n) {
			t.Errorf("%d bytes become %d, not %d", n, len(sealed), envelope.StreamSize(n))
		}
		got, err := envelope.OpenStream([]byte("before"), key, header, sealed)
		if err != nil || !bytes.Equal(got, append([]byte("before"), plain...)) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// A45
func TestAStreamThatWasChangedDoesNotOpen(t *testing.T) {
	const sealedChunk = envelope.ChunkSize + secretbox.Overhead
	key, header := randomKey(), []byte("header")
	plain := make([]byte, 3*envelope.ChunkSize)
	rand.Read(plain)
	sealed := streamOf(t, key, header, plain)
	other := streamOf(t, key, []byte("Header"), plain)
	a, b, c := sealed[:sealedChunk], sealed[sealedChunk:2*sealedChunk], sealed[2*sealedChunk:]
	changed := map[string][]byte{
		"nothing":            {},
		"less than a tag":    sealed[:10],
		"the first chunk":    a,
		"two chunks":         sealed[:2*sealedChunk],
		"the last chunk":     c,
		"without the second": slices.Concat(a, c),
		"exchanged":          slices.Concat(b, a, c),
		"a chunk twice":      slices.Concat(a, a, b, c),
		"the last twice":     slices.Concat(sealed, c),
		"a byte more":        slices.Concat(sealed, []byte{0}),
		"a byte less":        sealed[:len(sealed)-1],
		"a chunk of another": slices.Concat(a, other[sealedChunk:2*sealedChunk], c),
	}
	for at := 0; at < len(sealed); at += 997 {
		flipped := bytes.Clone(sealed)
		flipped[at] ^= 1
		changed[fmt.Sprintf("byte %d flipped", at)] = flipped
	}
	for name, text := range changed {
		if got, err := envelope.OpenStream(nil, key, header, text); !errors.Is(err, envelope.ErrStreamDamaged) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for name, try := range map[string]struct {
		key    *[32]byte
		header string
	}{"another header": {key, "headeR"}, "no header": {key, ""}, "another key": {randomKey(), "header"}} {
		if got, err := envelope.OpenStream(nil, try.key, []byte(try.header), sealed); !errors.Is(err, envelope.ErrStreamDamaged) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// docs/format.md, written a second time.
func TestStreamsAreAsDocumented(t *testing.T) {
	key, header := randomKey(), []byte("header")
	plain := make([]byte, envelope.ChunkSize+10)
	rand.Read(plain)
	sum := sha256.Sum256(header)
	streamKey, err := hkdf.Key(sha256.New, key[:], nil, "bfxvault/v1/backup"+string(sum[:]), 32)
	if err != nil {
		t.Fatal(err)
	}
	first, last := [24]byte{}, [24]byte{22: 1, 23: 1}
	byHand := secretbox.Seal(nil, plain[:65536], &first, (*[32]byte)(streamKey))
	byHand = secretbox.Seal(byHand, plain[65536:], &last, (*[32]byte)(streamKey))
	if !bytes.Equal(byHand, streamOf(t, key, header, plain)) {
		t.Error("sealed by the document, it is another stream")
	}
}

// FuzzOpenStream: no stream opens but the one that was sealed (A45).
func FuzzOpenStream(f *testing.F) {
	key, header := &[32]byte{1}, []byte("header")
	sealed := streamOf(f, key, header, []byte("plaintext"))
	addSeeds(f, sealed)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := envelope.OpenStream(nil, key, header, b)
		if same := bytes.Equal(b, sealed); same != (err == nil) || err != nil && got != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}
