package main

import (
	"context"
	"errors"
	"io"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/harden"
	"bfxvault/cmd/internal/paths"
)

// app is one run of vaultctl.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	dir            string
	json           bool
}

// run is vaultctl as a value: arguments and streams in, exit code out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	if err := harden.Process(); err != nil {
		return a.end(err)
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	return a.end(a.explainUsage(c, args, err))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "vaultctl",
		Short:         "Keep Bitfinex API secrets away from trading bots",
		Long:          "vaultctl steers vaultd, which keeps Bitfinex API secrets and signs for bots.\nNew here? vaultctl demo",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&a.dir, "dir", "", "folder of the vault (or BFXVAULT_DIR)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		a.demo(), a.initialise(), a.unlock(), a.lock(), a.panicking(), a.login(), a.status(), a.doctor(), a.exec(),
		a.key(), a.bot(), a.grant(), a.revoke(), a.policy(), a.sign(), a.nonce(), a.audit(),
		a.slot(), a.passphraseGroup(), a.datakey(),
		a.backup(),
		a.sim(), a.bench(), a.version(), a.completion(), a.daemon(),
	)
	addHelp(root)
	markFailures(root)
	return root
}

// group makes a command that only has subcommands; without one it is a usage
// error that lists them.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	names := make([]string, 0, len(commands))
	for _, c := range commands {
		names = append(names, c.Name())
	}
	g := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], c.CommandPath())
			}
			return usagef("%q needs one of: %s", c.CommandPath(), strings.Join(names, ", "))
		},
	}
	g.AddCommand(commands...)
	return g
}

// exactly checks the number of arguments.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, values []string) error {
		switch {
		case len(values) >= least && len(values) <= most:
			return nil
		case least == most:
			return usagef("%d arguments, not %d: %s", len(values), least, c.UseLine())
		}
		return usagef("%d arguments, not %d to %d: %s", len(values), least, most, c.UseLine())
	}
}

// markFailures makes every error of a command's own a *failure, so that any other
// error is cobra's: the command line could not be read.
func markFailures(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := run(c, args); err != nil {
				return toFailure(err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markFailures(sub)
	}
}

// explainUsage makes cobra's errors usage errors, and says whose help to read.
func (a *app) explainUsage(c *cobra.Command, args []string, err error) error {
	if err == nil {
		return nil
	}
	var f *failure
	if !errors.As(err, &f) {
		f = usagef("%v", err)
	}
	if f.reason == reasonUsage {
		f.hint = c.CommandPath() + " --help"
		a.json = a.json || slices.Contains(args, "--json") // reading may have stopped before it
	}
	return f
}

func (a *app) paths() (paths.Paths, error) { return paths.ForClient(a.dir) }

// end prints what went wrong, if anything, and gives the exit code.
func (a *app) end(err error) int {
	if err == nil {
		return 0
	}
	f := toFailure(err)
	a.reportFailure(f)
	return f.code
}
