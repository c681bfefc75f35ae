// Package operator is the operator's side of the vault, for vaultctl only: it
// turns a passphrase into a KEK, seals what travels to vaultd, and proves that
// the operator is there. vaultd never imports it, so that no passphrase and no
// Argon2 ever runs inside the daemon.
//
// Start with DeriveKEK (or Keyfile), then Seal a secret for one operation, or
// Prove one. Calibrate chooses Argon2id's cost for a new vault.
//
// Trap: everything here runs in ordinary memory of a process that lives for
// seconds. Call Wipe on a KEK once it has served.
//
// Promise P1: a passphrase leaves this package only as a KEK, and a KEK or an API
// secret only sealed.
package operator

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
)

// ErrWrongPassphrase says that a KEK does not open its slot.
var ErrWrongPassphrase = errors.New("wrong passphrase")

// KEKSize is the length of a KEK and of a keyfile in bytes.
const KEKSize = 32

// KEK is what unwraps the data key: Argon2id of a passphrase, or a keyfile's
// bytes. It prints as nothing.
type KEK [KEKSize]byte

// Wipe overwrites the KEK.
func (k *KEK) Wipe() { clear(k[:]) }

// String keeps a KEK out of logs and errors.
func (*KEK) String() string { return "KEK(redacted)" }

// Format keeps a KEK out of every verb of fmt.
func (k *KEK) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// DeriveKEK is Argon2id (RFC 9106) of a passphrase. Parameters below the floor or
// above the ceiling are refused before a byte of memory is spent on them (A46).
func DeriveKEK(passphrase []byte, params vault.Argon2Params, salt [16]byte) (*KEK, error) {
	if err := params.Check(); err != nil {
		return nil, fmt.Errorf("the key slot asks for what no vault of ours does: %w", err)
	}
	sum := stretch(passphrase, params, salt)
	defer clear(sum)
	return (*KEK)(sum[:KEKSize:KEKSize]).clone(), nil
}

// Keyfile makes a KEK of a keyfile's 32 bytes.
func Keyfile(b []byte) (*KEK, error) {
	if len(b) != KEKSize {
		return nil, fmt.Errorf("a keyfile is %d bytes, this one has %d", KEKSize, len(b))
	}
	return (*KEK)(b).clone(), nil
}

func (k *KEK) clone() *KEK {
	copied := *k
	return &copied
}

// NewSalt draws a salt.
func NewSalt() (salt [16]byte) {
	rand.Read(salt[:]) // never fails: crypto/rand
	return salt
}

// Seal seals a secret to a one-shot key of vaultd, for one operation.
func Seal(id uint64, public [32]byte, purpose vault.Operation, secret []byte) (vault.Sealed, error) {
	prefix := vault.SealedPrefix(id, purpose)
	plain := make([]byte, 0, len(prefix)+len(secret))
	plain = append(append(plain, prefix[:]...), secret...)
	defer clear(plain)
	sealed, err := envelope.SealBox(&public, plain)
	if err != nil {
		return vault.Sealed{}, fmt.Errorf("sealing: %w", err)
	}
	return vault.Sealed{ID: id, Box: sealed}, nil
}

// Prove makes the proof that whoever asks for an operation has the passphrase of
// a slot now.
func Prove(kek *KEK, slot uint32, id uint64, challenge [32]byte, o vault.Operation) (vault.Proof, error) {
	key, err := hkdf.Key(sha256.New, kek[:], nil, vault.ProofInfo, sha256.Size)
	if err != nil {
		return vault.Proof{}, fmt.Errorf("deriving the proof key: %w", err)
	}
	defer clear(key)
	m := hmac.New(sha256.New, key)
	m.Write(vault.ProofInput(challenge, o))
	proof := vault.Proof{ID: id, Slot: slot}
	m.Sum(proof.MAC[:0])
	return proof, nil
}
