package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/login"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// loginEnable is `login enable` as it was called.
type loginEnable struct {
	from, password passphraseFlags
	with, pamFile  string
}

func (a *app) loginEnable() *cobra.Command {
	var l loginEnable
	c := &cobra.Command{
		Use:   "enable --with credential|keyring|pam",
		Short: "Have the vault unlocked at login, or at boot",
		Long: "Make a keyfile that opens the vault, and keep it where a login opens it:\n\n" +
			"  credential  encrypted by systemd under this machine's key; opened at boot\n" +
			"  keyring     in the desktop's login keyring\n" +
			"  pam         wrapped under the login password\n\n" +
			"Every file that is written is shown, and login disable removes all of them.",
		Example: "  vaultctl login enable --with credential\n  vaultctl login enable --with keyring\n  vaultctl login enable --with pam --pam-file login",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.runLoginEnable(c.Context(), l) },
	}
	addWith(c, &l.with, "where the keyfile is kept")
	_ = c.MarkFlagRequired("with") // the flag exists
	l.from.add(c)
	c.Flags().StringVar(&l.pamFile, "pam-file", "", "the service of PAM that gets a line, a file in /etc/pam.d (default login)")
	c.Flags().StringVar(&l.password.file, "login-password-file", "", "read the login password from a file that only you can read; - is standard input")
	return c
}

func (a *app) runLoginEnable(ctx context.Context, l loginEnable) error {
	switch err := checkWith(l.with); {
	case err != nil:
		return err
	case l.with != login.PAM && (l.pamFile != "" || l.password.file != ""):
		return usagef("--pam-file and --login-password-file go with --with pam")
	case l.from.file == "-" && l.password.file == "-":
		return usagef("--passphrase-file and --login-password-file cannot both be standard input")
	}
	return a.with(func(s *session) error {
		if err := s.unlocked(ctx); err != nil {
			return err
		}
		w, err := a.way(ctx, s, l.with, l.pamFile)
		if err != nil {
			return err
		}
		if slot, enabled := w.Slot(); enabled {
			return failed("ALREADY_EXISTS", "the vault is unlocked with %s already, slot %d", l.with, slot).
				withHint("vaultctl login disable --with %s", l.with)
		}
		if err := w.Check(ctx); err != nil {
			return loginFailure(err)
		}
		c, err := a.credential(ctx, s, l.from)
		if err != nil {
			return err
		}
		defer c.kek.Wipe()
		if l.with == login.PAM {
			if w.Password, err = a.loginPassword(ctx, l.password); err != nil {
				return err
			}
			defer clear(w.Password)
		}
		return a.storeAtLogin(ctx, s, c, w, l.with)
	})
}

// storeAtLogin adds a keyfile slot and has the way keep its keyfile. Where that fails, the
// slot goes again.
func (a *app) storeAtLogin(ctx context.Context, s *session, c *credential, w *login.Way, with string) error {
	key := &login.Key{File: new(operator.KEK)}
	defer key.Wipe()
	rand.Read(key.File[:]) // never fails: crypto/rand
	added, err := s.addSlot(ctx, c, vault.KeySlot{Kind: "keyfile"}, key.File)
	if err != nil {
		return err
	}
	key.Slot = added.GetSlot()
	revision := added.GetRevision()
	if err := w.Store(ctx, key); err != nil {
		undone, undoErr := s.removeSlot(context.WithoutCancel(ctx), c, key.Slot)
		if undoErr != nil {
			err = errors.Join(err, failed("FAILED", "slot %d is left: vaultctl slot remove %d: %v", key.Slot, key.Slot, undoErr))
		} else {
			revision = undone.GetRevision()
		}
		a.remember(context.WithoutCancel(ctx), s, revision)
		return loginFailure(err)
	}
	a.remember(ctx, s, revision)
	files := loginFiles(ctx, w)
	if left := w.Left(); left != "" {
		if !a.json {
			a.printLoginFiles(files)
		}
		f := failed("UNFINISHED", "the keyfile is stored, and only root can do the rest").withHint("%s", left)
		f.more = map[string]any{"with": with, "slot": key.Slot, "files": files}
		return f
	}
	return a.report(map[string]any{"ok": true, "with": with, "slot": key.Slot, "files": files, "revision": revision}, func() {
		a.printf("the vault unlocks with %s from the next login or boot on, by key slot %d; written:\n", with, key.Slot)
		a.printLoginFiles(files)
	})
}

// loginPassword reads the password that the login will be made with: twice where it is
// typed, since a wrong one is not seen before the next login.
func (a *app) loginPassword(ctx context.Context, from passphraseFlags) ([]byte, error) {
	if from.file != "" {
		return a.secretFile(from.file)
	}
	first, err := a.prompt(ctx, "Login password: ", "--login-password-file")
	if err != nil {
		return nil, err
	}
	second, err := a.prompt(ctx, "Once more: ", "--login-password-file")
	defer clear(second)
	if err == nil && !bytes.Equal(first, second) {
		err = failed("MISMATCH", "the two passwords differ")
	}
	if err != nil {
		clear(first)
		return nil, err
	}
	return first, nil
}
