package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) policy() *cobra.Command {
	return group("policy", "The policy file: check, diff, test, apply",
		a.policyCheck(), a.policyDiff(), a.policyTest(), a.policyApply())
}

func (a *app) policyCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Check a policy file, without vaultd",
		Long: "Check a policy file, without vaultd; - is standard input. Every mistake is told\n" +
			"with its line and column. What depends on this machine, such as whether an\n" +
			"executable can be read here, is checked when the file is applied.",
		Example: "  vaultctl policy check policy.toml", Args: exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := a.policyFile(args[0])
			if err != nil {
				return err
			}
			grants := 0
			for _, bot := range f.Bots {
				grants += len(bot.Grants)
			}
			value := map[string]any{"ok": true, "bots": len(f.Bots), "grants": grants}
			if advice := a.advise(f.Bots); len(advice) > 0 {
				value["advice"] = advice
			}
			return a.report(value, func() {
				a.printf("%s is right: bots %d, grants %d\n", args[0], len(f.Bots), grants)
			})
		},
	}
}

// advise says where the rules of bots bound less than they seem to.
func (a *app) advise(bots map[string]policy.BotSpec) []string {
	advice := policyfile.Advice(bots)
	for _, sentence := range advice {
		a.hintf("%s", sentence)
	}
	return advice
}

// policyFile reads a policy file; its mistakes go to standard error, and to JSON.
func (a *app) policyFile(name string) (*policyfile.File, error) {
	text, err := a.input(name, policyfile.MaxSize+1)
	if err != nil {
		return nil, err
	}
	f, err := policyfile.Parse(name, text, vault.NamedEndpoints())
	var mistakes policyfile.Errors
	if errors.As(err, &mistakes) {
		fmt.Fprintln(a.stderr, mistakes.Error())
		count := fmt.Sprintf("%d mistakes", len(mistakes))
		if len(mistakes) == 1 {
			count = "a mistake"
		}
		wrong := failed("INVALID", "%s has %s", name, count).withHint("docs/policy.md names every field")
		wrong.more = map[string]any{"mistakes": mistakes}
		return nil, wrong
	}
	return f, err
}

func (a *app) policyDiff() *cobra.Command {
	var merge bool
	c := &cobra.Command{
		Use: "diff FILE", Short: "Show what a policy file would change",
		Long: "Show what a policy file would change: + before what widens, - before what narrows.\n" +
			"What is in doubt counts as widening.",
		Example: "  vaultctl policy diff policy.toml", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := a.policyFile(args[0])
			if err != nil {
				return err
			}
			return a.with(func(s *session) error {
				changes, err := s.changes(c.Context(), f.Bots, merge)
				if err != nil {
					return err
				}
				return a.report(map[string]any{"changes": changes, "widens": widens(changes)}, func() {
					for _, change := range changes {
						a.printf("%s\n", change)
					}
					if len(changes) == 0 {
						a.printf("nothing changes\n")
					}
				})
			})
		},
	}
	addMerge(c, &merge)
	return c
}

func addMerge(c *cobra.Command, merge *bool) {
	c.Flags().BoolVar(merge, "merge", false, "keep bots that the file does not name, and grants on API keys that it does not")
}

// changes are what a file would change in the vault. They are never nil.
func (s *session) changes(ctx context.Context, file map[string]policy.BotSpec, merge bool) ([]policyfile.Change, error) {
	had, suspended, err := s.policy(ctx)
	if err != nil {
		return nil, err
	}
	changes := []policyfile.Change{}
	for _, name := range suspended {
		if _, named := file[name]; named {
			changes = append(changes, policyfile.Change{Bot: name, Field: "suspended", Text: "no longer", Widens: true})
		}
	}
	if merge {
		file = policyfile.Merge(had, file)
	}
	return append(changes, policyfile.Diff(had, file)...), nil
}

// policy is what the vault has, and the names of the bots that are suspended.
func (s *session) policy(ctx context.Context) (had map[string]policy.BotSpec, suspended []string, err error) {
	shown, err := s.admin.ShowPolicy(ctx, &pb.ShowPolicyRequest{})
	if err != nil {
		return nil, nil, err
	}
	had, err = vault.ParsePolicy([]byte(shown.GetPolicy()))
	return had, shown.GetSuspended(), err
}

func widens(changes []policyfile.Change) bool {
	for _, change := range changes {
		if change.Widens {
			return true
		}
	}
	return false
}
