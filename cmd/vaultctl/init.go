package main

import (
	"context"
	"encoding/hex"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) initialise() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a vault and unlock it",
		Long: "Make a vault in the folder of the running vaultd, and unlock it.\n\n" +
			"Until a recovery code is added the passphrase is the only way in: nobody can recover\n" +
			"a vault without one of them.",
		Example: "  vaultctl init",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error { return a.runInit(c.Context(), s, from) })
		},
	}
	from.addSource(c)
	return c
}

func (a *app) runInit(ctx context.Context, s *session, from passphraseFlags) error {
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return err
	}
	if vault.State(state.GetState()) != vault.Uninitialised {
		return failed("ALREADY_INITIALISED", "there is a vault in this folder already").withHint("vaultctl unlock")
	}
	passphrase, err := a.firstPassphrase(ctx, from)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	made, err := s.init(ctx, passphrase, operator.Calibrate())
	if err != nil {
		return err
	}
	a.remember(ctx, s, made.GetRevision())
	id := hex.EncodeToString(made.GetVaultId())
	return a.report(map[string]any{"state": vault.Unlocked, "vault_id": id, "revision": made.GetRevision()}, func() {
		a.printf("made vault %s; it is unlocked\n", id)
		a.hintf("next: vaultctl slot add recovery, for the day on which the passphrase is lost")
		a.hintf("then: vaultctl key add LABEL --api-key ID --permissions read,trade")
	})
}

// firstPassphrase is the passphrase of a new vault.
func (a *app) firstPassphrase(ctx context.Context, from passphraseFlags) ([]byte, error) {
	if from.command != "" {
		return a.checkNew(commandOutput(ctx, from.command))
	}
	return a.newPassphrase(ctx, "Passphrase: ", from.file, "--passphrase-file or --passphrase-command")
}

// init makes the vault with one passphrase slot.
func (s *session) init(ctx context.Context, passphrase []byte, params vault.Argon2Params) (*pb.InitResponse, error) {
	request := vault.Init{Params: params, Salt: operator.NewSalt()}
	kek, err := operator.DeriveKEK(passphrase, params, request.Salt)
	if err != nil {
		return nil, err
	}
	defer kek.Wipe()
	box, _, err := s.seal(ctx, request.Purpose(), kek[:])
	if err != nil {
		return nil, err
	}
	return s.admin.Init(ctx, &pb.InitRequest{
		Params: &pb.Argon2Params{Time: params.Time, MemoryKib: params.MemoryKiB, Threads: uint32(params.Threads)},
		Salt:   request.Salt[:],
		Kek:    box,
	})
}
