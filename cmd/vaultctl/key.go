package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) key() *cobra.Command {
	return group("key", "API keys: add, list, show", a.keyAdd(), a.keyList(), a.keyShow())
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
	if k.secretFile == "-" && k.from.file == "-" {
		return usagef("--secret-file and --passphrase-file cannot both be standard input")
	}
	return a.with(func(s *session) error {
		if err := s.unlocked(ctx); err != nil {
			return err
		}
		secret, err := a.apiSecret(ctx, k.secretFile)
		if err != nil {
			return err
		}
		defer clear(secret)
		c, err := a.credential(ctx, s, k.from)
		if err != nil {
			return err
		}
		defer c.kek.Wipe()
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
			a.hintf("next: vaultctl bot add NAME --uid N, then vaultctl grant NAME %s --allow read", label)
		})
	})
}

func (a *app) apiSecret(ctx context.Context, file string) ([]byte, error) {
	if file != "" {
		return a.secretFile(file)
	}
	return a.prompt(ctx, "API secret: ", "--secret-file")
}

// addKey seals the secret, proves the operation and runs it.
func (s *session) addKey(ctx context.Context, c *credential, r vault.AddKey, secret []byte) (*pb.AddKeyResponse, error) {
	box, sealed, err := s.seal(ctx, r.Purpose(), secret)
	if err != nil {
		return nil, err
	}
	r.Secret = sealed
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.AddKey(ctx, &pb.AddKeyRequest{
		Label: r.Label, ApiKey: r.APIKey, Permissions: r.Permissions.Words(), Secret: box, Proof: proof,
	})
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the API keys", Example: "  vaultctl key list", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListKeys(c.Context(), &pb.ListKeysRequest{})
				if err != nil {
					return err
				}
				views := make([]keyView, 0, len(list.GetKeys()))
				rows := make([][]string, 0, len(list.GetKeys()))
				for _, k := range list.GetKeys() {
					v := viewOfKey(k)
					views = append(views, v)
					rows = append(rows, []string{v.Label, v.Versions[0].APIKey, strings.Join(v.Permissions, ","), strings.Join(v.Bots, ",")})
				}
				return a.report(map[string]any{"keys": views}, func() { a.table("LABEL\tAPI KEY\tPERMISSIONS\tBOTS", rows) })
			})
		},
	}
}

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LABEL", Short: "Show one API key, never its secret", Example: "  vaultctl key show main",
		Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				shown, err := s.admin.ShowKey(c.Context(), &pb.ShowKeyRequest{Label: args[0]})
				if err != nil {
					return err
				}
				v := viewOfKey(shown.GetKey())
				return a.report(v, func() { a.printKey(v) })
			})
		},
	}
}

type keyView struct {
	Label       string        `json:"label"`
	Permissions []string      `json:"permissions"`
	Bots        []string      `json:"bots"`
	Versions    []versionView `json:"versions"`
}

type versionView struct {
	Version uint32 `json:"version"`
	APIKey  string `json:"api_key"`
	State   string `json:"state"`
	Created int64  `json:"created"`
	Held    string `json:"held,omitempty"`
}

func viewOfKey(k *pb.ApiKey) keyView {
	v := keyView{Label: k.GetLabel(), Permissions: append([]string{}, k.GetPermissions()...), Bots: append([]string{}, k.GetBots()...)}
	for _, rec := range k.GetVersions() {
		v.Versions = append(v.Versions, versionView{rec.GetVersion(), rec.GetApiKey(), rec.GetState(), rec.GetCreated(), rec.GetHeld()})
	}
	return v
}

func (a *app) printKey(v keyView) {
	a.printf("label:       %s\npermissions: %s\nbots:        %s\n", v.Label, strings.Join(v.Permissions, ","), strings.Join(v.Bots, ","))
	for _, version := range v.Versions {
		a.printf("version %d:   %s, %s, added %s UTC\n", version.Version, version.APIKey, version.State, date(version.Created))
		if version.Held != "" {
			a.printf("             does not sign: %s\n", version.Held)
		}
	}
}
