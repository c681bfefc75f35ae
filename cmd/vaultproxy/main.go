// Command vaultproxy lets stock clients of Bitfinex use a vault; see package proxyd.
package main

import (
	"context"
	"os"

	"bfxvault/cmd/internal/proxyd"
)

func main() { os.Exit(run(context.Background(), os.Args[1:])) }

func run(ctx context.Context, args []string) int {
	return proxyd.Command(ctx, args, os.Stdout, os.Stderr)
}
