package envelope_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"testing"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
)

func randomKey() *[32]byte {
	var k [32]byte
	rand.Read(k[:])
	return &k
}

func vaultID(b byte) (id envelope.VaultID) {
	for i := range id {
		id[i] = b
	}
	return id
}

// guarded returns n bytes of guarded memory with capacity n.
func guarded(t testing.TB, n int) []byte {
	t.Helper()
	b, err := guard.NewBuffer(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Destroy)
	return b.Bytes()
}

func floor() envelope.Params {
	return envelope.Params{Time: envelope.MinTime, MemoryKiB: envelope.MinMemoryKiB, Threads: envelope.MinThreads}
}

func passphraseSlot() envelope.Slot {
	return envelope.Slot{ID: 7, Kind: envelope.Passphrase, Params: floor(), Salt: [16]byte{1, 2, 3}, Created: 1_767_225_600}
}

func wrap(t testing.TB, s envelope.Slot, vault envelope.VaultID, kek, dataKey *[32]byte) envelope.Slot {
	t.Helper()
	if err := envelope.Wrap(&s, vault, kek, dataKey); err != nil {
		t.Fatal(err)
	}
	return s
}

func encode(t testing.TB, s envelope.Slot) []byte {
	t.Helper()
	b, err := s.AppendBinary(nil)
	if err != nil || len(b) != envelope.SlotSize {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	return b
}

// reseal makes the checksum at the end of a slot right, as an attacker would.
func reseal(slot []byte) []byte {
	slot = bytes.Clone(slot)
	sum := sha256.Sum256(slot[:len(slot)-8])
	copy(slot[len(slot)-8:], sum[:])
	return slot
}

func isTampered(err error) bool {
	var tampered *envelope.TamperedError
	return errors.As(err, &tampered)
}
