package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
	"bfxvault/vault/policy"
)

func (a *app) audit() *cobra.Command {
	return group("audit", "The audit log: tail, query, verify, export, summary",
		a.auditTail(), a.auditQuery(), a.auditVerify(), a.auditExport(), a.auditSummary())
}

// withAudit opens the log for reading and says what was no record.
func (a *app) withAudit(ctx context.Context, f func(*audit.Reader) error) error {
	dir, err := a.auditFolder(ctx)
	if err != nil {
		return err
	}
	r, err := audit.OpenReader(dir)
	if err != nil {
		return unreadable(dir, err)
	}
	defer r.Close()
	if err := f(r); err != nil {
		return unreadable(dir, err)
	}
	if n := r.Garbled(); n > 0 {
		a.warnf("lines that are no records: %d", n)
		a.hintf("vaultctl audit verify")
	}
	return nil
}

// interruptible runs what reads much and knows no context. After a signal it is left
// behind: the process ends.
func interruptible(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return interrupted()
	}
}

// unreadable says why the folder of the log cannot be read, and who can.
func unreadable(dir string, err error) error {
	var unsafe *audit.UnsafeError
	switch {
	case errors.Is(err, fs.ErrPermission):
		f := failed("UNREADABLE", "%v", err)
		if owner := ownerName(dir); owner != "" {
			return f.withHint("only %s may read the log: sudo -u %s vaultctl audit …", owner, owner)
		}
		return f.withHint("only vaultd's user may read the log")
	case errors.Is(err, fs.ErrNotExist):
		return failed("UNREACHABLE", "there is no audit log in %s", dir).withHint(hintStart)
	case errors.As(err, &unsafe):
		return failed("TAMPERED", "%v", err).withHint("vaultctl audit verify")
	}
	return err
}

// ownerName is whose folder it is, or the one around it, as far as can be seen.
func ownerName(dir string) string {
	info, err := os.Lstat(dir)
	for err != nil && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return ""
	}
	uid := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "#" + uid
}

// filterFlags say which records are wanted.
type filterFlags struct {
	filter       audit.Filter
	since, until string
}

func (f *filterFlags) add(a *app, c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.filter.Bot, "bot", "", "of this bot")
	flags.StringVar(&f.filter.Key, "key", "", "of the API key with this label")
	flags.StringVar(&f.since, "since", "", "from this time on: 2026-11-25T10:00:00Z, 2026-11-25, or 1h for an hour ago")
	flags.StringVar(&f.until, "until", "", "before this time, in the same forms")
	flags.StringVar(&f.filter.Decision, "decision", "", "with this outcome: "+strings.Join(decisions(), ", "))
	flags.StringVar(&f.filter.Symbol, "symbol", "", "about this symbol, such as tBTCUSD")
	flags.StringVar(&f.filter.Op, "op", "", "of this operation, such as sign")
	offer := func(name string, f cobra.CompletionFunc) {
		_ = c.RegisterFlagCompletionFunc(name, f) // the flag exists
	}
	offer("bot", func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeBots(c, nil, typed)
	})
	offer("key", func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeLabels(c, nil, typed)
	})
	offer("decision", cobra.FixedCompletions(decisions(), cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"since", "until", "symbol", "op"} {
		offer(name, cobra.NoFileCompletions)
	}
}

func decisions() []string {
	return []string{audit.Allowed, audit.Denied, audit.Limited, audit.Refused, audit.Done, audit.Failed, audit.Unknown}
}

// read is the filter that the flags spell.
func (f *filterFlags) read(now time.Time) (audit.Filter, error) {
	for _, name := range []string{f.filter.Bot, f.filter.Key} {
		if name != "" && !policy.IsName(name) {
			return f.filter, usagef("%q is no name of a bot or API key", name)
		}
	}
	if d := f.filter.Decision; d != "" && !slices.Contains(decisions(), d) {
		return f.filter, usagef("--decision is one of %s, not %q", strings.Join(decisions(), ", "), d)
	}
	var err error
	if f.filter.Since, err = timeFlag("since", f.since, now); err != nil {
		return f.filter, err
	}
	f.filter.Until, err = timeFlag("until", f.until, now)
	return f.filter, err
}

// timeFlag reads a time, the beginning of a day, or how long ago.
func timeFlag(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usagef("--%s is a time such as 2026-11-25T10:00:00Z, a day such as 2026-11-25, or 1h for an hour ago, not %q", name, text)
}
