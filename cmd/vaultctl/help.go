package main

import (
	"github.com/spf13/cobra"
)

// addHelp adds cobra's help command, with an error where cobra's own prints the
// help of something else.
func addHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run = nil
		c.Example = "  vaultctl help key add"
		c.RunE = func(_ *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no help for %q", args)
			}
			topic.InitDefaultHelpFlag() // as --help shows it
			return topic.Help()
		}
	}
}
