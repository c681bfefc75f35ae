package main

import (
	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) datakey() *cobra.Command {
	return group("datakey", "The key that seals everything: rotate", a.datakeyRotate())
}

func (a *app) datakeyRotate() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "rotate", Short: "Seal everything under a new data key, while bots sign",
		Long: "Draw a new data key and seal everything under it, in one transaction, for every key\n" +
			"slot. After a theft the order is: passphrase change, datakey rotate, key rotate of every\n" +
			"API key. Whoever had the file and what opened it knows the API secrets that were in it.",
		Example: "  vaultctl datakey rotate", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				proof, err := s.prove(c.Context(), by, vault.RotateDataKey{}.Operation())
				if err != nil {
					return err
				}
				rotated, err := s.admin.RotateDataKey(c.Context(), &pb.RotateDataKeyRequest{Proof: proof})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, rotated.GetRevision())
				return a.report(map[string]any{"ok": true, "revision": rotated.GetRevision()}, func() {
					a.printf("everything is sealed under a new data key\n")
					a.hintf("backups from before open with what opened them then: make a new one")
				})
			})
		},
	}
	from.add(c)
	return c
}
