package audit

import (
	"errors"
	"fmt"
)

// ErrClosed is what a log fails with once it is closed.
var ErrClosed = errors.New("audit: the log is closed")

// WriteError says that records cannot be written for now, and why. Nothing is lost;
// once the cause is gone, the next record is written.
type WriteError struct{ Err error }

// Error is the cause.
func (e *WriteError) Error() string { return fmt.Sprintf("the audit log cannot be written: %v", e.Err) }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// errHung is the cause where the disk does not answer.
var errHung = errors.New("the disk does not answer")

// errGone is the cause where the segment is not where it was.
var errGone = errors.New("the newest segment was moved or removed; put it back, or restart vaultd and accept the loss")

// syncError is the cause where what was written may not be on disk.
type syncError struct{ Err error }

func (e *syncError) Error() string {
	return fmt.Sprintf("what was written cannot be brought to disk: %v", e.Err)
}

func (e *syncError) Unwrap() error { return e.Err }

// errRoom is the cause where no new segment is begun.
var errRoom = errors.New("no room for a new segment")

// errLong is the cause where a record is longer than any that is made.
var errLong = errors.New("the record is too long")

// DamagedError says that the folder does not hold what was written to it.
type DamagedError struct {
	// Seq is the first record that is not right or is missing.
	Seq    uint64
	Reason string
}

// Error names the record and what is wrong with it.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the audit log is damaged at record %d: %s", e.Seq, e.Reason)
}

// UnsafeError says why a file or folder is not used.
type UnsafeError struct{ Name, Reason string }

// Error names the file and what is wrong with it.
func (e *UnsafeError) Error() string { return fmt.Sprintf("%s is not used: %s", e.Name, e.Reason) }
