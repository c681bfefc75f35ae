package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/login"
	"bfxvault/cmd/internal/paths"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault/operator"
)

func (a *app) login() *cobra.Command {
	return group("login", "Unlock at login: enable, disable, status", a.loginEnable(), a.loginDisable(), a.loginStatus())
}

// addWith adds the flag that names a way to unlock at login.
func addWith(c *cobra.Command, with *string, usage string) {
	c.Flags().StringVar(with, "with", "", usage+": "+strings.Join(login.Ways(), ", "))
	_ = c.RegisterFlagCompletionFunc("with", cobra.FixedCompletions(login.Ways(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// loginSetup is whose login would unlock which vault.
func (a *app) loginSetup(ctx context.Context, s *session, pamFile string) (setup login.Setup, err error) {
	list, err := s.admin.ListSlots(ctx, &pb.ListSlotsRequest{})
	if err != nil {
		return setup, err
	}
	if len(list.GetVaultId()) != 16 {
		return setup, failed("NOT_INITIALISED", "there is no vault yet").withHint("vaultctl init")
	}
	p, err := a.paths()
	if err != nil {
		return setup, err
	}
	owner, err := ownerOf(p.Runtime)
	return login.Setup{VaultID: [16]byte(list.GetVaultId()), Dir: paths.Named(a.dir), Owner: owner, PAMFile: pamFile}, err
}

// way is a way to unlock this vault at login.
func (a *app) way(ctx context.Context, s *session, with, pamFile string) (*login.Way, error) {
	setup, err := a.loginSetup(ctx, s, pamFile)
	if err != nil {
		return nil, err
	}
	w, err := login.New(with, setup)
	return w, loginFailure(err)
}

// checkWith refuses a way that there is not.
func checkWith(with string) error {
	for _, w := range login.Ways() {
		if with == w {
			return nil
		}
	}
	return usagef("--with is one of %s", strings.Join(login.Ways(), ", "))
}

// loginFailure gives an error of package login its reason.
func loginFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, login.ErrThere):
		return failed("ALREADY_EXISTS", "%v", err).withHint("vaultctl login status")
	case errors.Is(err, login.ErrAbsent):
		return failed("NOT_HERE", "%v", err).withHint("what can be set up here: vaultctl login status")
	case errors.Is(err, login.ErrUnsafe):
		return failed("UNSAFE_FILE", "%v", err)
	case errors.Is(err, operator.ErrWrongPassphrase):
		return failed("WRONG_PASSPHRASE", "this is not the login password that the keyfile was stored under").
			withHint("after a change of it: vaultctl login disable and enable --with pam")
	}
	return err
}

// loginFile is a file as it is shown.
type loginFile struct {
	login.File
	Mode string `json:"mode,omitempty"`
}

func loginFiles(ctx context.Context, w *login.Way) []loginFile {
	shown := []loginFile{}
	for _, f := range w.Files(ctx) {
		shown = append(shown, loginFile{f, modeText(f.Mode)})
	}
	return shown
}

func modeText(mode os.FileMode) string {
	switch {
	case mode&os.ModeSymlink != 0:
		return "link"
	case mode == 0:
		return ""
	}
	return fmt.Sprintf("%04o", mode.Perm())
}

func (a *app) printLoginFiles(files []loginFile) {
	rows := make([][]string, 0, len(files))
	for _, f := range files {
		name := f.Name
		if f.Detail != "" {
			name += " (" + f.Detail + ")"
		}
		rows = append(rows, []string{"  " + f.Mode, string(f.State), name})
	}
	a.table("  MODE\tSTATE\tFILE", rows)
}
