package main

import (
	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) lock() *cobra.Command {
	return &cobra.Command{
		Use:     "lock",
		Short:   "Wipe all key material from memory; nothing is signed afterwards",
		Example: "  vaultctl lock",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				locked, err := s.admin.Lock(c.Context(), &pb.LockRequest{})
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
				return a.report(map[string]any{"state": vault.Locked, "already": locked.GetAlready()}, func() {
					a.printf("the vault is locked\n")
				})
			})
		},
	}
}
