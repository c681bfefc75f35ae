package store

import (
	"errors"
	"fmt"
)

var (
	// ErrInUse says that another process has the file open.
	ErrInUse = errors.New("vault file is in use by another process")

	// ErrConflict says that the stored revision is not the expected one.
	ErrConflict = errors.New("vault file is at another revision")

	// ErrInDoubt says that a batch failed after it had become visible, so that the
	// file must be opened anew to learn whether it holds. It comes with its cause.
	ErrInDoubt = errors.New("vault file may or may not hold the last batch")

	// ErrFormat says that the file was written by a later version of bfxvault.
	ErrFormat = errors.New("vault file has a format that this version does not know")

	// ErrClosed is returned by everything after Close.
	ErrClosed = errors.New("vault file is closed")

	// ErrInvalidOp says that an [Op] has an unknown bucket, or a key or value out
	// of bounds, or touches what the store keeps for itself.
	ErrInvalidOp = errors.New("invalid operation on the vault file")
)

// DamagedError says that the file's structure is wrong. Bucket and Key are empty
// where the damage is not inside one.
type DamagedError struct {
	Bucket string
	Key    string
	Reason string
}

// Error says what is wrong, and where as far as known.
func (e *DamagedError) Error() string {
	switch {
	case e.Key != "":
		return fmt.Sprintf("vault file is damaged: bucket %q, key %q: %s", e.Bucket, e.Key, e.Reason)
	case e.Bucket != "":
		return fmt.Sprintf("vault file is damaged: bucket %q: %s", e.Bucket, e.Reason)
	default:
		return "vault file is damaged: " + e.Reason
	}
}

// UnsafeFileError says why a file was refused before a byte of it was read: a
// symbolic link, not a regular file, another owner, or open to others.
type UnsafeFileError struct {
	Path   string
	Reason string
}

// Error names the file and the reason.
func (e *UnsafeFileError) Error() string {
	return fmt.Sprintf("refusing %s: %s", e.Path, e.Reason)
}
