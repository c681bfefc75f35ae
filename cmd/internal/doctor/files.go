package doctor

import (
	"errors"
	"fmt"
	"io/fs"
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
// is no finding: vaultd makes what it needs, as it should be.
func Files(owners []uint32, files ...File) (findings []Finding) {
	for _, f := range files {
		if found, ok := f.grade(owners); ok {
			findings = append(findings, found)
		}
	}
	if len(findings) == 0 {
		return []Finding{{"files", Secure, "the vault's files are its owner's alone", ""}}
	}
	return findings
}

func (f File) grade(owners []uint32) (found Finding, bad bool) {
	var st unix.Stat_t
	err := unix.Lstat(f.Path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, false
	case err != nil:
		return Finding{"files", Unseen, fmt.Sprintf("%s: %v", f.Path, err), "run vaultctl doctor as the user that vaultd runs as"}, true
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return Finding{"files", Insecure, f.Path + " is a symbolic link", "put the file itself there"}, true
	case !slices.Contains(owners, st.Uid):
		return Finding{"files", Insecure, fmt.Sprintf("%s belongs to uid %d", f.Path, st.Uid), "chown it to the user that vaultd runs as"}, true
	}
	if more := st.Mode & 0o777 &^ f.Mode; more != 0 {
		return Finding{"files", Insecure, fmt.Sprintf("others may %s %s (mode %04o)", may(more), f.Path, st.Mode&0o777), fmt.Sprintf("chmod %o %s", st.Mode&f.Mode&0o777, f.Path)}, true
	}
	return found, false
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
