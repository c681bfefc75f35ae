package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) policyApply() *cobra.Command {
	var from passphraseFlags
	var merge bool
	c := &cobra.Command{
		Use: "apply FILE", Short: "Put a policy file in place of all bots and grants",
		Long: "Put a policy file in place of all bots and grants, at once or not at all. What it\n" +
			"changes is shown before the passphrase is asked for.",
		Example: "  vaultctl policy apply policy.toml --merge", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := a.policyFile(args[0])
			if err != nil {
				return err
			}
			return a.runApply(c.Context(), vault.ApplyPolicy{Bots: f.Bots, Merge: merge}, from)
		},
	}
	from.add(c)
	addMerge(c, &merge)
	return c
}

func (a *app) runApply(ctx context.Context, request vault.ApplyPolicy, from passphraseFlags) error {
	var changes []policyfile.Change
	show := func(s *session) (err error) {
		changes, err = s.changes(ctx, request.Bots, request.Merge)
		a.showChanges(changes)
		a.advise(request.Bots)
		return err
	}
	return a.showAndWiden(ctx, from, show, func(s *session, by *credential) error {
		applied, err := s.applyPolicy(ctx, by, request)
		if err != nil {
			return err
		}
		a.remember(ctx, s, applied.GetRevision())
		return a.report(map[string]any{"ok": true, "revision": applied.GetRevision(), "changes": changes}, func() {
			a.printf("applied: bots %d, changes %d\n", len(request.Bots), len(changes))
		})
	})
}

// showChanges says what is about to change, beside the result.
func (a *app) showChanges(changes []policyfile.Change) {
	for _, change := range changes {
		fmt.Fprintln(a.stderr, change)
	}
}

// applyPolicy proves the operation and runs it.
func (s *session) applyPolicy(ctx context.Context, c *credential, r vault.ApplyPolicy) (*pb.ApplyPolicyResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.ApplyPolicy(ctx, &pb.ApplyPolicyRequest{
		Policy: string(vault.PolicyText(r.Bots)), Merge: r.Merge, Proof: proof,
	})
}
