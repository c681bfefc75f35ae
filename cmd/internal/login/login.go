// Package login keeps a keyfile where a login of this machine opens it, in one of three
// ways: as a systemd credential, in the desktop's keyring, or wrapped under the login
// password, for PAM.
//
// Use New for a way. Way.Check, then Way.Store set it up, Way.Remove undoes it, Way.Files
// shows what it wrote. FromCredential, FromKeyring and FromPAM get the keyfile back, at
// the login.
//
// A way is a list of things (files, a link, a line, an item of the keyring). Each can be
// put, looked at and removed; all of Store, Remove and Files go through that one list, so
// that nothing is put which is not shown and removed. Where a step fails, those before it
// are undone.
//
// Traps: a keyfile opens the vault and so is worth a passphrase, except that it proves
// nothing. Key.Wipe it. Root's ways trust no path that a note names: what is removed
// follows from the way.
package login

import (
	"encoding/binary"
	"errors"
	"fmt"

	"bfxvault/vault/operator"
)

// The ways.
const (
	Credential = "credential"
	Keyring    = "keyring"
	PAM        = "pam"
)

// Ways are all of them.
func Ways() []string { return []string{Credential, Keyring, PAM} }

// What goes wrong in ways that a caller tells apart.
var (
	// ErrThere says that something of the way is there already.
	ErrThere = errors.New("it is there already")
	// ErrAbsent says that this machine or session lacks what the way needs.
	ErrAbsent = errors.New("absent")
	// ErrUnsafe says that others could change or read what must be one's own.
	ErrUnsafe = errors.New("others could change or read it")
)

// absence is an error that is ErrAbsent, and reads as what is absent.
type absence struct{ error }

func (absence) Is(target error) bool { return target == ErrAbsent }
func (a absence) Unwrap() error      { return a.error }

func absent(format string, args ...any) error { return absence{fmt.Errorf(format, args...)} }

// Key is a keyfile with the slot that it opens. It prints as nothing.
type Key struct {
	Slot uint32
	File *operator.KEK
}

// Wipe overwrites the keyfile.
func (k *Key) Wipe() { k.File.Wipe() }

// String keeps a keyfile out of logs and errors.
func (*Key) String() string { return "Key(redacted)" }

// Format keeps it out of every verb of fmt.
func (k *Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// keySize is the length of a keyfile with its slot in front of it.
const keySize = 4 + operator.KEKSize

// bytes are what a credential or an item of a keyring holds. The caller clears them.
func (k *Key) bytes() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, keySize), k.Slot)
	return append(b, k.File[:]...)
}

func parseKey(b []byte) (*Key, error) {
	if len(b) != keySize {
		return nil, fmt.Errorf("a slot and its keyfile are %d bytes, not %d", keySize, len(b))
	}
	file, err := operator.Keyfile(b[4:])
	return &Key{Slot: binary.BigEndian.Uint32(b), File: file}, err
}
