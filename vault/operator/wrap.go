package operator

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
)

// WrapKeyfile wraps a keyfile under a login password, for a keyfile slot of a vault, with
// parameters of Argon2id as a passphrase slot has. What it returns may be kept in a file of
// the operator's: it opens with that password alone (docs/format.md). Parameters out of
// bounds are the only error.
func WrapKeyfile(password []byte, params vault.Argon2Params, vaultID [16]byte, slot uint32, file *KEK) ([]byte, error) {
	s := envelope.Slot{ID: slot, Kind: envelope.Passphrase, Params: envelope.Params(params), Salt: NewSalt(), Created: time.Now().Unix()}
	kek, err := DeriveKEK(password, params, s.Salt)
	if err != nil {
		return nil, err
	}
	defer kek.Wipe()
	if err := envelope.Wrap(&s, wrapID(vaultID), (*[KEKSize]byte)(kek), (*[KEKSize]byte)(file)); err != nil {
		return nil, err
	}
	return s.AppendBinary(nil)
}

// WrappedFor is the keyfile slot that a wrapped keyfile is for, as it says itself. It fails
// where the bytes are no wrapped keyfile, or ask for more than any of ours does (A46).
func WrappedFor(wrapped []byte) (slot uint32, err error) {
	s, err := parseWrapped(wrapped)
	return s.ID, err
}

// UnwrapKeyfile opens a wrapped keyfile, and returns it with the keyfile slot that it is
// for. The error is ErrWrongPassphrase for another password or another vault's, or says
// that these are no bytes of WrapKeyfile's.
func UnwrapKeyfile(wrapped, password []byte, vaultID [16]byte) (slot uint32, file *KEK, err error) {
	s, err := parseWrapped(wrapped)
	if err != nil {
		return 0, nil, err
	}
	kek, err := DeriveKEK(password, vault.Argon2Params(s.Params), s.Salt)
	if err != nil {
		return 0, nil, err
	}
	defer kek.Wipe()
	file = new(KEK)
	switch err := s.Unwrap(wrapID(vaultID), (*[KEKSize]byte)(kek), (*[KEKSize]byte)(file)); {
	case errors.Is(err, envelope.ErrWrongKey):
		return 0, nil, ErrWrongPassphrase
	case err != nil:
		return 0, nil, err
	}
	return s.ID, file, nil
}

func parseWrapped(b []byte) (envelope.Slot, error) {
	s, err := envelope.ParseSlot(b)
	if err == nil && s.Kind != envelope.Passphrase {
		err = errors.New("it is a key slot of another kind")
	}
	if err != nil {
		return envelope.Slot{}, fmt.Errorf("this is no wrapped keyfile: %w", err)
	}
	return s, nil
}

// wrapID takes a vault's place in what a wrapped keyfile is bound to, so that it is no key
// slot of that vault, and none of its key slots is a wrapped keyfile.
func wrapID(vaultID [16]byte) envelope.VaultID {
	sum := sha256.Sum256(append([]byte("bfxvault/v1/pam"), vaultID[:]...))
	return envelope.VaultID(sum[:16])
}
