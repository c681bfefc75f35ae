package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) grant() *cobra.Command {
	var from passphraseFlags
	var rules grantFlags
	c := &cobra.Command{
		Use:   "grant BOT LABEL --allow read,trade",
		Short: "Let a bot use an API key, in place of an earlier grant",
		Long: "Let a bot use an API key. This stands in place of an earlier grant, with all its\n" +
			"rules. A rule whose flag is left out does not restrict; one that is given empty\n" +
			"allows nothing. A policy file says more: vaultctl policy apply.\n\n" +
			"--as-before gives back a grant that was taken away, with the rules that it had.",
		Example: "  vaultctl grant dashboard main --allow read\n" +
			"  vaultctl grant mm-1 main --allow read,trade,cancel --symbols tBTCUSD --order-types \"EXCHANGE LIMIT\" --max-order BTC=0.5 --max-notional USD=25000 --rate 10/s",
		Args: exactly(2), ValidArgsFunction: a.completeBotThenLabel,
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := rules.spec(c, args[1])
			if err != nil {
				return err
			}
			request := vault.SetGrant{Bot: args[0], Grant: spec}
			show := func(s *session) error {
				if rules.asBefore {
					if request.Grant, err = s.formerGrant(c.Context(), args[0], args[1]); err != nil {
						return err
					}
				}
				a.advise(map[string]policy.BotSpec{request.Bot: {Grants: []policy.GrantSpec{request.Grant}}})
				return a.showReplaced(c.Context(), s, request)
			}
			return a.showAndWiden(c.Context(), from, show, func(s *session, by *credential) error {
				set, err := s.setGrant(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, set.GetRevision())
				return a.done(set.GetRevision(), "bot %s may use %s: %s", request.Bot, request.Grant.Key, strings.Join(request.Grant.Allow, ","))
			})
		},
	}
	from.add(c)
	rules.add(c)
	return c
}

// formerGrant is a grant that was taken away, as it was.
func (s *session) formerGrant(ctx context.Context, bot, label string) (policy.GrantSpec, error) {
	shown, err := s.admin.ShowBot(ctx, &pb.ShowBotRequest{Name: bot})
	if err != nil {
		return policy.GrantSpec{}, err
	}
	for _, g := range shown.GetBot().GetFormer() {
		if spec, err := vault.ParseGrant([]byte(g.GetSpec())); err != nil || spec.Key == label {
			return spec, err
		}
	}
	return policy.GrantSpec{}, failed("NOT_FOUND", "no grant of that bot on that API key was taken away").
		withHint("vaultctl bot show %s", bot)
}

// showReplaced says what becomes of an earlier grant: a flag that is left out takes
// its rule away.
func (a *app) showReplaced(ctx context.Context, s *session, r vault.SetGrant) error {
	had, _, err := s.policy(ctx)
	if err != nil {
		return err
	}
	for _, g := range had[r.Bot].Grants {
		if g.Key == r.Grant.Key {
			a.showChanges(policyfile.Diff(oneGrant(r.Bot, g), oneGrant(r.Bot, r.Grant)))
		}
	}
	return nil
}

func oneGrant(bot string, g policy.GrantSpec) map[string]policy.BotSpec {
	return map[string]policy.BotSpec{bot: {Grants: []policy.GrantSpec{g}}}
}

// setGrant proves the operation and runs it.
func (s *session) setGrant(ctx context.Context, c *credential, r vault.SetGrant) (*pb.SetGrantResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.SetGrant(ctx, &pb.SetGrantRequest{
		Bot: r.Bot, Spec: string(vault.GrantText(r.Grant)), Proof: proof,
	})
}
