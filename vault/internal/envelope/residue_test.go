package envelope_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/mac"
)

// secrets are what must stay in guarded memory: KEK, what is derived of it to wrap with,
// data key, a plaintext, and the secret halves of the last transport keys.
type secrets struct {
	kek, dataKey, text []byte
	wrapSecret, shared []byte
	scalars            [8][]byte
	stream             []byte   // the key of a stream
	pages              [][]byte // all guarded memory of the test
}

func (s *secrets) guarded(t *testing.T, n int) []byte {
	b := guarded(t, n)
	s.pages = append(s.pages, b)
	return b
}

// P1, A52: after hundreds of calls none of it is anywhere in the process but in
// the memory that the caller gave, not even where the garbage collector has not
// been yet.
func TestKeysAndPlaintextLeaveNoCopyBehind(t *testing.T) {
	s := &secrets{}
	for _, b := range []*[]byte{&s.kek, &s.dataKey, &s.text} {
		*b = s.guarded(t, 32)
		rand.Read(*b)
	}
	s.wrapSecret, s.shared = s.guarded(t, 32), s.guarded(t, 32)
	check(t, mac.HKDF256(s.wrapSecret, s.kek, "bfxvault/v1/slot/secret"))
	check(t, mac.HKDF256(s.shared, s.kek, "bfxvault/v1/slot/shared"))
	for i := range s.scalars {
		s.scalars[i] = s.guarded(t, 32)
	}
	s.use(t)
	for name, secret := range map[string][]byte{"KEK": s.kek, "data key": s.dataKey, "plaintext": s.text, "shared key": s.shared} {
		for _, piece := range [][]byte{secret[:16], secret[8:24], secret[16:]} {
			if n := copies(t, piece, s.pages); n != 0 {
				t.Errorf("%s: %d copies", name, n)
			}
		}
	}
	if n := copies(t, s.wrapSecret[8:24], s.pages); n != 0 {
		t.Errorf("secret half that unwraps: %d copies", n)
	}
	for at := 0; at <= 16; at += 8 {
		if n := copies(t, s.stream[at:at+16], s.pages); n != 0 {
			t.Errorf("key of a stream: %d copies", n)
		}
	}
	for i, scalar := range s.scalars {
		if n := copies(t, scalar[8:24], s.pages); n != 0 { // the middle: clamped or not
			t.Errorf("transport key %d: %d copies", i, n)
		}
	}

	decoy := bytes.Clone(s.dataKey[2:18])
	if copies(t, s.dataKey[2:18], s.pages) == 0 {
		t.Errorf("the scan did not find its decoy at %p", decoy)
	}
}

// use does everything that the package does, with the secrets.
func (s *secrets) use(t *testing.T) {
	t.Helper()
	kek, dataKey := (*[32]byte)(s.kek), (*[32]byte)(s.dataKey)
	keys := (*envelope.WrapKeys)(s.guarded(t, envelope.WrapKeysSize))
	check(t, envelope.DeriveWrapKeys(keys, kek))
	opened, state := s.guarded(t, 32), s.guarded(t, envelope.SetHashStateSize)
	mem := (*[envelope.TransportSize]byte)(s.guarded(t, envelope.TransportSize))
	header := []byte("header")
	sum := sha256.Sum256(header)
	s.stream = s.guarded(t, 32)
	check(t, mac.HKDF256(s.stream, s.dataKey, "bfxvault/v1/backup"+string(sum[:])))
	plain := make([]byte, 2*envelope.ChunkSize) // of a stream: ciphertext, and no secret
	var slotText, sealed []byte
	for i := range 200 {
		slot := passphraseSlot()
		err := envelope.Wrap(&slot, vaultID(1), kek, dataKey)
		check(t, err)
		check(t, envelope.WrapWith(&slot, vaultID(1), keys, dataKey))
		slotText, _ = slot.AppendBinary(slotText[:0])
		slot, err = envelope.ParseSlot(slotText)
		check(t, err)
		check(t, slot.Unwrap(vaultID(1), kek, (*[32]byte)(opened)))

		sealed, err = envelope.Seal(sealed[:0], dataKey, place(), 1, s.text)
		check(t, err)
		_, _, err = envelope.Open(opened[:0], dataKey, place(), sealed)
		check(t, err)
		check(t, envelope.SetHashState(state, dataKey))

		stream, err := envelope.SealStream(nil, dataKey, header, plain)
		check(t, err)
		_, err = envelope.OpenStream(nil, dataKey, header, stream)
		check(t, err)

		tr := envelope.NewTransport(mem)
		copy(s.scalars[i%len(s.scalars)], mem[:32])
		public := tr.Public()
		box, err := envelope.SealBox(&public, s.text)
		check(t, err)
		_, err = tr.Open(opened[:0], box)
		check(t, err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copies counts where piece stands in the memory of this process, outside the
// given pages.
func copies(t *testing.T, piece []byte, pages [][]byte) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	check(t, err)
	mem, err := os.Open("/proc/self/mem")
	check(t, err)
	defer mem.Close()
	scanned := 0
	chunk := make([]byte, 1<<20)
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		for at := from; at < to; at += uint64(len(chunk) - len(piece) + 1) {
			b := chunk[:min(uint64(len(chunk)), to-at)]
			if k, err := mem.ReadAt(b, int64(at)); err != nil {
				b = b[:k] // not readable even to ourselves: memfd_secret, or a hole
			}
			scanned += len(b)
			n += countOutside(b, piece, uintptr(at), pages)
			clear(b)
		}
	}
	if scanned < 1<<20 {
		t.Fatalf("only %d bytes of memory could be read", scanned)
	}
	return n
}

func countOutside(b, piece []byte, base uintptr, pages [][]byte) (n int) {
	for from := 0; ; from++ {
		// Not bytes.Index: it holds the piece in a register, which a preemption saves
		// on the stack, where we would find it.
		i := bytes.IndexByte(b[from:], piece[0])
		if i < 0 {
			return n
		}
		from += i
		if !hasPrefix(b[from:], piece) {
			continue
		}
		inside := false
		for _, p := range pages {
			start := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
			inside = inside || base+uintptr(from) >= start && base+uintptr(from) < start+uintptr(len(p))
		}
		if !inside {
			n++
		}
	}
}

func hasPrefix(b, prefix []byte) bool {
	for i, c := range prefix {
		if i >= len(b) || b[i] != c {
			return false
		}
	}
	return true
}
