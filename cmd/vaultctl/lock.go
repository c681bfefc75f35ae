package main

import (
	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) lock() *cobra.Command {
	var burn bool
	var to upstreamFlag
	c := &cobra.Command{
		Use:   "lock",
		Short: "Wipe all key material from memory; nothing is signed afterwards",
		Long: "Wipe all key material from memory; nothing is signed afterwards.\n\n" +
			"A signature that a bot was given and has not sent stays good until Bitfinex has taken a\n" +
			"newer request of the same API key. --burn sends one for each: a read that changes nothing.",
		Example: "  vaultctl lock\n  vaultctl lock --burn   # and make what bots hold worthless",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := to.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return a.with(func(s *session) error {
				locked, err := s.admin.Lock(c.Context(), &pb.LockRequest{Burn: burn})
				if err != nil {
					return err
				}
				state, err := s.admin.Status(c.Context(), &pb.StatusRequest{})
				if err != nil {
					return err
				}
				if vault.State(state.GetState()) == vault.Uninitialised {
					return failed("NOT_INITIALISED", "there is no vault yet").withHint("vaultctl init")
				}
				value := map[string]any{"state": vault.Locked, "already": locked.GetAlready()}
				if !burn {
					return a.report(value, func() { a.printf("the vault is locked\n") })
				}
				if locked.GetAlready() {
					a.warnf("the vault was locked already, and signs nothing: signatures that bots hold may still be good")
					a.hintf("unlock, then vaultctl lock --burn; or delete the API keys at %s", revokeAt)
				}
				report := a.burn(c.Context(), client, locked.GetBurns(), locked.GetUnburnt())
				value["burn"] = report
				return a.report(value, func() { a.printf("the vault is locked\n%s\n", report.summary()) })
			})
		},
	}
	c.Flags().BoolVar(&burn, "burn", false, "send a read with each API key, so that signatures that bots hold are worthless")
	to.add(c)
	return c
}
