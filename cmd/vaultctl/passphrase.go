package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/vault"
)

func (a *app) passphraseGroup() *cobra.Command {
	return group("passphrase", "The passphrase: change", a.passphraseChange())
}

func (a *app) passphraseChange() *cobra.Command {
	var from passphraseFlags
	var file string
	var id uint32
	c := &cobra.Command{
		Use: "change", Short: "Put a new passphrase in the place of the old one",
		Long: "Put a new passphrase in the place of the old one, which opens nothing from then on but\n" +
			"old copies of vault.db: to shut out who has both, vaultctl datakey rotate, and then new\n" +
			"API keys. With --recovery the recovery code vouches for it: the old passphrase is lost.",
		Example: "  vaultctl passphrase change\n  vaultctl passphrase change --recovery", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := notBothStdin(from, file); err != nil {
				return err
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				return a.runChange(c.Context(), s, by, id, from.recovery, file)
			})
		},
	}
	from.add(c)
	addNewPassphrase(c, &file)
	c.Flags().Uint32Var(&id, "slot", 0, "with --recovery, where there are several passphrases: the slot of the lost one")
	return c
}

func (a *app) runChange(ctx context.Context, s *session, by *credential, id uint32, recovery bool, file string) error {
	old := by.slot
	if recovery {
		var err error
		if old, err = s.lostSlot(ctx, id); err != nil {
			return err
		}
	}
	slot, kek, err := a.newPassphraseSlot(ctx, file)
	if err != nil {
		return err
	}
	defer kek.Wipe()
	replaced, err := s.replaceSlot(ctx, by, old, slot, kek)
	if err != nil {
		return err
	}
	return a.slotDone(ctx, s, replaced.GetSlot(), replaced.GetRevision(), "the passphrase is changed: key slot %d is in the place of %d\n", replaced.GetSlot(), old)
}

// lostSlot is the slot of the passphrase that is lost.
func (s *session) lostSlot(ctx context.Context, id uint32) (uint32, error) {
	slots, _, err := s.slots(ctx, "passphrase")
	switch {
	case err != nil:
		return 0, err
	case id == 0 && len(slots) == 1:
		return slots[0].ID, nil
	case slices.ContainsFunc(slots, func(s vault.Slot) bool { return s.ID == id }):
		return id, nil
	}
	var ids []string
	for _, slot := range slots {
		ids = append(ids, idText(slot.ID))
	}
	return 0, usagef("say which passphrase is lost with --slot: %s", strings.Join(ids, ", "))
}
