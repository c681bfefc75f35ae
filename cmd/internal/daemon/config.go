package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pelletier/go-toml/v2"

	"bfxvault/vault"
	"bfxvault/vault/audit"
)

// settings is config.toml. A setting that is not here is an error with its line
// and column: one that this version would drop may have been meant to protect.
type settings struct {
	// SignGroup is the group, by name or number, whose members may ask for
	// signatures. Empty means vaultd's own user only.
	SignGroup string `toml:"sign_group"`
	// AdminGroup is the group whose members may steer the vault.
	AdminGroup string `toml:"admin_group"`
	// Durability is "written", where a signature waits until its audit record is written,
	// or "fsync", where it waits until that is on disk. Empty means "written".
	Durability string `toml:"durability"`
	// AuditKeep says for how long segments of the audit log stay.
	AuditKeep auditKeep `toml:"audit_keep"`
	// Anchor is a file on other storage that notes how new the vault is.
	Anchor string `toml:"anchor"`
	// IdleLock and MaxUnlock say when the vault locks by itself. Nil is never.
	IdleLock  *duration `toml:"idle_lock"`
	MaxUnlock *duration `toml:"max_unlock"`
}

// duration is a time such as "15m" or "12h".
type duration time.Duration

// UnmarshalText reads it as time.ParseDuration does. The error is not shown.
func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// sensible are the times that somebody can have meant. There is none for never: leave
// the setting out.
func (d duration) sensible() bool {
	return time.Duration(d) >= time.Second && time.Duration(d) <= maxAutoLock
}

const (
	maxAutoLock   = 366 * 24 * time.Hour
	autoLockTimes = `a time such as "15m" or "12h", of a second at least and 8784h at most`
)

// autoLock is both settings as the vault understands them.
func (s *settings) autoLock() vault.AutoLock {
	var a vault.AutoLock
	if s.IdleLock != nil {
		a.Idle = time.Duration(*s.IdleLock)
	}
	if s.MaxUnlock != nil {
		a.Max = time.Duration(*s.MaxUnlock)
	}
	return a
}

// auditKeep removes segments older than so many days, and the oldest of more than so
// many gigabytes. Zero keeps them.
type auditKeep struct {
	Days      *uint32 `toml:"days"`
	Gigabytes uint32  `toml:"gigabytes"`
}

// keepDays is for how long segments stay where nothing else is said.
const keepDays = 730

// keep is the setting as the vault understands it.
func (k auditKeep) keep() audit.Keep {
	days := uint32(keepDays)
	if k.Days != nil {
		days = *k.Days
	}
	return audit.Keep{Age: time.Duration(min(days, maxKeepDays)) * 24 * time.Hour, Bytes: int64(k.Gigabytes) << 30}
}

const maxKeepDays = 100 * 366

// check refuses what nobody can have meant.
func (s *settings) check(path string) error {
	switch {
	case s.Durability != "" && s.Durability != "written" && s.Durability != "fsync":
		return fmt.Errorf(`%s: durability is "written" or "fsync"`, path)
	case s.Anchor != "" && !filepath.IsAbs(s.Anchor):
		return fmt.Errorf("%s: anchor is a path from the root", path)
	case s.IdleLock != nil && !s.IdleLock.sensible():
		return fmt.Errorf("%s: idle_lock is %s; leave it out for never", path, autoLockTimes)
	case s.MaxUnlock != nil && !s.MaxUnlock.sensible():
		return fmt.Errorf("%s: max_unlock is %s; leave it out for never", path, autoLockTimes)
	}
	return nil
}

// maxConfig keeps a mistaken file name from filling memory.
const maxConfig = 64 << 10

// readSettings reads config.toml. A missing file means defaults, unless it was
// asked for by name. An error names place and rule, and repeats nothing of the file: it
// goes to the journal, and a secret may have been written there (A49).
func readSettings(path string, asked bool) (settings, error) {
	var s settings
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return s, err
	}
	if len(text) > maxConfig {
		return s, fmt.Errorf("%s is larger than %d bytes", path, maxConfig)
	}
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	var strict *toml.StrictMissingError
	var syntax *toml.DecodeError
	switch err := decoder.Decode(&s); {
	case errors.As(err, &strict):
		return s, fmt.Errorf("%s: unknown setting: docs/operations.md names all", placeIn(path, &strict.Errors[0]))
	case errors.As(err, &syntax):
		return s, fmt.Errorf("%s: no TOML, or no value of this setting's kind", placeIn(path, syntax))
	case err != nil:
		return s, fmt.Errorf("%s: cannot be read as TOML", path)
	}
	return s, s.check(path)
}

// placeIn is the file, line and column that an error is about.
func placeIn(path string, e *toml.DecodeError) string {
	row, column := e.Position()
	return fmt.Sprintf("%s:%d:%d", path, row, column)
}

// groupID finds the group that a setting names, by name or number; -1 stands for none.
func groupID(setting, name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("%s: there is no such group on this machine", setting)
	}
	return strconv.Atoi(g.Gid)
}
