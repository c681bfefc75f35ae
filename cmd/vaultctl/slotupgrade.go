package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) slotUpgrade() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "upgrade [ID]", Short: "Make guessing a passphrase as slow as this machine allows",
		Long: "Put a new slot with the same passphrase in the place of the old one, with Argon2id\n" +
			"calibrated anew: towards a second for one try. Without ID it is the slot that the\n" +
			"passphrase opens.",
		Example: "  vaultctl slot upgrade", Args: cobra.MaximumNArgs(1), ValidArgsFunction: a.completeSlots,
		RunE: func(c *cobra.Command, args []string) error {
			var id uint32
			if len(args) > 0 {
				var err error
				if id, err = slotID(args[0]); err != nil {
					return err
				}
			}
			return a.with(func(s *session) error { return a.runUpgrade(c.Context(), s, from, id) })
		},
	}
	from.add(c)
	return c
}

func (a *app) runUpgrade(ctx context.Context, s *session, from passphraseFlags, id uint32) error {
	if err := s.unlocked(ctx); err != nil {
		return err
	}
	slots, _, err := s.slots(ctx, from.kind())
	if err != nil {
		return err
	}
	if id != 0 {
		slots = slices.DeleteFunc(slots, func(s vault.Slot) bool { return s.ID != id })
		if len(slots) == 0 {
			return failed("NO_SLOT", "slot %d is no %s slot", id, from.kind()).withHint("vaultctl slot list")
		}
	}
	kekOf, forget, err := a.kekMaker(ctx, from)
	if err != nil {
		return err
	}
	defer forget()
	by, err := a.choose(ctx, slots, kekOf)
	if err != nil {
		return err
	}
	defer by.kek.Wipe()
	slot := vault.KeySlot{Kind: from.kind(), Params: operator.Calibrate(), Salt: operator.NewSalt()}
	kek, err := kekOf(vault.Slot{Params: slot.Params, Salt: slot.Salt})
	if err != nil {
		return err
	}
	defer kek.Wipe()
	replaced, err := s.replaceSlot(ctx, by, by.slot, slot, kek)
	if err != nil {
		return err
	}
	p := slot.Params
	return a.slotDone(ctx, s, replaced.GetSlot(), replaced.GetRevision(), "key slot %d is in the place of %d: t=%d m=%d MiB p=%d\n",
		replaced.GetSlot(), by.slot, p.Time, p.MemoryKiB>>10, p.Threads)
}

// completeSlots offers the key slots of the running vault.
func (a *app) completeSlots(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	if len(args) == 0 {
		_ = a.with(func(s *session) error {
			list, err := s.admin.ListSlots(c.Context(), &pb.ListSlotsRequest{})
			for _, slot := range list.GetSlots() {
				offers = append(offers, idText(slot.GetId())+"\t"+slot.GetKind())
			}
			return err
		})
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
