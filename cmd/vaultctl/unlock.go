package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) unlock() *cobra.Command {
	var from passphraseFlags
	var keyfile, with string
	var accept accepts
	c := &cobra.Command{
		Use:     "unlock",
		Short:   "Open the vault, so that bots can have requests signed",
		Example: "  vaultctl unlock\n  vaultctl unlock --recovery\n  vaultctl unlock --keyfile /run/credentials/vault.key",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if with != "" {
				return a.unlockWith(c.Context(), with)
			}
			return a.with(func(s *session) error { return a.runUnlock(c.Context(), s, from, keyfile, accept) })
		},
	}
	from.add(c)
	c.Flags().StringVar(&keyfile, "keyfile", "", "open the keyfile slot with the 32 bytes of a file that only you can read")
	c.Flags().BoolVar(&accept.rollback, "accept-rollback", false, "go on where vault.db or the audit log is older than what is known of it: bots are suspended, API keys staged")
	c.Flags().BoolVar(&accept.config, "accept-config", false, "go on where config.toml is laxer than at the last unlock")
	addWith(c, &with, "open the keyfile slot that login enable made, at a login")
	c.MarkFlagsMutuallyExclusive("keyfile", "accept-rollback")
	c.MarkFlagsMutuallyExclusive("keyfile", "accept-config")
	for _, other := range []string{"keyfile", "accept-rollback", "accept-config", "passphrase-file", "passphrase-command", "recovery"} {
		c.MarkFlagsMutuallyExclusive("with", other)
	}
	c.MarkFlagsMutuallyExclusive("keyfile", "recovery")
	c.MarkFlagsMutuallyExclusive("keyfile", "passphrase-file")
	c.MarkFlagsMutuallyExclusive("keyfile", "passphrase-command")
	return c
}

// accepts is what an operator goes on with all the same.
type accepts struct{ rollback, config bool }

func (a *app) runUnlock(ctx context.Context, s *session, from passphraseFlags, keyfile string, accept accepts) error {
	if s.unlocked(ctx) == nil {
		held, err := s.held(ctx)
		if err != nil {
			return err
		}
		return a.reportUnlock(&pb.UnlockResponse{Already: true, Held: held}, false)
	}
	kind := from.kind()
	if keyfile != "" {
		kind = "keyfile"
	}
	slots, id, err := s.slots(ctx, kind)
	if err != nil {
		return err
	}
	kekOf, forget, err := a.kekMakerOf(ctx, from, keyfile)
	if err != nil {
		return err
	}
	defer forget()
	c, err := a.choose(ctx, slots, kekOf)
	if err != nil {
		return err
	}
	defer c.kek.Wipe()
	return a.open(ctx, s, id, c.slot, c.kek, accept)
}

// open unlocks with the KEK of a slot.
func (a *app) open(ctx context.Context, s *session, id [16]byte, slot uint32, kek *operator.KEK, accept accepts) error {
	request := vault.Unlock{Slot: slot, SeenRevision: max(a.seen(id[:]).revision, a.journal(ctx, id[:]).revision), AcceptRollback: accept.rollback, AcceptConfig: accept.config}
	box, _, err := s.seal(ctx, request.Purpose(), kek[:])
	if err != nil {
		return err
	}
	opened, err := s.admin.Unlock(ctx, &pb.UnlockRequest{
		Slot: request.Slot, SeenRevision: request.SeenRevision, AcceptRollback: accept.rollback, AcceptConfig: accept.config, Kek: box,
	})
	if err != nil {
		return err
	}
	a.remember(ctx, s, opened.GetRevision())
	return a.reportUnlock(opened, accept.rollback)
}

// held lists the labels of an unlocked vault whose request nonces are held back.
func (s *session) held(ctx context.Context) (labels []string, err error) {
	list, err := s.admin.ListKeys(ctx, &pb.ListKeysRequest{})
	for _, k := range list.GetKeys() {
		if slices.ContainsFunc(k.GetVersions(), func(v *pb.KeyVersion) bool { return v.GetHeld() != "" }) {
			labels = append(labels, k.GetLabel())
		}
	}
	return labels, err
}

// reportUnlock also says what ends the rules of a restore, where older may have been accepted.
func (a *app) reportUnlock(opened *pb.UnlockResponse, older bool) error {
	held := opened.GetHeld()
	value := map[string]any{"state": vault.Unlocked, "already": opened.GetAlready(), "held": append([]string{}, held...)}
	return a.report(value, func() {
		switch {
		case opened.GetAlready():
			a.printf("the vault was unlocked already\n")
		case older:
			a.printf("the vault is unlocked; where vault.db was older, it is under the rules of a restore\n")
			a.hintRestored()
		default:
			a.printf("the vault is unlocked\n")
		}
		a.hintHeld(held)
	})
}

// hintHeld says what to do about labels whose request nonces are held back.
func (a *app) hintHeld(labels []string) {
	if len(labels) > 0 {
		a.hintf("the clock cannot be trusted for %s: vaultctl nonce show LABEL, then vaultctl nonce accept LABEL", strings.Join(labels, ", "))
	}
}
