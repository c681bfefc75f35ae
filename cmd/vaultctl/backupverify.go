package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// backupSlot says with which slot a backup is opened.
type backupSlot struct {
	from    passphraseFlags
	keyfile string
}

func (b *backupSlot) add(c *cobra.Command) { b.from.add(c) }

func (b *backupSlot) addKeyfile(c *cobra.Command) {
	c.Flags().StringVar(&b.keyfile, "keyfile", "", "open the keyfile slot with the 32 bytes of a file that only you can read")
	c.MarkFlagsMutuallyExclusive("keyfile", "passphrase-file")
	c.MarkFlagsMutuallyExclusive("keyfile", "passphrase-command")
	c.MarkFlagsMutuallyExclusive("keyfile", "recovery")
}

func (b *backupSlot) kind() string {
	if b.keyfile != "" {
		return "keyfile"
	}
	return b.from.kind()
}

func (a *app) backupVerify() *cobra.Command {
	var slot backupSlot
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Prove that a backup is whole and that you can open it",
		Long: "Open a backup with the passphrase that the vault had when it was made, and every\n" +
			"record in it. No vaultd is needed, and nothing is changed. A backup that is damaged\n" +
			"ends this with 6.",
		Example: "  vaultctl backup verify /mnt/stick/vault-2026-12-01.backup",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.runBackupVerify(c.Context(), args[0], slot) },
	}
	slot.add(c)
	slot.addKeyfile(c)
	return c
}

// verifiedBackup is a backup as JSON, once all of it was opened.
type verifiedBackup struct {
	OK bool `json:"ok"`
	backupView
	Keys   int `json:"keys"`
	Bots   int `json:"bots"`
	Grants int `json:"grants"`
}

func (a *app) runBackupVerify(ctx context.Context, path string, slot backupSlot) error {
	text, b, err := a.readBackup(path)
	if err != nil {
		return err
	}
	opened, err := a.openBackup(ctx, text, b, slot)
	if err != nil {
		return err
	}
	opened.kek.Wipe()
	view := verifiedBackup{true, viewOfBackup(path, text, b), opened.contents.Keys, opened.contents.Bots, opened.contents.Grants}
	return a.report(view, func() {
		a.printf("%s is whole, and opens\n", path)
		a.printf("vault:    %s\nrevision: %d\nmade:     %s\n", view.VaultID, view.Revision, date(view.Created))
		a.printf("API keys: %d\nbots:     %d\ngrants:   %d\nslots:    %d\n", view.Keys, view.Bots, view.Grants, view.Slots)
	})
}

// readBackup reads a backup, and what of it stands in the clear.
func (a *app) readBackup(path string) ([]byte, vault.Backup, error) {
	text, err := a.input(path, vault.MaxBackup+1)
	if err != nil {
		return nil, vault.Backup{}, err
	}
	b, err := vault.ReadBackup(text)
	if err != nil {
		return nil, b, ofVault(err)
	}
	return text, b, nil
}

// openedBackup is a backup that opened, and what opened it. The caller wipes the KEK.
type openedBackup struct {
	contents vault.BackupContents
	slot     uint32
	kek      *operator.KEK
}

// openBackup opens a backup with the first of its slots that opens.
func (a *app) openBackup(ctx context.Context, text []byte, b vault.Backup, by backupSlot) (opened openedBackup, err error) {
	slots := slices.DeleteFunc(slices.Clone(b.Slots), func(s vault.Slot) bool { return s.Kind != by.kind() })
	if len(slots) == 0 {
		return opened, failed("NO_SLOT", "the backup has no %s slot", by.kind())
	}
	kekOf, forget, err := a.kekMakerOf(ctx, by.from, by.keyfile)
	if err != nil {
		return opened, err
	}
	defer forget()
	for _, slot := range slots {
		opened.slot = slot.ID
		if opened.kek, err = kekOf(slot); err != nil {
			return opened, err
		}
		opened.contents, err = vault.VerifyBackup(text, slot.ID, (*[operator.KEKSize]byte)(opened.kek))
		if err == nil {
			return opened, nil
		}
		opened.kek.Wipe()
		if err = ofVault(err); !is(err, vault.KindWrongPassphrase.Reason()) {
			break
		}
	}
	return opened, err
}

// ofVault gives an error of package vault, which no vaultd has sent, its reason.
func ofVault(err error) error {
	var e *vault.Error
	if !errors.As(err, &e) {
		return err
	}
	return failed(e.Kind.Reason(), "%v", e).withHint("%s", e.Hint)
}
