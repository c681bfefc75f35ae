package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) slotAdd() *cobra.Command {
	return group("add", "Add another way to open the vault: passphrase, recovery, keyfile",
		a.slotAddPassphrase(), a.slotAddRecovery(), a.slotAddKeyfile())
}

func (a *app) slotAddPassphrase() *cobra.Command {
	var from passphraseFlags
	var file string
	c := &cobra.Command{
		Use: "passphrase", Short: "Add a passphrase beside those that there are",
		Long:    "Add a passphrase beside those that there are: of a second owner, say. What opens the\nvault now is asked for first. To put one in the place of another: passphrase change.",
		Example: "  vaultctl slot add passphrase", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := notBothStdin(from, file); err != nil {
				return err
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				return a.runAddPassphrase(c.Context(), s, by, file)
			})
		},
	}
	from.add(c)
	addNewPassphrase(c, &file)
	return c
}

// addNewPassphrase adds where a new passphrase comes from where it is not typed.
func addNewPassphrase(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "new-passphrase-file", "", "read the new passphrase from a file that only you can read; - is standard input")
}

func notBothStdin(from passphraseFlags, file string) error {
	if from.file == "-" && file == "-" {
		return usagef("--passphrase-file and --new-passphrase-file cannot both be standard input")
	}
	return nil
}

func (a *app) runAddPassphrase(ctx context.Context, s *session, by *credential, file string) error {
	slot, kek, err := a.newPassphraseSlot(ctx, file)
	if err != nil {
		return err
	}
	defer kek.Wipe()
	return a.addSlotOf(ctx, s, by, slot, kek)
}

// newPassphraseSlot reads a new passphrase and makes of it what a slot needs.
func (a *app) newPassphraseSlot(ctx context.Context, file string) (vault.KeySlot, *operator.KEK, error) {
	passphrase, err := a.newPassphrase(ctx, "New passphrase: ", file, "--new-passphrase-file")
	if err != nil {
		return vault.KeySlot{}, nil, err
	}
	defer clear(passphrase)
	slot := vault.KeySlot{Kind: "passphrase", Params: operator.Calibrate(), Salt: operator.NewSalt()}
	kek, err := operator.DeriveKEK(passphrase, slot.Params, slot.Salt)
	return slot, kek, err
}

func (a *app) addSlotOf(ctx context.Context, s *session, by *credential, slot vault.KeySlot, kek *operator.KEK) error {
	added, err := s.addSlot(ctx, by, slot, kek)
	if err != nil {
		return err
	}
	return a.slotDone(ctx, s, added.GetSlot(), added.GetRevision(), "added key slot %d, a %s\n", added.GetSlot(), slot.Kind)
}

func (a *app) slotAddKeyfile() *cobra.Command {
	var from passphraseFlags
	var path string
	c := &cobra.Command{
		Use: "keyfile --keyfile FILE", Short: "Add a keyfile, which unlocks without anybody at hand",
		Long: "Add a keyfile: 32 random bytes, made anew where the file is not there. Whoever can\n" +
			"read it and vault.db opens the vault, but nobody proves or vouches with it.",
		Example: "  vaultctl slot add keyfile --keyfile /media/stick/bfxvault.key", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				kek, made, err := a.keyfileOrNew(path)
				if err != nil {
					return err
				}
				defer kek.Wipe()
				err = a.addSlotOf(c.Context(), s, by, vault.KeySlot{Kind: "keyfile"}, kek)
				if err != nil && made {
					_ = os.Remove(path) // it opens nothing
				}
				return err
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&path, "keyfile", "", "the file: one that is there, or a new one")
	_ = c.MarkFlagRequired("keyfile") // the flag exists
	return c
}

// keyfileOrNew reads a keyfile, or makes one that is not there.
func (a *app) keyfileOrNew(path string) (kek *operator.KEK, made bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		kek, err := a.keyfile(path)
		return kek, false, err
	}
	kek = new(operator.KEK)
	rand.Read(kek[:]) // never fails: crypto/rand
	if err := writeNew(path, kek[:]); err != nil {
		kek.Wipe()
		return nil, false, err
	}
	return kek, true, nil
}
