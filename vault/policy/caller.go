package policy

import (
	"errors"
	"path/filepath"
)

// Caller is what the kernel reports of a connected process (P4).
type Caller struct {
	UID, GID uint32
	// Exe is the path of the executable, where it could be read; empty
	// otherwise, and then no match that names an executable holds.
	Exe string
}

// Match says which callers are a bot: all selectors that are set must hold
// together. The zero Match matches nobody.
type Match struct {
	UID, GID *uint32
	Exe      string
}

// NoID is the uid and gid -1, which the kernel uses for "none".
const NoID = ^uint32(0)

// OverflowID is the uid and gid that the kernel reports for one that has no
// place in the reader's user namespace. Many callers may share it.
const OverflowID = 65534

// Check refuses a match that could not be stored safely: one without any
// selector, one whose ids the kernel uses for "none" or "unmapped" (A6), and one
// whose executable is not a clean absolute path.
func (m Match) Check() error {
	if m.UID == nil && m.GID == nil && m.Exe == "" {
		return errors.New("a match needs at least one of uid, gid and exe: an empty one would be everybody")
	}
	for _, id := range []*uint32{m.UID, m.GID} {
		if id != nil && (*id == NoID || *id == OverflowID) {
			return errors.New("uid or gid 4294967295 and 65534 stand for unknown callers: give the bot a user of its own")
		}
	}
	if m.Exe != "" && (!filepath.IsAbs(m.Exe) || filepath.Clean(m.Exe) != m.Exe) {
		return errors.New("exe must be an absolute path without . or .. or double slashes")
	}
	return nil
}

// Matches says whether a caller is meant.
func (m Match) Matches(c Caller) bool {
	if m.UID == nil && m.GID == nil && m.Exe == "" {
		return false
	}
	if m.UID != nil && *m.UID != c.UID {
		return false
	}
	if m.GID != nil && *m.GID != c.GID {
		return false
	}
	return m.Exe == "" || (c.Exe != "" && m.Exe == c.Exe)
}
