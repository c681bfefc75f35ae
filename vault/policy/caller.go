package policy

import (
	"encoding/hex"
	"errors"
	"path"
	"path/filepath"
	"strings"
)

// Caller is what the kernel reports of a connected process (P4). What could not be
// read is empty or nil, and then no match that names it holds.
type Caller struct {
	UID, GID uint32
	Unit     string  // full cgroup path of its unit of the system manager
	Exe      string  // path of the executable
	SHA256   *Digest // of the executable's content
}

// Digest is a SHA-256 sum. Its text is 64 lower-case hexadecimal digits.
type Digest [32]byte

// MarshalText prints 64 lower-case hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText prints.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) || strings.ToLower(string(text)) != string(text) {
		return errors.New("must be 64 lower-case hexadecimal digits, as sha256sum prints them")
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return errors.New("must be 64 lower-case hexadecimal digits, as sha256sum prints them")
	}
	return nil
}

// Match says which callers are a bot: all selectors that are set must hold
// together. The zero Match matches nobody.
type Match struct {
	UID    *uint32 `toml:"uid,omitempty" json:"uid,omitzero"`
	GID    *uint32 `toml:"gid,omitempty" json:"gid,omitzero"`
	Unit   string  `toml:"unit,omitempty" json:"unit,omitzero"`
	Exe    string  `toml:"exe,omitempty" json:"exe,omitzero"`
	SHA256 *Digest `toml:"sha256,omitempty" json:"sha256,omitzero"`
}

// NoID is the uid and gid -1, which the kernel uses for "none".
const NoID = ^uint32(0)

// OverflowID is the uid and gid that the kernel reports for one that has no
// place in the reader's user namespace. Many callers may share it.
const OverflowID = 65534

// isEmpty says whether no selector is set.
func (m Match) isEmpty() bool {
	return m.UID == nil && m.GID == nil && m.Unit == "" && m.Exe == "" && m.SHA256 == nil
}

// Check refuses a match that could not be stored safely: one without any
// selector, one whose ids the kernel uses for "none" or "unmapped" (A6), one whose
// executable is not a clean absolute path, one whose unit is none of the system
// manager. The error is a *SpecError.
func (m Match) Check() error {
	if m.isEmpty() {
		return specError("match", "a match needs at least one of uid, gid, unit, exe and sha256: an empty one would be everybody")
	}
	for _, id := range []*uint32{m.UID, m.GID} {
		if id != nil && (*id == NoID || *id == OverflowID) {
			return specError("match", "uid or gid 4294967295 and 65534 stand for unknown callers: give the bot a user of its own")
		}
	}
	if m.Exe != "" && (!filepath.IsAbs(m.Exe) || filepath.Clean(m.Exe) != m.Exe || !printable(m.Exe)) {
		return specError("match.exe", "must be an absolute path without . or .. or double slashes")
	}
	if m.Unit != "" {
		return checkUnit(m.Unit)
	}
	return nil
}

// checkUnit refuses what is not the cgroup path of a unit of the system manager. A
// unit of a user's own manager is whatever that user says it is.
func checkUnit(unit string) error {
	const example = "must be a unit's full cgroup path, such as /system.slice/mm-1.service"
	if unit[0] != '/' || path.Clean(unit) != unit || !printable(unit) {
		return specError("match.unit", example)
	}
	if strings.Contains(unit, "/user@") || strings.HasPrefix(unit, "/user.slice/") {
		return specError("match.unit", "what is below user.slice is whatever its user says: make the bot a system service, or match by uid")
	}
	const kind = ".service" // whoever asks for a scope chooses its name
	if !strings.HasSuffix(unit, kind) || len(path.Base(unit)) == len(kind) {
		return specError("match.unit", example)
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Matches says whether a caller is meant.
func (m Match) Matches(c Caller) bool {
	switch {
	case m.isEmpty(),
		m.UID != nil && *m.UID != c.UID,
		m.GID != nil && *m.GID != c.GID,
		m.Unit != "" && m.Unit != c.Unit,
		m.Exe != "" && m.Exe != c.Exe,
		m.SHA256 != nil && (c.SHA256 == nil || *m.SHA256 != *c.SHA256):
		return false
	}
	return true
}
