package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// pageSize is part of the format: bbolt's default is the machine's, and a vault
// file should open on another machine.
const pageSize = 4096

// openFile opens an existing file and locks it. The checks are made on the open
// descriptor, so that what was checked is what is used.
func openFile(path string) (*os.File, error) {
	// O_NONBLOCK: a FIFO in its place must not hang us. It means nothing to files.
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &UnsafeFileError{Path: path, Reason: "it is a symbolic link"}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the vault file: %w", err)
	}
	if err := checkAndLock(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func checkAndLock(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening the vault file: %w", err)
	}
	if reason := unsafeReason(info); reason != "" {
		return &UnsafeFileError{Path: path, Reason: reason}
	}
	// bbolt locks the same descriptor once more, which succeeds at once. Ours comes
	// first because the structure is checked before bbolt sees the file.
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("locking the vault file: %w", err)
	}
	// A restore may have put another file in its place since we opened it.
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, info) {
		return ErrInUse
	}
	return nil
}

func unsafeReason(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return "it is not a regular file"
	case !ok || int(stat.Uid) != os.Geteuid():
		return "it belongs to another user"
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Sprintf("others can open it (mode %#o); chmod 600 it if you know why", info.Mode().Perm())
	default:
		return ""
	}
}

// create makes an empty vault file. It appears whole or not at all: it is made
// under a temporary name and linked, which never replaces a file.
func create(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".vault-*.new") // mode 0600
	if err != nil {
		return fmt.Errorf("creating the vault file: %w", err)
	}
	defer os.Remove(f.Name())
	if err := initialise(f); err != nil {
		return fmt.Errorf("creating the vault file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("creating the vault file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// initialise writes the first pages to f and closes it.
func initialise(f *os.File) error {
	db, err := bolt.Open(f.Name(), 0, options(f))
	if err != nil {
		return err
	}
	// This also replaces the free list that bbolt gives a new file.
	err = db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucket([]byte(Meta))
		if err != nil {
			return err
		}
		if err := meta.Put([]byte(formatKey), []byte{formatVersion}); err != nil {
			return err
		}
		return meta.Put([]byte(revisionKey), make([]byte, 8))
	})
	return errors.Join(err, db.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// options makes bbolt use the descriptor that was checked.
func options(f *os.File) *bolt.Options {
	return &bolt.Options{
		Timeout:        time.Second, // the lock is ours already
		NoFreelistSync: true,        // a free list on disk could be damaged unnoticed
		FreelistType:   bolt.FreelistMapType,
		PageSize:       pageSize,
		OpenFile:       func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		NoStatistics:   true,
	}
}
