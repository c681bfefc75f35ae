package main

import (
	"context"
	"errors"
	"io"
	"os/signal"

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
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.end(root.ExecuteContext(ctx))
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
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		a.demo(), a.initialise(), a.unlock(), a.lock(), a.status(),
		a.key(), a.bot(), a.grant(), a.revoke(), a.sign(), a.nonce(),
		a.bench(), a.version(), a.completion(), a.daemon(),
	)
	return root
}

// group makes a command that only has subcommands; without one it is a usage
// error that lists them.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], c.CommandPath())
			}
			return usagef("%q needs a subcommand", c.CommandPath())
		},
	}
	g.AddCommand(commands...)
	return g
}

// args wraps cobra's check of the number of arguments as a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, values []string) error {
		if err := check(c, values); err != nil {
			return usageError(err)
		}
		return nil
	}
}

func (a *app) paths() (paths.Paths, error) { return paths.ForClient(a.dir) }

// end prints what went wrong, if anything, and gives the exit code.
func (a *app) end(err error) int {
	if err == nil {
		return 0
	}
	var f *failure
	if !errors.As(err, &f) {
		f = toFailure(err)
	}
	a.reportFailure(f)
	return f.code
}
