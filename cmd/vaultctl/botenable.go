package main

import (
	"context"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) botEnable() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "enable NAME", Short: "End the suspension of a bot, or bring back one that was removed",
		Long: "End the suspension of a bot. After an older vault file was accepted every bot is\n" +
			"suspended: look at its grants first, since what was taken away later is back.\n\n" +
			"A bot that was removed comes back with the grants and stand-in credentials that went\n" +
			"with it.",
		Example: "  vaultctl bot enable mm-1", Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			request := vault.EnableBot{Name: args[0]}
			show := func(s *session) error { return a.showRevived(c.Context(), s, request.Name) }
			return a.showAndWiden(c.Context(), from, show, func(s *session, by *credential) error {
				enabled, err := s.enableBot(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, enabled.GetRevision())
				return a.done(enabled.GetRevision(), "%s is there, and not suspended", request.Name)
			})
		},
	}
	from.add(c)
	return c
}

// showRevived says what comes back with a bot that was removed.
func (a *app) showRevived(ctx context.Context, s *session, name string) error {
	shown, err := s.admin.ShowBot(ctx, &pb.ShowBotRequest{Name: name})
	if err != nil {
		return err
	}
	b := shown.GetBot()
	for _, g := range b.GetFormer() {
		spec, err := vault.ParseGrant([]byte(g.GetSpec()))
		if err != nil {
			return err
		}
		if b.GetRemoved() != 0 && g.GetRevoked() == b.GetRemoved() {
			a.showChanges(policyfile.Diff(nil, oneGrant(name, spec)))
		}
	}
	if b.GetRemoved() == 0 {
		return nil
	}
	all, err := s.admin.ListStandIns(ctx, &pb.ListStandInsRequest{})
	if err != nil {
		return err
	}
	for _, si := range all.GetStandIns() {
		if si.GetBot() == name && si.GetRecalled() == b.GetRemoved() {
			a.hintf("the stand-in credential %s is good again with it", si.GetId())
		}
	}
	return nil
}

// enableBot proves the operation and runs it.
func (s *session) enableBot(ctx context.Context, c *credential, r vault.EnableBot) (*pb.EnableBotResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.EnableBot(ctx, &pb.EnableBotRequest{Name: r.Name, Proof: proof})
}
