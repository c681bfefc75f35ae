package operator

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
)

func testWrapped(t testing.TB) (wrapped []byte, file KEK) {
	t.Helper()
	for i := range file {
		file[i] = byte(i + 1)
	}
	wrapped, err := WrapKeyfile([]byte("login password"), vault.MinArgon2(), [16]byte{1}, 7, &file)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped, file
}

func TestAWrappedKeyfileOpensWithItsPasswordAndVaultAlone(t *testing.T) {
	wrapped, file := testWrapped(t)
	if bytes.Contains(wrapped, file[:16]) {
		t.Error("the keyfile stands in it")
	}
	slot, got, err := UnwrapKeyfile(wrapped, []byte("login password"), [16]byte{1})
	if err != nil || slot != 7 || *got != file {
		t.Errorf("slot %d, %v", slot, err)
	}
	if slot, err := WrappedFor(wrapped); slot != 7 || err != nil {
		t.Errorf("it says slot %d, %v", slot, err)
	}
	for name, try := range map[string]struct {
		password string
		vault    byte
	}{"another password": {"login passwords", 1}, "no password": {"", 1}, "another vault": {"login password", 2}} {
		if _, got, err := UnwrapKeyfile(wrapped, []byte(try.password), [16]byte{try.vault}); !errors.Is(err, ErrWrongPassphrase) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A login password is never a passphrase: its file cannot be put into the vault as a key
// slot, and a key slot is no such file.
func TestAWrappedKeyfileIsNoKeySlot(t *testing.T) {
	wrapped, _ := testWrapped(t)
	s, err := envelope.ParseSlot(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	kek, err := DeriveKEK([]byte("login password"), vault.Argon2Params(s.Params), s.Salt)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unwrap([16]byte{1}, (*[32]byte)(kek), new([32]byte)); !errors.Is(err, envelope.ErrWrongKey) {
		t.Errorf("as a key slot: %v", err)
	}
	if err := envelope.Wrap(&s, [16]byte{1}, (*[32]byte)(kek), new([32]byte)); err != nil {
		t.Fatal(err)
	}
	slot, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := UnwrapKeyfile(slot, []byte("login password"), [16]byte{1}); !errors.Is(err, ErrWrongPassphrase) {
		t.Errorf("a key slot as a file: %v", err)
	}
}

// FuzzUnwrapKeyfile: nothing opens but what was wrapped, and what asks for more than any
// of ours is refused before it costs anything (A45, A46).
func FuzzUnwrapKeyfile(f *testing.F) {
	good, _ := testWrapped(f)
	f.Add(good)
	f.Add(good[:50])
	for at, kind := range []byte{1, 2, 3} {
		other := bytes.Clone(good)
		other[1], other[6+at] = kind, 0xff
		f.Add(other)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == len(good) { // behind the checksum
			sum := sha256.Sum256(b[:len(b)-8])
			b = append(bytes.Clone(b[:len(b)-8]), sum[:8]...)
			if _, err := WrappedFor(b); err == nil && (binary.BigEndian.Uint32(b[6:]) > 64 || binary.BigEndian.Uint32(b[10:]) > 2<<20 || b[1] != 1) {
				t.Errorf("%x is accepted", b)
			}
			binary.BigEndian.PutUint32(b[6:], 3) // what the rest costs is not the question
			binary.BigEndian.PutUint32(b[10:], 64<<10)
			b[14] = 4
			sum = sha256.Sum256(b[:len(b)-8])
			copy(b[len(b)-8:], sum[:8])
		}
		if _, file, err := UnwrapKeyfile(b, []byte("another password"), [16]byte{1}); err == nil || file != nil {
			t.Errorf("%x opens", b)
		}
	})
}
