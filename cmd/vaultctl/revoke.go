package main

import (
	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
)

func (a *app) revoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke BOT LABEL", Short: "Take a bot's grant on an API key away, at once",
		Example: "  vaultctl revoke mm-1 main",
		Args:    exactly(2), ValidArgsFunction: a.completeBotThenLabel,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				revoked, err := s.admin.RevokeGrant(c.Context(), &pb.RevokeGrantRequest{Bot: args[0], Label: args[1]})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, revoked.GetRevision())
				return a.done(revoked.GetRevision(), "bot %s may no longer use %s", args[0], args[1])
			})
		},
	}
}
