// Package paths says where a vault's files and sockets are, for vaultd and
// vaultctl alike.
//
// Use ForDaemon in vaultd and ForClient in vaultctl. With a folder given, in a
// flag or in BFXVAULT_DIR, everything is in that one folder. Without one it is in
// the places of the system service (systemd's folders, or uid 0) or in the user's
// own XDG folders.
//
// Trap: nothing here creates or checks a file; whoever opens one does.
package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Env names the folder where no flag does.
const Env = "BFXVAULT_DIR"

const (
	systemState   = "/var/lib/bfxvault"
	systemRuntime = "/run/bfxvault"
)

// Paths are the places of one vault.
type Paths struct {
	State   string // folder of vault.db and config.toml
	Runtime string // folder of the sockets
}

// VaultFile is the bbolt file.
func (p Paths) VaultFile() string { return filepath.Join(p.State, "vault.db") }

// Audit is the folder of the audit log.
func (p Paths) Audit() string { return filepath.Join(p.State, "audit") }

// Config is vaultd's settings, where no flag names another file.
func (p Paths) Config() string { return filepath.Join(p.State, "config.toml") }

// SignSocket is where bots ask.
func (p Paths) SignSocket() string { return filepath.Join(p.Runtime, "sign.sock") }

// AdminSocket is where the operator asks.
func (p Paths) AdminSocket() string { return filepath.Join(p.Runtime, "admin.sock") }

// In is everything in one folder.
func In(dir string) (Paths, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Paths{}, err
	}
	return Paths{State: abs, Runtime: filepath.Join(abs, "run")}, nil
}

// ForDaemon finds the places for vaultd: the folder given, or BFXVAULT_DIR, or
// the folders that systemd made, or those of the system service for uid 0, or the
// user's own.
func ForDaemon(dir string) (Paths, error) {
	if dir = Named(dir); dir != "" {
		return In(dir)
	}
	if state, runtime := os.Getenv("STATE_DIRECTORY"), os.Getenv("RUNTIME_DIRECTORY"); state != "" && runtime != "" {
		return Paths{State: state, Runtime: runtime}, nil
	}
	if os.Geteuid() == 0 {
		return Paths{State: systemState, Runtime: systemRuntime}, nil
	}
	return user()
}

// ForClient finds the places for vaultctl: as for vaultd, but where the user has
// no socket of their own, the system service's is meant.
func ForClient(dir string) (Paths, error) {
	if dir = Named(dir); dir != "" {
		return In(dir)
	}
	system := Paths{State: systemState, Runtime: systemRuntime}
	if os.Geteuid() == 0 {
		return system, nil
	}
	own, err := user()
	if err != nil || (!exists(own.SignSocket()) && exists(system.SignSocket())) {
		return system, nil
	}
	return own, nil
}

// Named is the folder that a flag named, or else BFXVAULT_DIR; empty for none.
func Named(dir string) string {
	if dir != "" {
		return dir
	}
	return os.Getenv(Env)
}

// user is the XDG folders (XDG Base Directory Specification 0.8).
func user() (Paths, error) {
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(runtime) {
		return Paths{}, errors.New("XDG_RUNTIME_DIR is not set: use --dir")
	}
	state, err := StateHome()
	if err != nil {
		return Paths{}, err
	}
	return Paths{State: filepath.Join(state, "bfxvault"), Runtime: filepath.Join(runtime, "bfxvault")}, nil
}

// StateHome is the folder in which programs keep what this user's next run should know.
func StateHome() (string, error) { return home("XDG_STATE_HOME", ".local/state") }

// ConfigHome is the folder of this user's own settings, of systemd as well.
func ConfigHome() (string, error) { return home("XDG_CONFIG_HOME", ".config") }

func home(env, below string) (string, error) {
	if dir := os.Getenv(env); filepath.IsAbs(dir) {
		return dir, nil
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("neither %s nor HOME is set: use --dir", env)
	}
	return filepath.Join(dir, below), nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
