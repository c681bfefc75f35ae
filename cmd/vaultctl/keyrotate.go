package main

import (
	"context"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) keyRotate() *cobra.Command {
	var from passphraseFlags
	var id, secretFile string
	c := &cobra.Command{
		Use:   "rotate LABEL --api-key ID",
		Short: "Store a new version of an API key, which signs nothing before it is promoted",
		Long: "Store another pair of API key and API secret of the same account under a label. It is\n" +
			"staged: bots go on with the version that is active. The way of a rotation is\n\n" +
			"  key rotate    the new version is stored\n" +
			"  key verify    Bitfinex takes it, and grants what it should\n" +
			"  key promote   bots are signed for with it, and notice nothing\n" +
			"  delete the old API key at Bitfinex\n" +
			"  key purge     its secret is removed here",
		Example: "  vaultctl key rotate main --api-key def…", Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			return a.withSecret(c.Context(), secretFile, from, func(s *session, by *credential, secret []byte) error {
				staged, err := s.rotateKey(c.Context(), by, vault.RotateKey{Label: args[0], APIKey: id}, secret)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, staged.GetRevision())
				return a.reportVersion(args[0], staged.GetVersion(), staged.GetRevision(), func() {
					a.printf("staged version %d of %s\n", staged.GetVersion(), args[0])
					a.hintf("next: vaultctl key verify %s, then vaultctl key promote %s", args[0], args[0])
				})
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&id, "api-key", "", "Bitfinex's public id of the new API key")
	c.Flags().StringVar(&secretFile, "secret-file", "", "read the API secret from a file that only you can read; - is standard input")
	_ = c.MarkFlagRequired("api-key") // the flag exists
	return c
}

// rotateKey seals the secret, proves the operation and runs it.
func (s *session) rotateKey(ctx context.Context, c *credential, r vault.RotateKey, secret []byte) (*pb.RotateKeyResponse, error) {
	box, proof, err := s.sealAndProve(ctx, c, secret, r.Purpose(), func(sealed vault.Sealed) vault.Operation {
		r.Secret = sealed
		return r.Operation()
	})
	if err != nil {
		return nil, err
	}
	return s.admin.RotateKey(ctx, &pb.RotateKeyRequest{Label: r.Label, ApiKey: r.APIKey, Secret: box, Proof: proof})
}

// reportVersion reports a change of one version of an API key.
func (a *app) reportVersion(label string, version uint32, revision uint64, text func()) error {
	return a.report(map[string]any{"ok": true, "label": label, "version": version, "revision": revision}, text)
}
