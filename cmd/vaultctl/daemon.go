package main

import (
	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/daemon"
)

// daemon is vaultd under another name: demo and bench re-execute this program
// with it, so that their vault is a process of its own.
func (a *app) daemon() *cobra.Command {
	return &cobra.Command{
		Use: "daemon", Hidden: true, DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if code := daemon.Command(c.Context(), args, a.stdout, a.stderr); code != 0 {
				return &failure{code: code, reason: "DAEMON", message: "the daemon of the temporary vault failed"}
			}
			return nil
		},
	}
}
