package campaign_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/secretbox"

	"bfxvault/cmd/internal/memscan"
	"bfxvault/vault/operator"
)

// What vaultd must not leave behind is computed here a second time, from the
// passphrase and the vault file alone, after docs/format.md.

// keys are the keys of a vault, by name, as a KEK gives them: the KEK itself, and of
// those in memory while a vault is unlocked the data key and the set-hash key.
type keys map[string][]byte

// recompute opens a copy of the vault file with the KEK of a slot.
func recompute(t testing.TB, file string, slotID uint32, kek *operator.KEK) keys {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	copied := filepath.Join(t.TempDir(), "vault.db")
	must(t, os.WriteFile(copied, text, 0o600))
	db, err := bolt.Open(copied, 0o600, &bolt.Options{ReadOnly: true})
	must(t, err)
	defer db.Close()
	k := keys{"KEK": bytes.Clone(kek[:]), "proof key": derive(t, kek[:], "bfxvault/v1/proof")}
	must(t, db.View(func(tx *bolt.Tx) error {
		id, key := tx.Bucket([]byte("meta")).Get([]byte("vault"))[:16], []byte(fmt.Sprint(slotID))
		slot := tx.Bucket([]byte("slots")).Get(key)
		k["slot secret"], k["shared key"] = derive(t, kek[:], "bfxvault/v1/slot/secret"), derive(t, kek[:], "bfxvault/v1/slot/shared")
		public, err := curve25519.X25519(k["slot secret"], curve25519.Basepoint)
		must(t, err)
		k["what X25519 gives"], err = curve25519.X25519(k["slot secret"], slot[63:95])
		must(t, err)
		k["slot key"] = derive(t, slices.Concat(k["what X25519 gives"], k["shared key"], slot[63:95], public), "bfxvault/v1/slot/key")
		var ok bool
		k[dataKey], ok = open(slot[95:143], slot[39:63], k["slot key"], "bfxvault/v1/slot", id, slot[:39], slot[63:95])
		if !ok {
			return errors.New("the slot does not open")
		}
		wrapped := tx.Bucket([]byte("audit")).Get(key)
		k["audit key"], ok = open(wrapped[33:], wrapped[9:33], derive(t, kek[:], "bfxvault/v1/audit/wrap"), "bfxvault/v1/record",
			wrapped[:1], id, []byte("audit"), key, wrapped[1:9])
		if !ok {
			return errors.New("the audit key does not open")
		}
		return opensSecrets(tx, id, k[dataKey])
	}))
	k["set-hash key"] = derive(t, k[dataKey], "bfxvault/v1/manifest")
	return k
}

// opensSecrets makes sure that the data key is the right one.
func opensSecrets(tx *bolt.Tx, id, dataKey []byte) error {
	return tx.Bucket([]byte("secrets")).ForEach(func(place, sealed []byte) error {
		label, _, _ := cutLast(string(place), '/')
		secret, ok := open(sealed[33:], sealed[9:33], dataKey, "bfxvault/v1/record",
			sealed[:1], id, []byte("secrets"), place, sealed[1:9])
		if !ok || string(secret) != secretOf(label) {
			return fmt.Errorf("the record of %s does not open", place)
		}
		return nil
	})
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// open opens one sealing: the nonce is bound to domain and associated data.
func open(sealed, storedNonce, key []byte, domain string, associated ...[]byte) ([]byte, bool) {
	h := sha256.New()
	for _, field := range append(append([][]byte{[]byte(domain)}, associated...), storedNonce) {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(field)))
		h.Write(size[:])
		h.Write(field)
	}
	nonce := [24]byte(h.Sum(nil))
	return secretbox.Open(nil, sealed, &nonce, (*[32]byte)(key))
}

func derive(t testing.TB, secret []byte, info string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	must(t, err)
	return key
}

// midStates are the two chaining values of HMAC-SHA-384 that sign like the key.
func midStates(t testing.TB, key []byte) (states [][]byte) {
	t.Helper()
	for _, pad := range []byte{0x36, 0x5c} {
		block := make([]byte, sha512.BlockSize)
		copy(block, key)
		for i := range block {
			block[i] ^= pad
		}
		h := sha512.New384()
		h.Write(block)
		form, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		must(t, err)
		states = append(states, form[4:4+sha512.Size])
	}
	return states
}

// stateNeedles look for mid-states as they are kept (big endian) and as a digest
// computes with them.
func stateNeedles(t testing.TB, name string, key []byte) (all []memscan.Needle) {
	for _, state := range midStates(t, key) {
		native := make([]byte, 0, len(state))
		for i := 0; i < len(state); i += 8 {
			native = binary.NativeEndian.AppendUint64(native, binary.BigEndian.Uint64(state[i:]))
		}
		all = append(all,
			memscan.Needle{Name: name, Form: "big endian", Value: state, Piece: 16},
			memscan.Needle{Name: name, Form: "native", Value: native, Piece: 16})
	}
	return all
}
