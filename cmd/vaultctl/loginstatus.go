package main

import (
	"context"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/login"
)

func (a *app) loginStatus() *cobra.Command {
	var with string
	c := &cobra.Command{
		Use:     "status [--with credential|keyring|pam]",
		Short:   "Show how the vault is unlocked at login, and every file of that",
		Example: "  vaultctl login status",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			ways := login.Ways()
			if with != "" {
				if err := checkWith(with); err != nil {
					return err
				}
				ways = []string{with}
			}
			return a.with(func(s *session) error { return a.runLoginStatus(c.Context(), s, ways) })
		},
	}
	addWith(c, &with, "one way alone")
	return c
}

// loginView is a way as it is shown.
type loginView struct {
	With    string `json:"with"`
	Enabled bool   `json:"enabled"`
	Slot    uint32 `json:"slot,omitempty"`
	// Works says that the next login unlocks with it; of a way that is not set up, that it
	// could be, here.
	Works bool        `json:"works"`
	Why   string      `json:"why,omitempty"`
	Files []loginFile `json:"files"`
}

func (a *app) runLoginStatus(ctx context.Context, s *session, ways []string) error {
	setup, err := a.loginSetup(ctx, s, "")
	if err != nil {
		return err
	}
	views := make([]loginView, 0, len(ways))
	for _, with := range ways {
		v, err := viewOfLogin(ctx, s, with, setup)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return a.report(map[string]any{"ways": views}, func() {
		for _, v := range views {
			a.printLogin(v)
		}
	})
}

func viewOfLogin(ctx context.Context, s *session, with string, setup login.Setup) (loginView, error) {
	v := loginView{With: with, Files: []loginFile{}}
	w, err := login.New(with, setup)
	if err != nil {
		v.Why = err.Error()
		return v, nil
	}
	v.Slot, v.Enabled = w.Slot()
	if v.Enabled {
		v.Files = loginFiles(ctx, w)
	}
	if err := w.Works(ctx); err != nil {
		v.Why = err.Error()
		return v, nil
	}
	for _, f := range v.Files {
		if f.State != login.There {
			v.Why = f.Name + " is " + string(f.State)
			return v, nil
		}
	}
	there, err := s.hasSlot(ctx, v.Slot)
	if v.Enabled && !there {
		v.Why = "the vault has no such key slot any more"
	}
	v.Works = v.Why == ""
	return v, err
}

func (a *app) printLogin(v loginView) {
	switch {
	case v.Enabled && v.Works:
		a.printf("%s: unlocks at the next login or boot, by key slot %d\n", v.With, v.Slot)
	case v.Enabled:
		a.printf("%s: set up, by key slot %d, but the next login will not unlock: %s\n", v.With, v.Slot, v.Why)
	case v.Works:
		a.printf("%s: not set up\n", v.With)
	default:
		a.printf("%s: not set up, and cannot be here: %s\n", v.With, v.Why)
	}
	if v.Enabled {
		a.printLoginFiles(v.Files)
	}
	if v.Enabled && v.With == login.PAM {
		a.hintf("after a change of the login password: vaultctl login disable and enable --with pam")
	}
}
