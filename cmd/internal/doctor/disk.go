package doctor

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// What is left of a disk before it is worth a word. Reserve is what vaultd allocates ahead
// for its audit records: without it, signing ends when that is used up.
const (
	LowDisk = 256 << 20
	Reserve = 64 << 20
)

// Disk is the file system that a folder is on.
type Disk struct {
	Path string
	Free uint64 // bytes that a user may still write
	Type int64  // statfs(2)'s magic number
	id   unix.Fsid
}

// errSlow is a disk that does not answer.
var errSlow = errors.New("the disk does not answer")

// diskTime is how long a disk gets to answer.
const diskTime = time.Second

// Disks looks at the file systems under some folders, each of them once. What cannot be
// looked at within a second is left out, with the first error.
func Disks(paths ...string) (disks []Disk, err error) {
	type answer struct {
		disk Disk
		err  error
	}
	for _, path := range paths {
		answers := make(chan answer, 1) // whoever answers too late is not waited for
		go func() {
			var st unix.Statfs_t
			failed := unix.Statfs(path, &st)
			answers <- answer{Disk{path, st.Bavail * uint64(st.Bsize), st.Type, st.Fsid}, failed}
		}()
		a := answer{err: errSlow}
		select {
		case a = <-answers:
		case <-time.After(diskTime):
		}
		switch {
		case a.err != nil && err == nil:
			err = a.err
		case a.err == nil && !known(disks, a.disk):
			disks = append(disks, a.disk)
		}
	}
	return disks, err
}

// known says whether a file system is among others. One without an id is told by its
// type and what is free of it.
func known(disks []Disk, d Disk) bool {
	for _, other := range disks {
		if other.id == d.id && other.Type == d.Type && (d.id != unix.Fsid{} || other.Free == d.Free) {
			return true
		}
	}
	return false
}
