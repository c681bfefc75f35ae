package main

import (
	"context"
	"encoding/hex"
	"errors"
	"io"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) backup() *cobra.Command {
	return group("backup", "Backups: create, verify, restore", a.backupCreate(), a.backupVerify(), a.backupRestore())
}

func (a *app) backupCreate() *cobra.Command {
	return &cobra.Command{
		Use:   "create FILE",
		Short: "Write a copy of the whole vault to a new file, sealed; signing goes on meanwhile",
		Long: "Write a copy of the whole vault to a new file. All of it is sealed, labels and names\n" +
			"of bots too, and opens only with the passphrase or another key slot that the vault\n" +
			"has now: keep it where you like, on another machine. The audit log is not in it.",
		Example: "  vaultctl backup create /mnt/stick/vault-2026-12-01.backup",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.runBackupCreate(c.Context(), args[0]) },
	}
}

// backupView is a backup as JSON, as far as it is known without opening it.
type backupView struct {
	File     string `json:"file"`
	VaultID  string `json:"vault_id"`
	Revision uint64 `json:"revision"`
	Created  int64  `json:"created"`
	Slots    int    `json:"slots"`
	Bytes    int    `json:"bytes"`
}

func viewOfBackup(file string, text []byte, b vault.Backup) backupView {
	return backupView{file, hex.EncodeToString(b.VaultID[:]), b.Revision, b.Created, len(b.Slots), len(text)}
}

func (a *app) runBackupCreate(ctx context.Context, path string) error {
	if err := notThere(path); err != nil {
		return err // before vaultd makes one in vain
	}
	var text []byte
	err := a.with(func(s *session) (err error) {
		if err := s.unlocked(ctx); err != nil {
			return err
		}
		text, err = s.createBackup(ctx)
		return err
	})
	if err != nil {
		return err
	}
	b, err := vault.ReadBackup(text)
	if err != nil {
		return failed("FAILED", "vaultd sent no backup: %v", err)
	}
	if err := writeNew(path, text); err != nil {
		return err
	}
	view := viewOfBackup(path, text, b)
	return a.report(view, func() {
		a.printf("wrote %s: revision %d of vault %s, %d bytes\n", path, view.Revision, view.VaultID, view.Bytes)
		a.hintf("prove now and then that it can be restored: vaultctl backup verify FILE")
	})
}

// createBackup receives a backup.
func (s *session) createBackup(ctx context.Context) (text []byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.admin.CreateBackup(ctx, &pb.CreateBackupRequest{})
	if err != nil {
		return nil, err
	}
	for {
		part, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return nil, err
		case len(text)+len(part.GetData()) > vault.MaxBackup:
			return nil, failed("FAILED", "vaultd sends more than any backup has")
		}
		text = append(text, part.GetData()...)
	}
}
