package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
)

func (a *app) auditQuery() *cobra.Command {
	var flags filterFlags
	var limit uint32
	c := &cobra.Command{
		Use:   "query",
		Short: "Find records of the audit log",
		Long: "Find records of the audit log, the oldest first. With --json each is a line, as it\n" +
			"stands in the log. A day begins at 00:00 UTC.",
		Example: "  vaultctl audit query --bot mm-1 --since 1h\n" +
			"  vaultctl audit query --since 2026-11-24 --until 2026-11-25 --decision denied --json\n" +
			"  vaultctl audit query --symbol tBTCUSD --limit 100",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := flags.read(time.Now())
			if err != nil {
				return err
			}
			if c.Flags().Changed("limit") && limit == 0 {
				return usagef("--limit is at least 1")
			}
			return a.withAudit(c.Context(), func(r *audit.Reader) error {
				return a.buffered(func(w io.Writer) error { return a.printFound(c.Context(), r, w, filter, int(limit)) })
			})
		},
	}
	flags.add(a, c)
	c.Flags().Uint32Var(&limit, "limit", 0, "only the newest so many")
	return c
}

// printFound prints what is wanted: all, or the newest.
func (a *app) printFound(ctx context.Context, r *audit.Reader, w io.Writer, filter audit.Filter, limit int) error {
	if limit == 0 {
		return each(ctx, r, filter, func(text []byte) error { return a.printRecord(w, text) })
	}
	found, _, err := newest(ctx, r, filter, limit)
	for _, text := range found {
		if err := a.printRecord(w, text); err != nil {
			return err
		}
	}
	return err
}

// newest finds the newest records, which may be far back.
func newest(ctx context.Context, r *audit.Reader, filter audit.Filter, most int) (found [][]byte, end audit.Place, err error) {
	err = interruptible(ctx, func() error {
		var err error
		found, end, err = r.Newest(filter, most)
		return err
	})
	if err != nil {
		return nil, audit.Place{}, err
	}
	return found, end, nil
}
