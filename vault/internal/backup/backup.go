// Package backup reads and writes backup files: a whole vault, sealed once more, so that
// whoever keeps the file learns of it no more than its size, its id and its revision.
//
// Use [Seal] to write one. To read one, [Parse] what stands in the clear, unwrap the data
// key with one of its slots, and [File.Open] the rest.
//
// # Traps
//
// What [Parse] returns is not authenticated yet: only Open is. Parameters of slots are
// within bounds all the same.
//
// That the entries are those of one revision, only the manifest among them tells.
//
// # Promise
//
// What version 1 wrote, every later version reads. docs/format.md describes it byte by
// byte.
package backup

import (
	"errors"
	"fmt"
	"strings"

	"bfxvault/vault/internal/envelope"
)

// MaxSize bounds a backup file, which is read into memory as a whole.
const MaxSize = 256 << 20

// Entry is one entry of a vault file, as it stands there.
type Entry struct {
	Bucket string
	Key    string
	Value  []byte
}

// before says whether an entry stands before another: by bucket, then key.
func (e *Entry) before(other *Entry) bool {
	if e.Bucket != other.Bucket {
		return e.Bucket < other.Bucket
	}
	return e.Key < other.Key
}

// File is a backup file.
type File struct {
	Vault    envelope.VaultID
	Revision uint64
	Created  int64           // unix seconds
	Slots    []envelope.Slot // at least one, lowest id first
	// SlotBytes are the slots as they stand in the vault file.
	SlotBytes [][]byte

	header, sealed []byte
}

// Errors of this package.
var (
	// ErrNotABackup says that a file is something else.
	ErrNotABackup = errors.New("this is not a backup of a vault")
	// ErrVersion says that a later version of bfxvault wrote it.
	ErrVersion = errors.New("the backup has a format that this version does not know")
	// ErrDamaged says that a byte of it was changed, or that it is cut short.
	ErrDamaged = errors.New("the backup is damaged or was tampered with")
	// ErrTooLarge says that it would have more than [MaxSize] bytes.
	ErrTooLarge = fmt.Errorf("a backup has at most %d MiB", MaxSize>>20)
)

// Seal makes the file of what a vault holds: its slots as they stand, in the order of
// their ids, and all its other entries, in the order of bucket and key. salt is 32 fresh
// random bytes. Errors: [ErrTooLarge]; those of guarded memory.
func Seal(f File, salt [32]byte, dataKey *[32]byte, entries []Entry) ([]byte, error) {
	header, err := f.appendHeader(nil, salt)
	if err != nil {
		return nil, err
	}
	size := countSize
	for i := range entries {
		size += entries[i].size()
	}
	if total := len(header) + envelope.StreamSize(size); total > MaxSize {
		return nil, ErrTooLarge
	}
	plain := appendEntries(make([]byte, 0, size), entries)
	text := make([]byte, 0, len(header)+envelope.StreamSize(size))
	return envelope.SealStream(append(text, header...), dataKey, header, plain)
}

// Parse reads what stands in the clear. Errors: [ErrNotABackup], [ErrVersion],
// [ErrDamaged], [ErrTooLarge], and an *[envelope.ParamsError] (A46).
func Parse(text []byte) (*File, error) {
	switch {
	case len(text) > MaxSize:
		return nil, ErrTooLarge
	case !strings.HasPrefix(string(text[:min(len(text), len(magic))]), magic):
		return nil, ErrNotABackup
	}
	return parseHeader(text)
}

// Open opens what was sealed. It returns [ErrDamaged] unless all of the file is what was
// sealed, and what guarded memory fails with.
func (f *File) Open(dataKey *[32]byte) ([]Entry, error) {
	plain, err := envelope.OpenStream(make([]byte, 0, len(f.sealed)), dataKey, f.header, f.sealed)
	if errors.Is(err, envelope.ErrStreamDamaged) {
		return nil, ErrDamaged
	}
	if err != nil {
		return nil, err
	}
	return parseEntries(plain)
}
