package main

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/cmd/internal/paths"
	"bfxvault/vault"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Grade the set-up secure, weak or insecure, line by line, with the mend",
		Long: "Grade how the vault is set up: users, files, memory, machine, key slots, API keys, bots\n" +
			"and their grants. Each line says what was found, and what to do about it. It changes\n" +
			"nothing and needs no passphrase; unlocked, it sees more. What it could not look at is\n" +
			"said, and counts as weak. Anything insecure ends it with 1.",
		Example: "  vaultctl doctor", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			findings, err := a.examine(c.Context())
			if err != nil {
				return err
			}
			return a.reportFindings(findings)
		},
	}
}

// examine looks at all there is.
func (a *app) examine(ctx context.Context) ([]doctor.Finding, error) {
	p, err := a.paths()
	if err != nil {
		return nil, err
	}
	me := uint32(os.Geteuid())
	owners := []uint32{0, me}
	if owner, err := ownerOf(p.Runtime); err == nil {
		owners[1] = owner
	}
	var findings []doctor.Finding
	state, err := a.statusWithin(ctx, 0)
	if err != nil {
		findings = append(findings, doctor.Finding{
			Check: "vaultd", Grade: doctor.Unseen, Says: "how vaultd is set up, key slots, API keys and bots: " + toFailure(err).message, Mend: toFailure(err).hint,
		})
	} else {
		owners[1] = state.GetSetup().GetUid()
		o := a.overview(ctx, state)
		findings = slices.Concat(o.setupFindings(me), o.slotFindings(), o.keyFindings())
		bots, err := o.botFindings(me)
		if err != nil {
			return nil, err
		}
		findings = slices.Concat(findings, bots, a.openedBy(ctx, o), doctor.Sleep("/", userName(state.GetSetup().GetUid())), o.unseenFindings())
	}
	findings = slices.Concat(findings, doctor.Files(owners, filesOf(p)...), doctor.Above(append(owners, me), p.State), doctor.Machine("/"))
	slices.SortStableFunc(findings, func(x, y doctor.Finding) int { return doctor.Worse(x.Grade, y.Grade) })
	return findings, nil
}

// filesOf are a vault's files, with the most that others may do with them.
func filesOf(p paths.Paths) []doctor.File {
	state := uint32(0o700)
	if filepath.Dir(p.Runtime) == p.State {
		state = 0o711 // a group passes through to the sockets
	}
	return []doctor.File{
		{Path: p.State, Mode: state}, {Path: p.VaultFile(), Mode: 0o600}, {Path: p.Audit(), Mode: 0o700},
		{Path: p.Config(), Mode: 0o744}, // no secret
		{Path: p.Runtime, Mode: 0o711}, {Path: p.SignSocket(), Mode: 0o660}, {Path: p.AdminSocket(), Mode: 0o660},
	}
}

// userName is a user's name, and the number of one that has none.
func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// unseenFindings are what vaultd did not tell.
func (o *overview) unseenFindings() (findings []doctor.Finding) {
	for _, what := range o.untold {
		findings = append(findings, doctor.Finding{Check: "vaultd", Grade: doctor.Unseen, Says: what})
	}
	switch vault.State(o.status.GetState()) {
	case vault.Unlocked:
	case vault.Uninitialised:
		return append(findings, doctor.Finding{Check: "vault", Grade: doctor.Unseen, Says: "there is no vault yet", Mend: "vaultctl init"})
	default:
		return append(findings, doctor.Finding{Check: "vault", Grade: doctor.Unseen, Says: "API keys, bots and grants: the vault is locked", Mend: "vaultctl unlock, and once more"})
	}
	return findings
}

// reportFindings prints the findings, and fails where one is insecure.
func (a *app) reportFindings(findings []doctor.Finding) error {
	overall := doctor.Overall(findings)
	value := map[string]any{"grade": overall, "findings": findings}
	if overall != doctor.Insecure || !a.json {
		err := a.report(value, func() { a.printFindings(overall, findings) })
		if err != nil || overall != doctor.Insecure {
			return err
		}
	}
	f := failed("INSECURE", "the set-up is insecure").withHint("see the lines above: each says what to do")
	f.more = value
	return f
}

func (a *app) printFindings(overall doctor.Grade, findings []doctor.Finding) {
	a.printf("the set-up is %s\n\n", overall)
	for _, f := range findings {
		lines := fold(f.Says, screenWidth-gradeWidth)
		if f.Mend != "" {
			lines = append(lines, fold("-> "+f.Mend, screenWidth-gradeWidth)...)
		}
		grade := string(f.Grade)
		for _, line := range lines {
			a.printf("%-*s%s\n", gradeWidth, grade, line)
			grade = ""
		}
	}
}

// gradeWidth is the column of grades.
const gradeWidth = 10
