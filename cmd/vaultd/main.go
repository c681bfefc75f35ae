// Command vaultd keeps API secrets and signs for bots; see package daemon.
package main

import (
	"context"
	"os"

	"bfxvault/cmd/internal/daemon"
)

func main() { os.Exit(run(context.Background(), os.Args[1:])) }

func run(ctx context.Context, args []string) int {
	return daemon.Command(ctx, args, os.Stdout, os.Stderr)
}
