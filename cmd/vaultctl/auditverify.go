package main

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
)

func (a *app) auditVerify() *cobra.Command {
	var from passphraseFlags
	var plainOnly bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing of the audit log was changed or is missing",
		Long: "Prove that nothing of the audit log was changed or is missing, down to the newest\n" +
			"checkpoint that the vault knows. vaultd may run or not, locked or not. With\n" +
			"--no-passphrase only the plain chain is checked, which whoever can write the files\n" +
			"can make anew. What is wrong ends this with 6 and the number of the first bad record.",
		Example: "  vaultctl audit verify\n  vaultctl audit verify --no-passphrase --json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := a.runVerify(c.Context(), from, plainOnly)
			if err != nil {
				return err
			}
			return a.reportVerified(report, plainOnly)
		},
	}
	from.add(c)
	c.Flags().BoolVar(&plainOnly, "no-passphrase", false, "check the plain chain only")
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-file")
	c.MarkFlagsMutuallyExclusive("no-passphrase", "passphrase-command")
	return c
}

// runVerify learns how far the log is known before it reads it, since more may be
// written meanwhile.
func (a *app) runVerify(ctx context.Context, from passphraseFlags, plainOnly bool) (audit.Report, error) {
	l, err := a.auditLog(ctx, plainOnly)
	if err != nil {
		return audit.Report{}, err
	}
	r, err := audit.OpenReader(l.Dir) // before anything is typed in vain
	if err != nil {
		return audit.Report{}, unreadable(l.Dir, err)
	}
	defer r.Close()
	options := audit.VerifyOptions{Known: []audit.Position{
		l.Synced, a.seen(l.VaultID[:]).at, a.journal(ctx, l.VaultID[:]).at,
	}}
	if !plainOnly {
		keys, known, err := a.auditSecrets(ctx, l, from)
		if err != nil {
			return audit.Report{}, err
		}
		defer keys.Wipe()
		options.Keys, options.Known = keys, append(options.Known, known)
	}
	var report audit.Report
	err = interruptible(ctx, func() (err error) {
		report, err = audit.Verify(l.Dir, options)
		return err
	})
	if err != nil {
		return audit.Report{}, unreadable(l.Dir, err)
	}
	return report, nil
}

// verifiedView is a report as JSON.
type verifiedView struct {
	OK bool `json:"ok"`
	audit.Report
	// PlainOnly says that no passphrase was given: whoever can write the files could
	// have made all of it.
	PlainOnly bool `json:"plain_only,omitzero"`
}

func (a *app) reportVerified(r audit.Report, plainOnly bool) error {
	view := verifiedView{r.FirstBad == nil, r, plainOnly}
	if plainOnly {
		a.warnf("without the passphrase only the plain chain is checked")
	}
	if r.FirstBad != nil {
		bad := failed("TAMPERED", "the audit log is not what was written: record %d: %s", *r.FirstBad, r.Problem)
		more, err := fieldsOf(view)
		if err != nil {
			return err
		}
		bad.more = more
		return bad.withHint("keep a copy of the folder as it is; the records before it are good")
	}
	return a.report(view, func() { a.printVerified(r, plainOnly) })
}

// fieldsOf are the fields of a value as JSON has them.
func fieldsOf(value any) (fields map[string]any, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err // unreachable: a struct of texts and numbers
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return fields, decoder.Decode(&fields)
}

func (a *app) printVerified(r audit.Report, plainOnly bool) {
	if plainOnly {
		a.printf("%d records, %d to %d: their plain chain is whole\n", r.Records, r.First, r.Last)
	} else {
		a.printf("%d records, %d to %d, are as they were written\n", r.Records, r.First, r.Last)
		a.printf("proven:   %d\nunproven: %d (written before a passphrase was given)\n", r.Proven, r.Unproven)
	}
	for _, gap := range r.Accepted {
		a.printf("missing:  %d to %d (an operator went on without them)\n", gap.First, gap.Next-1)
	}
	if r.Torn {
		a.printf("the last record is not written to its end\n")
	}
}
