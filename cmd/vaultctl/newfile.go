package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// notThere fails where a file is there already.
func notThere(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return failed("CANNOT_WRITE", "%v", err)
	}
	return isThere(path)
}

func isThere(path string) error {
	return failed("ALREADY_EXISTS", "%s is there already, and nothing is overwritten", path)
}

// writeNew writes a file that was not there, mode 0600. It is made under a temporary name
// and read back, and has its own name only once all of it is on disk.
func writeNew(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".vaultctl-") // mode 0600
	if err != nil {
		return failed("CANNOT_WRITE", "%v", err)
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return failed("CANNOT_WRITE", "%v", err)
	}
	if written, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(written, text) {
		return failed("CANNOT_WRITE", "what %s reads back is not what was written", dir)
	}
	switch err := place(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return isThere(path)
	case err != nil:
		return failed("CANNOT_WRITE", "%v", err)
	}
	return syncFolder(dir)
}

// place gives a file its name, and takes that from no other: not every file system knows
// links, nor all of them how to rename so.
func place(temporary, path string) error {
	err := os.Link(temporary, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return unix.Renameat2(unix.AT_FDCWD, temporary, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return failed("CANNOT_WRITE", "%v", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return failed("CANNOT_WRITE", "%v", err)
	}
	return nil
}
