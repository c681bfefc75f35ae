package main

import (
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// versionFlags are which version of an API key is meant, and for how long the one that
// ends goes on.
type versionFlags struct {
	version uint32
	grace   time.Duration
}

func (v *versionFlags) addVersion(c *cobra.Command, none string) {
	c.Flags().Uint32Var(&v.version, "version", 0, "its number, as key show tells it (default: "+none+")")
}

// defaultGrace is longer than any request is under way.
const defaultGrace = time.Minute

func (v *versionFlags) addGrace(c *cobra.Command) {
	c.Flags().DurationVar(&v.grace, "grace", defaultGrace, "for how long the version that ends goes on with what is under way; 0s cuts it off")
}

// seconds is the grace as vaultd takes it, rounded up.
func (v *versionFlags) seconds() (uint32, error) {
	s := math.Ceil(v.grace.Seconds())
	if s < 0 || s > math.MaxUint32 {
		return 0, usagef("--grace is a time such as 5m")
	}
	return uint32(s), nil
}

func (a *app) keyPromote() *cobra.Command {
	var from passphraseFlags
	var flags versionFlags
	c := &cobra.Command{
		Use:   "promote LABEL",
		Short: "Sign with a new version of an API key from now on; no bot notices",
		Long: "Make a version of an API key the active one. What is under way ends with the version\n" +
			"before, and whatever is asked later is signed with the new one. It also brings back a\n" +
			"version that was retired or revoked. After a restore every API key waits for it: the\n" +
			"version that was active is taken, unless another is named.",
		Example: "  vaultctl key promote main\n  vaultctl key promote main --version 1   # back to the version before",
		Args:    exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			grace, err := flags.seconds()
			if err != nil {
				return err
			}
			request := vault.PromoteKey{Label: args[0], Version: flags.version, Grace: grace}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				proof, err := s.prove(c.Context(), by, request.Operation())
				if err != nil {
					return err
				}
				done, err := s.admin.PromoteKey(c.Context(), &pb.PromoteKeyRequest{Label: args[0], Version: flags.version, Grace: grace, Proof: proof})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, done.GetRevision())
				return a.reportPromoted(args[0], done, flags.grace, s.idOf(c.Context(), args[0], done.GetBefore()))
			})
		},
	}
	from.add(c)
	flags.addVersion(c, "the oldest that is staged")
	flags.addGrace(c)
	return c
}

// idOf is Bitfinex's id of a version, as far as vaultd tells.
func (s *session) idOf(ctx context.Context, label string, version uint32) string {
	shown, err := s.admin.ShowKey(ctx, &pb.ShowKeyRequest{Label: label})
	for _, v := range shown.GetKey().GetVersions() {
		if err == nil && v.GetVersion() == version {
			return v.GetApiKey()
		}
	}
	return "of that version"
}

// reportPromoted says what was done; before is the id of the API key that ends.
func (a *app) reportPromoted(label string, done *pb.PromoteKeyResponse, grace time.Duration, before string) error {
	if !done.GetVerified() {
		a.warnf("version %d was never verified: Bitfinex may not take it", done.GetVersion())
		a.hintf("vaultctl key verify %s", label)
	}
	return a.report(map[string]any{
		"ok": true, "label": label, "version": done.GetVersion(), "before": done.GetBefore(), "verified": done.GetVerified(), "revision": done.GetRevision(),
	}, func() {
		a.printf("version %d of %s is active\n", done.GetVersion(), label)
		if done.GetBefore() != 0 {
			a.printf("version %d, API key %s, ends in %s\n", done.GetBefore(), before, grace)
			a.hintf("then: vaultctl key revoke %s --version %d; delete API key %s at %s; vaultctl key purge %s", label, done.GetBefore(), before, revokeAt, label)
		}
	})
}

func (a *app) keyRetire() *cobra.Command {
	var flags versionFlags
	c := &cobra.Command{
		Use: "retire LABEL", Short: "Let a version of an API key end after what is under way",
		Long: "Let a version of an API key end. Nothing new is signed with it; what is under way is,\n" +
			"until the grace is over. vaultctl key promote brings it back.",
		Example: "  vaultctl key retire main --version 1 --grace 5m", Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			grace, err := flags.seconds()
			if err != nil {
				return err
			}
			return a.with(func(s *session) error {
				done, err := s.admin.RetireKey(c.Context(), &pb.RetireKeyRequest{Label: args[0], Version: flags.version, Grace: grace})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, done.GetRevision())
				return a.reportVersion(args[0], done.GetVersion(), done.GetRevision(), func() {
					a.printf("version %d of %s signs nothing new, and ends within %s\n", done.GetVersion(), args[0], flags.grace)
					a.hintf("it comes back with: vaultctl key promote %s --version %d", args[0], done.GetVersion())
				})
			})
		},
	}
	flags.addVersion(c, "the active one")
	flags.addGrace(c)
	return c
}
