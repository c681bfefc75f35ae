package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) backupRestore() *cobra.Command {
	var slot backupSlot
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the vault of a backup, where there is none, and unlock it",
		Long: "Make the vault of a backup in the folder of the running vaultd, where there is none\n" +
			"yet, and unlock it. Nothing is signed before you say who may, and with what: every bot\n" +
			"is suspended until it is enabled or a policy names it, every API key is staged until\n" +
			"it is promoted, the daily limits of today are spent, and orders signed before are\n" +
			"unknown. What was added since the backup is missing; what was removed since is back.",
		Example: "  vaultctl backup restore /mnt/stick/vault-2026-12-01.backup\n  vaultctl policy apply policy.toml\n  vaultctl key promote main",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.runBackupRestore(c.Context(), args[0], slot) },
	}
	slot.add(c)
	return c
}

func (a *app) runBackupRestore(ctx context.Context, path string, by backupSlot) error {
	return a.with(func(s *session) error {
		state, err := s.admin.Status(ctx, &pb.StatusRequest{})
		if err != nil {
			return err
		}
		if vault.State(state.GetState()) != vault.Uninitialised {
			return failed("ALREADY_INITIALISED", "there is a vault in this folder already, and nothing is overwritten").
				withHint("restore it into an empty folder: vaultd --dir D")
		}
		text, b, err := a.readBackup(path)
		if err != nil {
			return err
		}
		seen := max(a.seen(b.VaultID[:]).revision, a.journal(ctx, b.VaultID[:]).revision)
		if seen > b.Revision {
			fmt.Fprintf(a.stderr, "vaultctl: warning: this backup is of revision %d, and revision %d of its vault has been seen: "+
				"what was added in between is missing, and what was removed or revoked in between is back\n", b.Revision, seen)
		}
		opened, err := a.openBackup(ctx, text, b, by)
		if err != nil {
			return err
		}
		defer opened.kek.Wipe()
		restored, err := s.restoreBackup(ctx, text, opened, seen)
		if err != nil {
			return err
		}
		a.remember(ctx, s, restored.GetRevision())
		return a.reportRestored(restored, b)
	})
}

// restoreBackup sends a backup, and the KEK of the slot that opens it.
func (s *session) restoreBackup(ctx context.Context, text []byte, opened openedBackup, seen uint64) (*pb.RestoreBackupResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := vault.RestoreBackup{Slot: opened.slot, Digest: sha256.Sum256(text), SeenRevision: seen}
	box, _, err := s.seal(ctx, request.Purpose(), opened.kek[:])
	if err != nil {
		return nil, err
	}
	stream, err := s.admin.RestoreBackup(ctx)
	if err != nil {
		return nil, err
	}
	message := &pb.RestoreBackupRequest{Slot: request.Slot, Kek: box, Digest: request.Digest[:], SeenRevision: seen}
	const part = 64 << 10
	for data := range slices.Chunk(text, part) {
		message.Data = data
		if err := stream.Send(message); errors.Is(err, io.EOF) {
			break // the answer says why
		} else if err != nil {
			return nil, err
		}
		message = &pb.RestoreBackupRequest{}
	}
	return stream.CloseAndRecv()
}

func (a *app) reportRestored(restored *pb.RestoreBackupResponse, b vault.Backup) error {
	held := restored.GetHeld()
	id := hex.EncodeToString(restored.GetVaultId())
	value := map[string]any{
		"state": vault.Unlocked, "vault_id": id, "revision": restored.GetRevision(), "backup_revision": b.Revision,
		"created": b.Created, "held": append([]string{}, held...),
	}
	return a.report(value, func() {
		a.printf("restored vault %s as it was on %s; it is unlocked\n", id, date(b.Created))
		a.hintRestored()
		a.hintHeld(held)
	})
}

// hintRestored says what ends the rules of a restore.
func (a *app) hintRestored() {
	a.hintf("no bot is signed for before: vaultctl policy apply FILE, or vaultctl bot enable NAME")
	a.hintf("and with no API key before: " + promoteHint)
}
