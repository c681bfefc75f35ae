package main

import (
	"context"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) botEnable() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "enable NAME", Short: "End the suspension of a bot",
		Long: "End the suspension of a bot. After an older vault file was accepted every bot is\n" +
			"suspended: look at its grants first, since what was taken away later is back.",
		Example: "  vaultctl bot enable mm-1", Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			request := vault.EnableBot{Name: args[0]}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				enabled, err := s.enableBot(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, enabled.GetRevision())
				return a.done(enabled.GetRevision(), "%s is not suspended", request.Name)
			})
		},
	}
	from.add(c)
	return c
}

// enableBot proves the operation and runs it.
func (s *session) enableBot(ctx context.Context, c *credential, r vault.EnableBot) (*pb.EnableBotResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.EnableBot(ctx, &pb.EnableBotRequest{Name: r.Name, Proof: proof})
}
