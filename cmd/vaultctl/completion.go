package main

import (
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
)

func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print the completion script of a shell",
		Example:   "  source <(vaultctl completion bash)",
		Args:      exactly(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(a.stdout)
			case "fish":
				return c.Root().GenFishCompletion(a.stdout, true)
			}
			return usagef("completion is for bash, zsh and fish, not for %q", args[0])
		},
	}
}

// completeLabels offers the labels of the running vault, with what their API keys
// may do. Where vaultd does not answer there is nothing to offer.
func (a *app) completeLabels(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	if len(args) == 0 {
		_ = a.with(func(s *session) error {
			list, err := s.admin.ListKeys(c.Context(), &pb.ListKeysRequest{})
			for _, k := range list.GetKeys() {
				offers = append(offers, k.GetLabel()+"\t"+strings.Join(k.GetPermissions(), ","))
			}
			return err
		})
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeBots offers the bots of the running vault.
func (a *app) completeBots(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	if len(args) == 0 {
		_ = a.with(func(s *session) error {
			list, err := s.admin.ListBots(c.Context(), &pb.ListBotsRequest{})
			for _, b := range list.GetBots() {
				v, _ := viewOfBot(b)
				offers = append(offers, v.Name+"\t"+v.matches())
			}
			return err
		})
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeBotThenLabel offers a bot first and a label second.
func (a *app) completeBotThenLabel(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return a.completeLabels(c, nil, typed)
	}
	return a.completeBots(c, args, typed)
}
