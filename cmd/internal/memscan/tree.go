package memscan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Tree scans the names and the contents of all regular files below dir.
// Symbolic links are not followed; sockets and pipes are left alone, so that
// nothing hangs. It fails on a file that it cannot read, and where there is
// nothing to read at all. In what it reports, a name that is itself a hit is
// shown as "…".
func (s *Scanner) Tree(dir string) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("memscan: %w", err)
	}
	defer root.Close()
	var report Report
	buf := s.buffer()
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		shown := filepath.Join(dir, s.censor(path))
		if err == nil {
			report.add(s.Bytes([]byte(d.Name())), "name of "+shown)
			if !d.Type().IsRegular() {
				return nil
			}
			err = s.file(&report, root, path, shown, buf)
		}
		if err != nil {
			return fmt.Errorf("memscan: %s: %w", shown, cause(err))
		}
		return nil
	})
	if err != nil {
		return report, err
	}
	if report.Bytes == 0 {
		return report, fmt.Errorf("memscan: %s: nothing to read", dir)
	}
	return report, nil
}

// file scans one file into the report.
func (s *Scanner) file(report *Report, root *os.Root, path, shown string, buf []byte) error {
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	hits, err := s.scan(f, 0, buf)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	report.add(hits, shown)
	report.Regions++
	report.Bytes += info.Size()
	return nil
}

// censor replaces each element of a path that is a hit.
func (s *Scanner) censor(path string) string {
	elements := strings.Split(path, "/")
	for i, e := range elements {
		if len(s.Bytes([]byte(e))) > 0 {
			elements[i] = "…"
		}
	}
	return strings.Join(elements, "/")
}

// cause takes the path out of an error: censor decides how it is shown.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// add takes over hits that were found in region.
func (r *Report) add(hits []Hit, region string) {
	for _, h := range hits {
		h.Region = region
		r.Hits = append(r.Hits, h)
	}
}
