package main

import (
	"context"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) key() *cobra.Command {
	return group("key", "API keys: add, list, show, rotate, verify, promote, retire, revoke, purge",
		a.keyAdd(), a.keyList(), a.keyShow(), a.keyRotate(), a.keyVerify(), a.keyPromote(), a.keyRetire(), a.keyRevoke(), a.keyPurge())
}

type keyAdd struct {
	from        passphraseFlags
	apiKey      string
	permissions []string
	secretFile  string
}

func (a *app) keyAdd() *cobra.Command {
	var k keyAdd
	c := &cobra.Command{
		Use:   "add LABEL --api-key ID --permissions read,trade",
		Short: "Store an API key; its secret is asked for, or read from a file",
		Long: "Store an API key under a label. Its secret is asked for on the terminal, or read\n" +
			"from a file; it is sealed before it leaves this program and cannot be read back.",
		Example: "  vaultctl key add main --api-key abc… --permissions read,trade",
		Args:    exactly(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.runKeyAdd(c.Context(), args[0], k) },
	}
	k.from.add(c)
	c.Flags().StringVar(&k.apiKey, "api-key", "", "Bitfinex's public id of the API key")
	c.Flags().StringSliceVar(&k.permissions, "permissions", nil, "what it may do at Bitfinex: read, trade, funding, withdraw, settings")
	c.Flags().StringVar(&k.secretFile, "secret-file", "", "read the API secret from a file that only you can read; - is standard input")
	_ = c.MarkFlagRequired("api-key") // the flag exists
	_ = c.MarkFlagRequired("permissions")
	return c
}

func (a *app) runKeyAdd(ctx context.Context, label string, k keyAdd) error {
	permissions, err := policy.ParseClasses(k.permissions)
	if err != nil {
		return usagef("%v", err)
	}
	return a.withSecret(ctx, k.secretFile, k.from, func(s *session, c *credential, secret []byte) error {
		added, err := s.addKey(ctx, c, vault.AddKey{Label: label, APIKey: k.apiKey, Permissions: permissions}, secret)
		if err != nil {
			return err
		}
		a.remember(ctx, s, added.GetRevision())
		return a.report(map[string]any{"ok": true, "label": label, "version": added.GetVersion(), "revision": added.GetRevision()}, func() {
			a.printf("stored API key %s\n", label)
			if permissions&policy.Withdraw != 0 {
				a.hintf("this API key can withdraw: a key without that permission is safer")
			}
			a.hintf("next: vaultctl key verify %s, vaultctl bot add NAME --uid N, then vaultctl grant NAME %s --allow read", label, label)
		})
	})
}

// withSecret runs what stores an API secret: it asks for the secret, then for the
// passphrase, and clears both.
func (a *app) withSecret(ctx context.Context, file string, from passphraseFlags, f func(*session, *credential, []byte) error) error {
	if file == "-" && from.file == "-" {
		return usagef("--secret-file and --passphrase-file cannot both be standard input")
	}
	var secret []byte
	defer func() { clear(secret) }()
	return a.showAndWiden(ctx, from, func(*session) (err error) {
		secret, err = a.apiSecret(ctx, file)
		return err
	}, func(s *session, c *credential) error { return f(s, c, secret) })
}

func (a *app) apiSecret(ctx context.Context, file string) ([]byte, error) {
	if file != "" {
		return a.secretFile(file)
	}
	return a.prompt(ctx, "API secret: ", "--secret-file")
}

// sealAndProve seals a secret, and proves the operation that it is part of.
func (s *session) sealAndProve(ctx context.Context, c *credential, secret []byte, purpose vault.Operation, of func(vault.Sealed) vault.Operation) (*pb.Sealed, *pb.Proof, error) {
	box, sealed, err := s.seal(ctx, purpose, secret)
	if err != nil {
		return nil, nil, err
	}
	proof, err := s.prove(ctx, c, of(sealed))
	return box, proof, err
}

// addKey seals the secret, proves the operation and runs it.
func (s *session) addKey(ctx context.Context, c *credential, r vault.AddKey, secret []byte) (*pb.AddKeyResponse, error) {
	box, proof, err := s.sealAndProve(ctx, c, secret, r.Purpose(), func(sealed vault.Sealed) vault.Operation {
		r.Secret = sealed
		return r.Operation()
	})
	if err != nil {
		return nil, err
	}
	return s.admin.AddKey(ctx, &pb.AddKeyRequest{
		Label: r.Label, ApiKey: r.APIKey, Permissions: r.Permissions.Words(), Secret: box, Proof: proof,
	})
}
