package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) keyRevoke() *cobra.Command {
	var flags versionFlags
	var to upstreamFlag
	c := &cobra.Command{
		Use:   "revoke LABEL",
		Short: "End an API key at once, and make the signatures that bots hold worthless",
		Long: "End an API key at once: nothing is signed with it any more, and a read is sent with it,\n" +
			"after which Bitfinex takes no signature that a bot has held back. It needs no passphrase;\n" +
			"vaultctl key promote brings a version back. Delete the API key at Bitfinex as well: what\n" +
			"has leaked signs without this vault.",
		Example: "  vaultctl key revoke main\n  vaultctl key revoke main --version 1",
		Args:    exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := to.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return a.with(func(s *session) error {
				done, err := s.admin.RevokeKey(c.Context(), &pb.RevokeKeyRequest{Label: args[0], Version: flags.version})
				if err != nil {
					return err
				}
				report := a.burn(c.Context(), client, done.GetBurns(), done.GetUnburnt())
				a.remember(c.Context(), s, done.GetRevision())
				value := map[string]any{"ok": true, "label": args[0], "revision": done.GetRevision(), "burn": report, "delete_at": revokeAt}
				if done.GetUnrecorded() != "" {
					f := failed("UNRECORDED", "%s is revoked, but that is not on record: %s", revoked(args[0], flags.version), done.GetUnrecorded())
					f.more = value
					return f
				}
				return a.report(value, func() {
					a.printf("%s is revoked: nothing is signed with it\n%s\ndelete it at %s\n", revoked(args[0], flags.version), report.summary(), revokeAt)
				})
			})
		},
	}
	flags.addVersion(c, "all")
	to.add(c)
	return c
}

func revoked(label string, version uint32) string {
	if version == 0 {
		return label
	}
	return fmt.Sprintf("version %d of %s", version, label)
}

func (a *app) keyPurge() *cobra.Command {
	var from passphraseFlags
	var flags versionFlags
	c := &cobra.Command{
		Use: "purge LABEL", Short: "Remove the secrets of versions that have ended, for good",
		Long: "Remove the secrets of versions of an API key that were revoked, or whose grace is over.\n" +
			"Nothing brings them back. Where no version is left, the label goes too.",
		Example: "  vaultctl key purge main\n  vaultctl key purge main --version 1",
		Args:    exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			request := vault.PurgeKey{Label: args[0], Version: flags.version}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				done, err := s.purgeKey(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, done.GetRevision())
				return a.report(map[string]any{
					"ok": true, "label": args[0], "versions": done.GetVersions(), "gone": done.GetGone(), "revision": done.GetRevision(),
				}, func() {
					a.printf("removed %s of %s\n", versions(done.GetVersions()), args[0])
					if done.GetGone() {
						a.printf("none was left, and so %s is gone\n", args[0])
					}
				})
			})
		},
	}
	from.add(c)
	flags.addVersion(c, "all that have ended")
	return c
}

// purgeKey proves the operation and runs it.
func (s *session) purgeKey(ctx context.Context, c *credential, r vault.PurgeKey) (*pb.PurgeKeyResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.PurgeKey(ctx, &pb.PurgeKeyRequest{Label: r.Label, Version: r.Version, Proof: proof})
}

// versions is "version 1", or "versions 1, 2".
func versions(numbers []uint32) string {
	if len(numbers) == 1 {
		return fmt.Sprintf("version %d", numbers[0])
	}
	return "versions " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), ", "), "[]")
}
