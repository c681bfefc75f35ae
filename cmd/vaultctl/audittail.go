package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
)

func (a *app) auditTail() *cobra.Command {
	var t auditTail
	c := &cobra.Command{
		Use:   "tail",
		Short: "Show the newest records of the audit log, and follow it",
		Long: "Show the newest records of the audit log, and with -f those that follow.\n" +
			"--exec runs a command of your shell for each, one after the other, with the record\n" +
			"as JSON on its standard input. One that fails is reported and the next record follows.",
		Example: "  vaultctl audit tail\n  vaultctl audit tail -n 100 --json\n" +
			"  vaultctl audit tail -f -n 0 --alerts --exec 'mail -s vault me'",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withAudit(c.Context(), func(r *audit.Reader) error { return a.runTail(c.Context(), r, t) })
		},
	}
	f := c.Flags()
	f.BoolVarP(&t.follow, "follow", "f", false, "go on with what is written, until Ctrl-C")
	f.Uint32VarP(&t.most, "lines", "n", 20, "how many of those that stand")
	f.BoolVar(&t.alerts, "alerts", false, "alerts only")
	f.StringVar(&t.exec, "exec", "", "run a command for each record")
	return c
}

type auditTail struct {
	follow, alerts bool
	most           uint32
	exec           string
}

func (a *app) runTail(ctx context.Context, r *audit.Reader, t auditTail) error {
	filter := audit.Filter{Alerts: t.alerts}
	found, end, err := newest(ctx, r, filter, int(t.most))
	if err != nil {
		return err
	}
	for _, text := range found {
		if err := a.tailed(ctx, text, t.exec); err != nil {
			return err
		}
	}
	if !t.follow {
		return nil
	}
	for text, err := range r.Follow(ctx, filter, end) {
		if err != nil {
			return err
		}
		if err := a.tailed(ctx, text, t.exec); err != nil {
			return err
		}
	}
	return nil // Ctrl-C is how it ends
}

// tailed prints a record and runs the command for it.
func (a *app) tailed(ctx context.Context, text []byte, command string) error {
	if err := a.printRecord(a.stdout, text); err != nil || command == "" {
		return err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.WaitDelay = time.Second // for what it has left behind
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), a.stdout, a.stderr
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		fmt.Fprintf(a.stderr, "vaultctl: error: --exec: %v\n", err)
	}
	return nil
}
