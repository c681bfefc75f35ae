package login

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bfxvault/vault/operator"
)

// A keyfile wrapped under the login password, and a line of PAM's (pam_exec(8)) that hands
// the password to vaultctl once the login is through. The line stands in a file of root's
// and serves every user; the wrapped keyfile is each user's own.

// pamFolder is where PAM looks for its services' files.
const pamFolder = "/etc/pam.d"

// defaultPAMFile is the login on a terminal.
const defaultPAMFile = "login"

func (w *Way) pam(program string) error {
	name := w.setup.PAMFile
	if w.note != nil {
		if name != "" && name != w.note.PAMFile {
			return fmt.Errorf("it is set up for %s, not for %s", filepath.Join(pamFolder, w.note.PAMFile), name)
		}
		name = w.note.PAMFile
	}
	if name == "" {
		name = defaultPAMFile
	}
	if name != filepath.Base(name) || plainPath(name) != nil || name[0] == '.' {
		return errors.New("a file of PAM is named without a folder, as in --pam-file login")
	}
	w.setup.PAMFile = name
	l := line{filepath.Join(pamFolder, name), pamLine(w.command(program))}
	w.things = append(w.things, file{w.wrappedPath(), 0o600, 0o700, w.wrap})
	w.works = func(ctx context.Context) error { return w.pamWorks(ctx, program, l) }
	if os.Geteuid() == 0 {
		w.things = append(w.things, l)
	} else {
		w.left = func() string { return l.left(context.Background(), w.note != nil) }
	}
	return nil
}

func (w *Way) wrappedPath() string { return filepath.Join(w.state, w.id+".pam") }

// wrap wraps the keyfile under the login password. Whoever can read the file can try login
// passwords on it, so each try costs a second, as for the vault's own passphrase.
func (w *Way) wrap(_ context.Context, k *Key) ([]byte, error) {
	return operator.WrapKeyfile(w.Password, operator.Calibrate(), w.setup.VaultID, k.Slot, k.File)
}

func (w *Way) pamWorks(ctx context.Context, program string, l line) error {
	if os.Geteuid() == 0 {
		if err := onlyRoot(program); err != nil {
			return err
		}
	}
	if _, err := os.Stat(l.path); err != nil {
		return absent("there is no %s here", l.path)
	}
	if w.note == nil {
		return nil
	}
	wrapped, err := os.ReadFile(w.wrappedPath())
	if err != nil {
		return err
	}
	slot, err := operator.WrappedFor(wrapped)
	if err != nil {
		return err
	}
	if slot != w.note.Slot {
		return fmt.Errorf("the wrapped keyfile is for slot %d", slot)
	}
	if seen := l.look(ctx); seen.State != There {
		return absent("%s has no line for it", l.path)
	}
	return nil
}

// FromPAM opens the keyfile of a vault that this user's login password wraps. It fails with
// operator.ErrWrongPassphrase where the password is another than at the time of Store.
func FromPAM(vaultID [16]byte, password []byte) (*Key, error) {
	w, err := New(PAM, Setup{VaultID: vaultID})
	if err != nil {
		return nil, err
	}
	if w.note == nil {
		return nil, absent("nothing was set up for PAM")
	}
	wrapped, err := os.ReadFile(w.wrappedPath())
	if err != nil {
		return nil, err
	}
	slot, file, err := operator.UnwrapKeyfile(wrapped, password, vaultID)
	if err != nil {
		return nil, err
	}
	return &Key{Slot: slot, File: file}, nil
}
