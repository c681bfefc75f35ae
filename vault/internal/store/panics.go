package store

import (
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// callerPanic carries a panic of Load's function through run unchanged.
type callerPanic struct{ value any }

func callback(fn func(string, []byte, []byte) error, bucket string, key, value []byte) error {
	returned := false
	defer func() {
		if !returned {
			panic(callerPanic{recover()})
		}
	}()
	err := fn(bucket, key, value)
	returned = true
	return err
}

// run calls fn, which calls bbolt, and turns a panic of bbolt into a
// *[DamagedError] that sticks. A file that is cut short while it is mapped raises
// SIGBUS, which is a panic here too.
func (s *Store) run(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case callerPanic:
			panic(r.value)
		default:
			err = s.fail(&DamagedError{Reason: fmt.Sprint(r)})
		}
	}()
	return fn()
}

func (s *Store) fail(err error) error {
	s.failed.CompareAndSwap(nil, &err)
	return err
}

// view runs fn in a read transaction.
func (s *Store) view(fn func(tx *bolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usableMu(); err != nil {
		return err
	}
	return s.run(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			if err := s.whole(tx); err != nil {
				return err
			}
			return fn(tx)
		})
	})
}

// usableMu says why the store is not usable, if so. The caller holds mu.
func (s *Store) usableMu() error {
	if s.db == nil {
		return ErrClosed
	}
	if err := s.failed.Load(); err != nil {
		return *err
	}
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("reading the vault file: %w", err)
	}
	if info.Size() < 2*pageSize { // bbolt would fault while it holds its locks
		return s.fail(&DamagedError{Reason: "it was cut short while it was open"})
	}
	return nil
}

// whole refuses a file that was cut short while it was open, before a page beyond
// its end is read, or written, which would make the file long again and leave a
// hole where entries were.
func (s *Store) whole(tx *bolt.Tx) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("reading the vault file: %w", err)
	}
	if info.Size() < tx.Size() {
		return s.fail(&DamagedError{Reason: "it was cut short while it was open"})
	}
	return nil
}
