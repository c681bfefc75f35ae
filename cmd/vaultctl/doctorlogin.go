package main

import (
	"context"
	"errors"
	"fmt"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/cmd/internal/login"
)

// opening is a way to unlock at login, as far as this user sees it.
type opening struct {
	with string
	slot uint32 // zero where it is not set up
	tpm  bool   // of a credential: it opens on this machine alone
	err  error  // why it cannot be told
}

// openings looks at all ways. What only root sees is not among them.
func (a *app) openings(ctx context.Context) (list []opening, err error) {
	return list, a.with(func(s *session) error {
		setup, err := a.loginSetup(ctx, s, "")
		if err != nil {
			return err
		}
		for _, with := range login.Ways() {
			o := opening{with: with}
			var w *login.Way
			if w, o.err = login.New(with, setup); o.err == nil {
				o.slot, _ = w.Slot()
				o.tpm = w.NeedsTPM()
			}
			list = append(list, o)
		}
		return nil
	})
}

// openedBy grades what opens the vault at login, where there is a vault.
func (a *app) openedBy(ctx context.Context, o *overview) []doctor.Finding {
	if len(o.slots) == 0 {
		return nil
	}
	ways, err := a.openings(ctx)
	return o.loginFindings(ways, err)
}

// loginFindings grade what opens the vault without a human.
func (o *overview) loginFindings(ways []opening, err error) (findings []doctor.Finding) {
	if err != nil {
		return []doctor.Finding{{Check: "login", Grade: doctor.Unseen, Says: "how the vault is unlocked at login: " + toFailure(err).message, Mend: "vaultctl login status"}}
	}
	told := make(map[uint32]bool)
	for _, w := range ways {
		if f := w.finding(); f.Says != "" {
			findings = append(findings, f)
			told[w.slot] = w.slot != 0
		}
	}
	for _, s := range o.slots {
		if s.GetKind() == "keyfile" && !told[s.GetId()] {
			findings = append(findings, doctor.Finding{
				Check: "login", Grade: doctor.Unseen, Says: fmt.Sprintf("where the keyfile of key slot %d is kept: who has it opens the vault", s.GetId()),
				Mend: fmt.Sprintf("vaultctl doctor as whoever enabled it (root, for a service's), or vaultctl slot remove %d", s.GetId()),
			})
		}
	}
	if len(findings) == 0 {
		findings = append(findings, doctor.Finding{Check: "login", Grade: doctor.Secure, Says: "it takes a human to open the vault"})
	}
	return findings
}

// finding grades a way by what docs/operations.md says that it protects from; none where it
// is not set up.
func (w opening) finding() doctor.Finding {
	f := doctor.Finding{Check: "login", Grade: doctor.Weak}
	switch {
	case errors.Is(w.err, login.ErrUnsafe):
		f.Grade, f.Says, f.Mend = doctor.Insecure, w.with+": "+w.err.Error(), "vaultctl login status"
	case errors.Is(w.err, login.ErrAbsent): // there is no such login here
	case w.err != nil:
		f.Grade, f.Says, f.Mend = doctor.Unseen, "whether the vault is unlocked with "+w.with+": "+w.err.Error(), "vaultctl login status"
	case w.slot == 0:
	case w.with == login.Credential && w.tpm:
		f.Grade, f.Says = doctor.Secure, "this machine opens the vault by itself, and a copy of its disk does not"
	case w.with == login.Credential:
		f.Says, f.Mend = "this machine opens the vault by itself, and so does a copy of its disk: no TPM seals the keyfile", "a TPM, then vaultctl login disable and enable --with credential"
	case w.with == login.Keyring:
		f.Says, f.Mend = "the desktop's keyring gives the keyfile to every program of yours", "vaultctl login disable --with keyring, and another way"
	case w.with == login.PAM:
		f.Grade, f.Says = doctor.Secure, "your login opens the vault, and your login password guards it"
	}
	return f
}
