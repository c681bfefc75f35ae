package main

import (
	"context"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) grant() *cobra.Command {
	var from passphraseFlags
	var allow []string
	c := &cobra.Command{
		Use:   "grant BOT LABEL --allow read,trade",
		Short: "Let a bot use an API key, in place of an earlier grant",
		Example: "  vaultctl grant dashboard main --allow read\n" +
			"  vaultctl grant mm-1 main --allow read,trade,cancel",
		Args: exactly(2), ValidArgsFunction: a.completeBotThenLabel,
		RunE: func(c *cobra.Command, args []string) error {
			classes, err := policy.ParseClasses(allow)
			if err != nil {
				return usagef("%v", err)
			}
			request := vault.SetGrant{Bot: args[0], Label: args[1], Allow: classes}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				set, err := s.setGrant(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.rememberCurrent(c.Context(), s, set.GetRevision())
				return a.done(set.GetRevision(), "bot %s may use %s: %s", request.Bot, request.Label, classes)
			})
		},
	}
	from.add(c)
	c.Flags().StringSliceVar(&allow, "allow", nil, "what may be signed: read, trade, cancel, funding, withdraw, settings")
	_ = c.MarkFlagRequired("allow") // the flag exists
	return c
}

// setGrant proves the operation and runs it.
func (s *session) setGrant(ctx context.Context, c *credential, r vault.SetGrant) (*pb.SetGrantResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.SetGrant(ctx, &pb.SetGrantRequest{
		Bot: r.Bot, Grant: &pb.Grant{Label: r.Label, Allow: r.Allow.Words()}, Proof: proof,
	})
}
