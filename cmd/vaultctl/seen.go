package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	pb "bfxvault/proto/bfxvault/v1"
)

// The newest revision of each vault is noted in the operator's own state folder,
// out of reach of whoever can only change the vault file: an older copy of the
// file then refuses to unlock.

// seenFile is where the revision of a vault is noted.
func seenFile(vaultID []byte) (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "bfxvault-seen", hex.EncodeToString(vaultID)), nil
}

// seen is the newest revision noted, zero for none.
func (a *app) seen(vaultID []byte) uint64 {
	path, err := seenFile(vaultID)
	if err != nil {
		return 0
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	revision, parseErr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || parseErr != nil {
		a.hintf("the note of the vault's newest revision, %s, cannot be read: a rolled-back file would go unnoticed", path)
	}
	return revision
}

// remember notes a revision, unless a newer one stands. That it could not is
// worth a hint and no more: the change itself is done.
func (a *app) remember(vaultID []byte, revision uint64) {
	if revision <= a.seen(vaultID) {
		return
	}
	if err := note(vaultID, revision); err != nil {
		a.hintf("the vault's revision could not be noted, so a rolled-back file may go unnoticed: %v", err)
	}
}

func note(vaultID []byte, revision uint64) error {
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
	if _, err := fmt.Fprintln(f, revision); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// rememberCurrent notes the revision that a change led to.
func (a *app) rememberCurrent(ctx context.Context, s *session, revision uint64) {
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err == nil && len(state.GetVaultId()) == 16 {
		a.remember(state.GetVaultId(), revision)
	}
}
