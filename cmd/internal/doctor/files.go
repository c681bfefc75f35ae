package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// File is one that a vault consists of, and what others may do with it.
type File struct {
	Path string
	// Mode is the most that it may have: 0600 of a file that nobody else reads.
	Mode uint32
}

// Files grades files and folders, whose owner may be one of some uids. One that is missing
// is no finding, as vaultd makes what it needs, but for the first: without that, nothing
// was looked at. Nor is one in a folder before it that only its owner may enter, where that
// keeps out this program as well: what is in there is safe from others, whatever its mode.
func Files(owners []uint32, files ...File) (findings []Finding) {
	var closed []string
	for i, f := range files {
		found, err := f.grade(owners)
		switch {
		case errors.Is(err, fs.ErrNotExist) && i == 0:
			return []Finding{{"files", Unseen, "there is no " + f.Path, "vaultctl init, or name the vault's folder with --dir"}}
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission) && slices.Contains(closed, filepath.Dir(f.Path)):
		case err != nil:
			findings = append(findings, Finding{"files", Unseen, fmt.Sprintf("%s: %v", f.Path, err), "run vaultctl doctor as the user that vaultd runs as"})
		case found.Grade != Secure:
			findings = append(findings, found)
		case f.Mode&0o077 == 0:
			closed = append(closed, f.Path)
		}
	}
	if len(findings) == 0 {
		return []Finding{{"files", Secure, "the vault's files are its owner's alone", ""}}
	}
	return findings
}

func (f File) grade(owners []uint32) (Finding, error) {
	var st unix.Stat_t
	err := unix.Lstat(f.Path, &st)
	switch {
	case err != nil:
		return Finding{}, err
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return Finding{"files", Insecure, f.Path + " is a symbolic link", "put the file itself there"}, nil
	case !slices.Contains(owners, st.Uid):
		return Finding{"files", Insecure, fmt.Sprintf("%s belongs to uid %d", f.Path, st.Uid), "chown it to the user that vaultd runs as"}, nil
	}
	if more := st.Mode & 0o777 &^ f.Mode; more != 0 {
		return Finding{"files", Insecure, fmt.Sprintf("others may %s %s (mode %04o)", may(more), f.Path, st.Mode&0o777), fmt.Sprintf("chmod %o %s", st.Mode&f.Mode&0o777, f.Path)}, nil
	}
	return Finding{Grade: Secure}, nil
}

// may says what the bits of a mode allow.
func may(bits uint32) string {
	switch {
	case bits&0o222 != 0:
		return "write to"
	case bits&0o444 != 0:
		return "read"
	}
	return "enter"
}

// Above grades the folders that a vault's folder is in: who may write to one of them puts
// another vault in its place.
func Above(owners []uint32, path string) (findings []Finding) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		err := unix.Stat(dir, &st)
		others := st.Mode&0o002 != 0 && st.Mode&unix.S_ISVTX == 0
		group := st.Mode&0o020 != 0 && st.Mode&unix.S_ISVTX == 0
		switch {
		case errors.Is(err, fs.ErrNotExist): // nor is what would be in it
		case err != nil:
			findings = append(findings, Finding{"files", Unseen, fmt.Sprintf("%s: %v", dir, err), "run vaultctl doctor as the user that vaultd runs as"})
		case others || !slices.Contains(owners, st.Uid):
			findings = append(findings, Finding{"files", Insecure, "others may put something else in the place of " + path + ": by " + dir, "chmod o-w " + dir + ", or another folder for the vault"})
		case group:
			findings = append(findings, Finding{"files", Weak, "a group may put something else in the place of " + path + ": by " + dir, "chmod g-w " + dir})
		}
		if dir == filepath.Dir(dir) {
			return findings
		}
	}
}
