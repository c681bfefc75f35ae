package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Store is an open vault file. It is safe for concurrent use.
type Store struct {
	path string
	file *os.File // owned by db, unless the store has failed

	mu sync.RWMutex // Apply and Close against everything
	db *bolt.DB     // nil after Close

	// failed is set once bbolt panicked or a commit is in doubt: locks inside bbolt
	// may be held, so it is not called again.
	failed atomic.Pointer[error]
}

// Open opens the vault file at path and makes an empty one, mode 0600, where
// there is none. It returns an *[UnsafeFileError] for a file that is a symbolic
// link, not regular, of another owner or open to others (A2); [ErrInUse] (A3); a
// *[DamagedError] for a wrong structure (A45); [ErrFormat].
func Open(path string) (*Store, error) {
	f, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil {
			f, err = openFile(path)
		}
	}
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, file: f}
	if err := s.start(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) start() error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("opening the vault file: %w", err)
	}
	if err := check(s.file, info.Size()); err != nil {
		return err
	}
	return s.run(func() (err error) {
		s.db, err = bolt.Open(s.path, 0, options(s.file))
		return err
	})
}

// Path returns the path that was given to [Open].
func (s *Store) Path() string { return s.path }

// Revision returns the stored revision: 0 in a new file, one more after each
// [Store.Apply].
func (s *Store) Revision() (uint64, error) {
	var rev uint64
	err := s.view(func(tx *bolt.Tx) (err error) {
		rev, err = revision(tx)
		return err
	})
	return rev, err
}

// Load calls fn for every entry, in the order of bucket and key, as of one
// revision, which it returns. key and value are valid until fn returns; fn must
// not call the store. An error of fn ends the loading and is returned as it is.
func (s *Store) Load(fn func(bucket string, key, value []byte) error) (uint64, error) {
	var rev uint64
	var entry []byte // a copy of key and value: fn must not fault on a file cut short
	err := s.view(func(tx *bolt.Tx) (err error) {
		if rev, err = revision(tx); err != nil {
			return err
		}
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			bucket := string(name)
			return b.ForEach(func(key, value []byte) error {
				if reserved(bucket, key) {
					return nil
				}
				entry = append(append(entry[:0], key...), value...)
				return callback(fn, bucket, entry[:len(key):len(key)], entry[len(key):])
			})
		})
	})
	return rev, err
}

// Apply makes all changes of ops at once, if the stored revision is the given one,
// and adds one to it; [ErrConflict] otherwise. Where a key stands twice in ops the
// last one holds; deleting what is not there is no error. On nil the batch is on
// disk; on any error but [ErrInDoubt] nothing has changed, and after an error of
// writing (no space, for one) a later Apply may succeed (A47).
func (s *Store) Apply(revision uint64, ops []Op) error { return s.ApplyAs(revision, revision+1, ops) }

// ApplyAs is Apply, and the revision is next afterwards, which is above the given one.
func (s *Store) ApplyAs(revision, next uint64, ops []Op) error {
	if next <= revision {
		return fmt.Errorf("%w: revision %d does not follow %d", ErrInvalidOp, next, revision)
	}
	for _, op := range ops {
		if err := op.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableMu(); err != nil {
		return err
	}
	return s.run(func() error {
		// Not db.Update: where commit panics, Update rolls back by a scan in a
		// goroutine whose panics nobody could recover.
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		if err := s.change(tx, revision, next, ops); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return s.commitFailed(revision, err)
		}
		return nil
	})
}

func (s *Store) change(tx *bolt.Tx, expected, next uint64, ops []Op) error {
	if err := s.whole(tx); err != nil {
		return err
	}
	if rev, err := revision(tx); err != nil {
		return err
	} else if rev != expected {
		return ErrConflict
	}
	for _, op := range ops {
		if err := put(tx, op); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(Meta)).Put([]byte(revisionKey), binary.BigEndian.AppendUint64(nil, next))
}

func put(tx *bolt.Tx, op Op) error {
	if op.Value == nil {
		if b := tx.Bucket([]byte(op.Bucket)); b != nil {
			return b.Delete(op.Key)
		}
		return nil
	}
	b, err := tx.CreateBucketIfNotExists([]byte(op.Bucket))
	if err != nil {
		return err
	}
	return b.Put(op.Key, op.Value)
}

// commitFailed tells a batch that failed before its meta page was written, after
// which nothing has changed, from one that failed later.
func (s *Store) commitFailed(expected uint64, cause error) error {
	cause = fmt.Errorf("writing the vault file: %w", cause)
	var rev uint64
	err := s.db.View(func(tx *bolt.Tx) (err error) {
		rev, err = revision(tx)
		return err
	})
	if err == nil && rev == expected {
		return cause
	}
	return s.fail(fmt.Errorf("%w: %w", ErrInDoubt, cause))
}

// Close waits for calls under way and releases the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if s.failed.Load() != nil {
		// db.Close could wait for ever for a lock that bbolt left behind. The mapping
		// stays until the process ends, and would keep the file locked.
		return errors.Join(unix.Flock(int(s.file.Fd()), unix.LOCK_UN), s.file.Close())
	}
	return db.Close()
}

func revision(tx *bolt.Tx) (uint64, error) {
	meta := tx.Bucket([]byte(Meta))
	if meta == nil {
		return 0, &DamagedError{Bucket: Meta, Reason: "it is missing"}
	}
	v := meta.Get([]byte(revisionKey))
	if len(v) != 8 {
		return 0, &DamagedError{Bucket: Meta, Key: revisionKey, Reason: "it is missing or malformed"}
	}
	return binary.BigEndian.Uint64(v), nil
}
