package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bfxvault/cmd/internal/paths"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault/audit"
)

// How new each vault is, is noted in the operator's own state folder, out of reach of
// whoever can only change the vault file and the audit log: an older copy of them then
// refuses to unlock. The system journal, where there is one, knows it too.

// known is how new a vault was seen: the revision of its file, and a record of its log.
type known struct {
	revision uint64
	at       audit.Position
}

// seenFile is where it is noted.
func seenFile(vaultID []byte) (string, error) {
	state, err := paths.StateHome()
	if err != nil {
		return "", err
	}
	return filepath.Join(state, "bfxvault-seen", hex.EncodeToString(vaultID)), nil
}

// seen is what was noted, zero for nothing.
func (a *app) seen(vaultID []byte) (k known) {
	path, err := seenFile(vaultID)
	if err != nil {
		return k
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k
	}
	var head []byte
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d %d %x\n", &k.revision, &k.at.Seq, &head)
	}
	if err != nil || len(head) != len(k.at.Head) {
		a.hintf("the note of how new the vault was, %s, cannot be read: a rolled-back file may go unnoticed", path)
		return known{}
	}
	copy(k.at.Head[:], head)
	return k
}

// remember notes how new a vault is after what led to a revision, unless a newer note
// stands. That it could not is worth a hint and no more: the change itself is done.
func (a *app) remember(ctx context.Context, s *session, revision uint64) {
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err != nil || len(state.GetVaultId()) != 16 || revision <= a.seen(state.GetVaultId()).revision {
		return
	}
	k := known{revision: revision}
	if len(state.GetAuditHead()) == len(k.at.Head) {
		k.at.Seq = state.GetAuditSeq()
		copy(k.at.Head[:], state.GetAuditHead())
	}
	if err := note(state.GetVaultId(), k); err != nil {
		a.hintf("the vault's revision could not be noted, so a rolled-back file may go unnoticed: %v", err)
	}
}

func note(vaultID []byte, k known) error {
	path, err := seenFile(vaultID)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = fmt.Fprintf(f, "%d %d %s\n", k.revision, k.at.Seq, k.at.Head)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
