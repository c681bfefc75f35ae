package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/login"
	pb "bfxvault/proto/bfxvault/v1"
)

func (a *app) loginDisable() *cobra.Command {
	var from passphraseFlags
	var with string
	c := &cobra.Command{
		Use:     "disable --with credential|keyring|pam",
		Short:   "Undo login enable: its key slot and every file",
		Example: "  vaultctl login disable --with keyring",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.runLoginDisable(c.Context(), from, with) },
	}
	addWith(c, &with, "which way to undo")
	_ = c.MarkFlagRequired("with") // the flag exists
	from.add(c)
	return c
}

// runLoginDisable removes the slot first: whoever has a copy of the keyfile has nothing
// then, whatever becomes of the files.
func (a *app) runLoginDisable(ctx context.Context, from passphraseFlags, with string) error {
	if err := checkWith(with); err != nil {
		return err
	}
	return a.with(func(s *session) error {
		w, err := a.way(ctx, s, with, "")
		if err != nil {
			return err
		}
		slot, enabled := w.Slot()
		if !enabled {
			return failed("NOT_FOUND", "the vault is not unlocked with %s", with).withHint("vaultctl login status")
		}
		if err := a.removeLoginSlot(ctx, s, from, slot); err != nil {
			return err
		}
		files := slices.DeleteFunc(loginFiles(ctx, w), func(f loginFile) bool { return f.State == login.Missing })
		if err := w.Remove(ctx); err != nil {
			return loginFailure(err)
		}
		if left := w.Left(); left != "" {
			f := failed("UNFINISHED", "slot and files are removed, and only root can do the rest").withHint("%s", left)
			f.more = map[string]any{"with": with, "slot": slot}
			return f
		}
		names := make([]string, 0, len(files))
		for _, f := range files {
			names = append(names, f.Name)
		}
		return a.report(map[string]any{"ok": true, "with": with, "slot": slot, "removed": names}, func() {
			a.printf("the vault is no longer unlocked with %s: key slot %d is removed, and\n", with, slot)
			for _, name := range names {
				a.printf("  %s\n", name)
			}
		})
	})
}

// removeLoginSlot removes the slot of a way, unless somebody has before.
func (a *app) removeLoginSlot(ctx context.Context, s *session, from passphraseFlags, slot uint32) error {
	there, err := s.hasSlot(ctx, slot)
	if err != nil || !there {
		return err
	}
	if err := s.unlocked(ctx); err != nil {
		return err
	}
	c, err := a.credential(ctx, s, from)
	if err != nil {
		return err
	}
	defer c.kek.Wipe()
	removed, err := s.removeSlot(ctx, c, slot)
	if err != nil {
		return err
	}
	a.remember(ctx, s, removed.GetRevision())
	return nil
}

// hasSlot says whether the vault has a key slot, locked or not.
func (s *session) hasSlot(ctx context.Context, id uint32) (bool, error) {
	list, err := s.admin.ListSlots(ctx, &pb.ListSlotsRequest{})
	return slices.ContainsFunc(list.GetSlots(), func(slot *pb.Slot) bool { return slot.GetId() == id && slot.GetKind() == "keyfile" }), err
}
