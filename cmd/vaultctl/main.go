// Command vaultctl steers a vault: the operator's side of vaultd.
//
// One file per subcommand. What they share: app.go (the command tree and how a
// command ends), session.go (one conversation with admin.sock), secrets.go (where
// passphrases and API secrets come from), report.go (what is printed).
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
