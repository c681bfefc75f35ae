package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
)

func (a *app) auditExport() *cobra.Command {
	var flags filterFlags
	var format string
	var requests bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Print records of the audit log for other programs",
		Long: "Print records of the audit log for other programs, as JSON Lines or as CSV.\n" +
			"--requests prints what bots asked for as policy test reads it, rebuilt from what the\n" +
			"log holds of it. An update is judged as in the vault only where the order that it\n" +
			"changes is among them.",
		Example: "  vaultctl audit export --since 2026-11-24 --until 2026-11-25 --format csv\n" +
			"  vaultctl audit export --bot mm-1 --since 24h --requests",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := flags.read(time.Now())
			if err != nil {
				return err
			}
			if format != "jsonl" && format != "csv" {
				return usagef("--format is jsonl or csv, not %q", format)
			}
			return a.withAudit(c.Context(), func(r *audit.Reader) error {
				return a.buffered(func(w io.Writer) error {
					switch {
					case requests:
						return a.exportRequests(c.Context(), r, w, filter)
					case format == "csv":
						return exportCSV(c.Context(), r, w, filter)
					}
					return each(c.Context(), r, filter, func(text []byte) error {
						_, err := w.Write(text)
						return err
					})
				})
			})
		},
	}
	flags.add(a, c)
	c.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	c.Flags().BoolVar(&requests, "requests", false, "as requests for policy test")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"jsonl", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	c.MarkFlagsMutuallyExclusive("format", "requests")
	return c
}

// each runs f for each wanted record, until a signal ends it.
func each(ctx context.Context, r *audit.Reader, filter audit.Filter, f func(text []byte) error) error {
	for text, err := range r.Records(filter) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return interrupted()
		}
		if err := f(text); err != nil {
			return err
		}
	}
	return nil
}

// eachEntry is each for records that are read.
func eachEntry(ctx context.Context, r *audit.Reader, filter audit.Filter, f func(*audit.Entry) error) error {
	return each(ctx, r, filter, func(text []byte) error {
		e, err := audit.ParseEntry(text)
		if err != nil {
			return fmt.Errorf("%w; see: vaultctl audit verify", err)
		}
		return f(&e)
	})
}

func csvHeader() []string {
	return []string{"seq", "time", "op", "phase", "of", "rev", "uid", "gid", "process", "bot", "key", "version", "nonce",
		"endpoint", "class", "symbol", "ops", "decision", "rule", "field", "target", "alert", "detail", "count", "digest", "hash"}
}

func csvRow(e *audit.Entry) []string {
	number := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	id := func(n *uint32) string {
		if n == nil {
			return ""
		}
		return strconv.FormatUint(uint64(*n), 10)
	}
	return []string{number(e.Seq), e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), e.Op, e.Phase, number(e.Of), number(e.Revision),
		id(e.UID), id(e.GID), e.Process, e.Bot, e.Key, number(uint64(e.Version)), number(e.Nonce),
		e.Endpoint, e.Class, e.Symbol, string(e.Ops), e.Decision, e.Rule, e.Field, e.Target, e.Alert, e.Detail, number(e.Count), e.Digest, e.Hash}
}

// exportCSV prints records as RFC 4180 has them, with one line of names.
func exportCSV(ctx context.Context, r *audit.Reader, w io.Writer, filter audit.Filter) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvHeader()); err != nil {
		return err
	}
	if err := eachEntry(ctx, r, filter, func(e *audit.Entry) error { return c.Write(csvRow(e)) }); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}
