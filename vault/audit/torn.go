package audit

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// putTornAside keeps what stands behind the last good record in a file of its own, in
// case it is more than what a crash leaves.
func (l *Log) putTornAside() error {
	s := l.segment
	info, err := s.f.Stat()
	if err != nil {
		return &WriteError{err}
	}
	torn := info.Size() - s.size
	if torn <= 0 {
		return nil
	}
	zero, err := onlyZeros(io.NewSectionReader(s.f, s.size, torn))
	if err == nil && !zero {
		err = l.keepTorn(fmt.Sprintf("%s-%d.torn", s.name, s.size), io.NewSectionReader(s.f, s.size, torn))
	}
	l.o.point("torn bytes kept")
	if err == nil {
		err = s.f.Truncate(s.size)
	}
	if err != nil {
		return &WriteError{err}
	}
	l.o.Alert(AlertRecovered, fmt.Sprintf("%d bytes behind record %d were no whole record and are put aside", torn, l.chain.at.Seq))
	return nil
}

func (l *Log) keepTorn(name string, torn io.Reader) error {
	f, err := l.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, torn)
	return errors.Join(err, f.Sync(), f.Close())
}

func onlyZeros(r io.Reader) (bool, error) {
	room := make([]byte, 64<<10)
	for {
		n, err := r.Read(room)
		for _, c := range room[:n] {
			if c != 0 {
				return false, nil
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return true, err
		}
	}
}

// setAside keeps a segment without a single good record under another name, unless
// there is nothing in it.
func (l *Log) setAside(name string) error {
	info, err := l.root.Lstat(name)
	if err == nil && info.Size() == 0 {
		err = l.root.Remove(name)
	} else if err == nil {
		l.o.Alert(AlertRecovered, fmt.Sprintf("segment %s has no whole record and is put aside", name))
		err = l.root.Rename(name, name+".torn")
	}
	if err != nil {
		return &WriteError{err}
	}
	return nil
}
