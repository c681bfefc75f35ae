package main

import (
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
			return a.widen(c.Context(), from, request.Operation(), func(s *session, proof *pb.Proof) error {
				set, err := s.admin.SetGrant(c.Context(), &pb.SetGrantRequest{
					Bot: request.Bot, Grant: &pb.Grant{Label: request.Label, Allow: classes.Words()}, Proof: proof,
				})
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
