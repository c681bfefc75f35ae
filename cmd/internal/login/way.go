package login

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"bfxvault/cmd/internal/paths"
)

// Setup says whose login unlocks which vault.
type Setup struct {
	VaultID [16]byte
	Dir     string // the vault's folder, where one was named
	Owner   uint32 // vaultd's uid, which the system service's unit runs under
	PAMFile string // the file in /etc/pam.d; empty for "login", or what the note names
}

// Way is one way to unlock at login, for one vault and this user.
type Way struct {
	// Password is the login password, which the way of PAM needs to Store.
	Password []byte

	with, id string
	setup    Setup
	state    string // the folder of notes
	note     *note  // nil where it is not set up
	things   []thing
	sealed   string        // the file of a credential
	made     []string      // the folders that Store makes
	left     func() string // what only root can do still; nil where there is no such thing
	works    func(context.Context) error
}

// New is a way, by its name. It reads the note of an earlier Store, and fails where that
// cannot be trusted (ErrUnsafe), where this user has no folders of their own, or where a
// path cannot stand in a unit or a line of PAM's.
func New(with string, s Setup) (*Way, error) {
	state, err := stateHome(with)
	if err != nil {
		return nil, err
	}
	w := &Way{with: with, id: hex.EncodeToString(s.VaultID[:]), setup: s, state: filepath.Join(state, "bfxvault-login")}
	if w.note, err = readNote(w.notePath()); err != nil {
		return nil, err
	}
	if s.Dir != "" {
		if w.setup.Dir, err = filepath.Abs(s.Dir); err != nil {
			return nil, err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(plainPath(program), plainPath(w.setup.Dir)); err != nil {
		return nil, err
	}
	w.things = []thing{w.noteThing()}
	switch with {
	case Credential:
		err = w.credential(program)
	case Keyring:
		err = w.keyring(program)
	case PAM:
		err = w.pam(program)
	default:
		err = fmt.Errorf("there is no way %q", with)
	}
	return w, err
}

// stateHome is where a way's notes are. PAM knows no environment of the user's, so its are
// where the account says that they live.
func stateHome(with string) (string, error) {
	if with != PAM {
		return paths.StateHome()
	}
	u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return "", err
	}
	return filepath.Join(u.HomeDir, ".local", "state"), nil
}

// Slot is the keyfile slot of a way that is set up.
func (w *Way) Slot() (slot uint32, enabled bool) {
	if w.note == nil {
		return 0, false
	}
	return w.note.Slot, true
}

// Check says why the way cannot be set up here: before anybody types a passphrase.
func (w *Way) Check(ctx context.Context) error {
	if err := w.works(ctx); err != nil {
		return err
	}
	for _, f := range w.Files(ctx) {
		if f.State != Missing {
			return fmt.Errorf("%s: %w", f.Name, ErrThere)
		}
	}
	return nil
}

// Store puts the keyfile and all that goes with it into their places. Where it fails,
// nothing is left.
func (w *Way) Store(ctx context.Context, k *Key) (err error) {
	w.made = w.missingFolders()
	var put []thing
	defer func() {
		if err == nil {
			return
		}
		for _, t := range slices.Backward(put) {
			err = errors.Join(err, t.remove(context.WithoutCancel(ctx)))
		}
		w.removeFolders(w.made)
	}()
	if err := os.MkdirAll(w.state, 0o700); err != nil {
		return err
	}
	for i, t := range w.things {
		if i == 1 { // the note that names them stands
			if err := w.makeFolders(); err != nil {
				return err
			}
		}
		if err := t.put(ctx, k); err != nil {
			return err
		}
		put = append(put, t)
	}
	w.note = w.newNote(k)
	return nil
}

// Remove takes away all that Store put there, the note last. It goes on after an error.
func (w *Way) Remove(ctx context.Context) error {
	if w.note == nil {
		return nil
	}
	var all error
	for _, t := range slices.Backward(w.things[1:]) {
		all = errors.Join(all, t.remove(ctx))
	}
	if all != nil {
		return all // the note stays, so that it can be tried again
	}
	if err := w.things[0].remove(ctx); err != nil {
		return err
	}
	w.removeFolders(w.note.Folders)
	w.note = nil
	return nil
}

// Files shows what there is of the way.
func (w *Way) Files(ctx context.Context) (all []File) {
	for _, t := range w.things {
		if f := t.look(ctx); f.Name != "" {
			all = append(all, f)
		}
	}
	return all
}

// Left is what only root can do still, a line of text; empty where nothing is left.
func (w *Way) Left() string {
	if w.left == nil {
		return ""
	}
	return w.left()
}

// Works says why a login here would not unlock with it, or nil; of the way as a whole where
// it is not set up. It does not try to.
func (w *Way) Works(ctx context.Context) error { return w.works(ctx) }

// plainPath refuses what would mean something else to systemd or PAM.
func plainPath(path string) error {
	for _, c := range path {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '.', c == '_', c == '-', c == '+':
		default:
			return fmt.Errorf("the path %q cannot stand in a unit or in a file of PAM: move it where its path has only letters, digits and /._-+", path)
		}
	}
	return nil
}
