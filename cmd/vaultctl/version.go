package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"bfxvault/vault/release"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  vaultctl version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return a.report(map[string]string{"version": release.Version, "go": runtime.Version()}, func() {
				a.printf("vaultctl %s (%s)\n", release.Version, runtime.Version())
			})
		},
	}
}
