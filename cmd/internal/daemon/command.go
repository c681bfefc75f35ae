package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"google.golang.org/grpc/grpclog"

	"bfxvault/cmd/internal/harden"
	"bfxvault/cmd/internal/paths"
	"bfxvault/vault"
	"bfxvault/vault/release"
)

const usage = `usage: vaultd [--dir DIR] [--config FILE]

vaultd keeps the vault and signs for bots. It runs in the foreground.

  --dir DIR      one folder for everything (or BFXVAULT_DIR)
  --config FILE  settings, instead of config.toml beside the vault
  --version      print the version

Signals: SIGTERM ends, SIGUSR1 locks.
`

// Command runs vaultd with its arguments and returns its exit code: 0 ended as it
// was told, 1 failed, 2 usage.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "vaultd: error: %v\n", err)
		return code
	}
	defer func() {
		if fault := recover(); fault != nil {
			vault.WipeAll()
			panic(fault)
		}
	}()
	if err := harden.Process(); err != nil {
		return fail(1, err)
	}
	// What gRPC logs, where the environment asks for it, repeats what callers send (A49).
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	flags := flag.NewFlagSet("vaultd", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "")
	config := flags.String("config", "", "")
	version := flags.Bool("version", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return fail(2, err)
	case flags.NArg() > 0:
		return fail(2, fmt.Errorf("unexpected argument %q: see vaultd --help", flags.Arg(0)))
	case *version:
		fmt.Fprintln(stdout, "vaultd", release.Version)
		return 0
	}
	p, err := paths.ForDaemon(*dir)
	if err != nil {
		return fail(1, err)
	}
	d, err := New(p, *config, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return fail(1, err)
	}
	if err := d.Run(ctx); err != nil {
		return fail(1, err)
	}
	return 0
}
