package envelope_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"
	"testing"

	"bfxvault/vault/internal/envelope"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"
	"golang.org/x/crypto/nacl/secretbox"
	//lint:ignore SA1019 nacl/box's key derivation, written out
	"golang.org/x/crypto/salsa20/salsa"
)

// This file is docs/format.md written a second time, plainly, on the standard
// library and NaCl's own calls, so that the document and the package cannot drift
// apart: what one seals the other opens.

func plainFields(fields ...[]byte) (b []byte) {
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func plainNonce(fields ...[]byte) *[24]byte {
	sum := sha256.Sum256(plainFields(fields...))
	return (*[24]byte)(sum[:24])
}

func TestRecordsAreAsDocumented(t *testing.T) {
	key, p, want := randomKey(), place(), []byte("plaintext")
	vault, bucket := p.Vault[:], []byte(p.Bucket)
	revision := []byte{0, 0, 0, 0, 0, 0, 1, 2}

	sealed := seal(t, key, p, 0x102, want)
	nonce := plainNonce([]byte("bfxvault/v1/record"), []byte{1}, vault, bucket, p.Key, revision, sealed[9:33])
	got, ok := secretbox.Open(nil, sealed[33:], nonce, key)
	if !ok || !bytes.Equal(got, want) || sealed[0] != 1 || !bytes.Equal(sealed[1:9], revision) {
		t.Errorf("opened by the document: %q, %t", got, ok)
	}

	stored := bytes.Repeat([]byte{9}, 24)
	nonce = plainNonce([]byte("bfxvault/v1/record"), []byte{1}, vault, bucket, p.Key, revision, stored)
	byHand := secretbox.Seal(slices.Concat([]byte{1}, revision, stored), want, nonce, key)
	if got, rev, err := envelope.Open(nil, key, p, byHand); err != nil || rev != 0x102 || !bytes.Equal(got, want) {
		t.Errorf("sealed by the document: %q at %d, %v", got, rev, err)
	}

	nonce = plainNonce([]byte("bfxvault/v1/record"), []byte{2}, vault, bucket, p.Key, revision, stored)
	later := secretbox.Seal(slices.Concat([]byte{2}, revision, stored), want, nonce, key)
	if _, _, err := envelope.Open(nil, key, p, later); !isTampered(err) {
		t.Errorf("of a version that we do not know: %v", err)
	}
}

func plainHKDF(t *testing.T, secret []byte, info string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSlotsAreAsDocumented(t *testing.T) {
	kek, dataKey, vault := randomKey(), randomKey(), vaultID(3)
	header := slices.Concat([]byte{1, 1}, []byte{0, 0, 0, 7}, []byte{0, 0, 0, 3}, []byte{0, 1, 0, 0}, []byte{4},
		[]byte{1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0x69, 0x55, 0xb9, 0})
	stored := bytes.Repeat([]byte{9}, 24)
	secret, shared := plainHKDF(t, kek[:], "bfxvault/v1/slot/secret"), plainHKDF(t, kek[:], "bfxvault/v1/slot/shared")
	public, err := curve25519.X25519(secret, curve25519.Basepoint)
	if err != nil {
		t.Fatal(err)
	}
	oneShot := bytes.Repeat([]byte{7}, 32)
	ephemeral, err := curve25519.X25519(oneShot, curve25519.Basepoint)
	if err != nil {
		t.Fatal(err)
	}
	point, err := curve25519.X25519(oneShot, public)
	if err != nil {
		t.Fatal(err)
	}
	key := plainHKDF(t, slices.Concat(point, shared, ephemeral, public), "bfxvault/v1/slot/key")
	nonce := plainNonce([]byte("bfxvault/v1/slot"), vault[:], header, ephemeral, stored)
	body := secretbox.Seal(slices.Concat(header, stored, ephemeral), dataKey[:], nonce, (*[32]byte)(key))
	sum := sha256.Sum256(body)

	var keys envelope.WrapKeys
	if err := envelope.DeriveWrapKeys(&keys, kek); err != nil || !bytes.Equal(keys[:], slices.Concat(public, shared)) {
		t.Errorf("what wraps is %x, %v", keys, err)
	}

	s, err := envelope.ParseSlot(append(body, sum[:8]...))
	if err != nil {
		t.Fatal(err)
	}
	var got [32]byte
	if err := s.Unwrap(vault, kek, &got); err != nil || got != *dataKey {
		t.Errorf("Unwrap: %v", err)
	}
	if made := encode(t, passphraseSlot()); !bytes.Equal(made[:39], header) {
		t.Errorf("header %x; want %x", made[:39], header)
	}
}

func TestSetHashesAreAsDocumented(t *testing.T) {
	key := randomKey()
	hashKey := plainHKDF(t, key[:], "bfxvault/v1/manifest")
	var want [32]byte
	var got envelope.SetHash
	state := setHashState(t, key)
	for _, e := range [][3]string{{"keys", "main", "sealed"}, {"secrets", "main/1", ""}} {
		h := hmac.New(sha512.New384, hashKey)
		h.Write([]byte{0, byte(len(e[0])), 0, byte(len(e[1]))})
		h.Write([]byte(e[0] + e[1] + e[2]))
		for i, b := range h.Sum(nil)[:32] {
			want[i] ^= b
		}
		got.Add(state, e[0], []byte(e[1]), []byte(e[2]))
	}
	if got.Sum != want || got.Count != 2 {
		t.Errorf("%x; want %x", got.Sum, want)
	}
}

// forgeFromLowOrder seals a box from a sender whose shared point with everybody
// is zero.
func forgeFromLowOrder(t *testing.T, sender, recipient [32]byte, plaintext []byte) []byte {
	t.Helper()
	var key [32]byte
	salsa.HSalsa20(&key, new([16]byte), new([32]byte), &salsa.Sigma)
	return plainBox(t, sender, recipient, plaintext, &key)
}

// forgeForWiped seals a box that opens for whoever goes on with a key pair that
// was wiped: its secret half is zero, and X25519 takes that for a scalar.
func forgeForWiped(t *testing.T, plaintext []byte) []byte {
	t.Helper()
	sender, secret, err := box.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var public, key [32]byte
	curve25519.ScalarBaseMult(&public, new([32]byte))
	box.Precompute(&key, &public, secret)
	return plainBox(t, *sender, [32]byte{}, plaintext, &key)
}

func plainBox(t *testing.T, sender, recipient [32]byte, plaintext []byte, key *[32]byte) []byte {
	t.Helper()
	h, err := blake2b.New(24, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Write(sender[:])
	h.Write(recipient[:])
	return secretbox.Seal(bytes.Clone(sender[:]), plaintext, (*[24]byte)(h.Sum(nil)), key)
}
