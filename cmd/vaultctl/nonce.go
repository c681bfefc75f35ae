package main

import (
	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) nonce() *cobra.Command {
	return group("nonce", "Request nonces: show, accept", a.nonceShow(), a.nonceAccept())
}

func (a *app) nonceShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LABEL", Short: "Say where an API key's request nonces stand", Example: "  vaultctl nonce show main",
		Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				n, err := s.admin.ShowNonce(c.Context(), &pb.ShowNonceRequest{Label: args[0]})
				if err != nil {
					return err
				}
				value := map[string]any{"label": n.GetLabel(), "version": n.GetVersion(), "last": n.GetLast(), "mark": n.GetMark(), "held": n.GetHeld()}
				return a.report(value, func() {
					a.printf("last: %d\nmark: %d (none above it was ever given)\n", n.GetLast(), n.GetMark())
					if n.GetHeld() != "" {
						a.printf("held: %s\n", n.GetHeld())
						a.hintf("check the clock with date, then: vaultctl nonce accept %s", n.GetLabel())
					}
				})
			})
		},
	}
}

func (a *app) nonceAccept() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use:   "accept LABEL",
		Short: "Take the clock as right for an API key whose request nonces were held back",
		Long: "Take the clock as right for an API key whose request nonces were held back.\n" +
			"Check the clock first: a request nonce from the future makes Bitfinex refuse\n" +
			"every smaller one for as long as the API key lives.",
		Example: "  vaultctl nonce accept main",
		Args:    exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			request := vault.AcceptNonce{Label: args[0]}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				proof, err := s.prove(c.Context(), by, request.Operation())
				if err != nil {
					return err
				}
				accepted, err := s.admin.AcceptNonce(c.Context(), &pb.AcceptNonceRequest{Label: request.Label, Proof: proof})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, accepted.GetRevision())
				return a.done(accepted.GetRevision(), "%s signs again", request.Label)
			})
		},
	}
	from.add(c)
	return c
}
