package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/api"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) bot() *cobra.Command {
	return group("bot", "Bots: add, list, show, enable, remove; issue, stand-ins, recall, config",
		a.botAdd(), a.botList(), a.botShow(), a.botEnable(), a.botRemove(), a.botIssue(), a.botStandIns(), a.botRecall(), a.botConfig())
}

func (a *app) botAdd() *cobra.Command {
	var from passphraseFlags
	var selectors matchFlags
	var role string
	var sameUID bool
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Register a program by what the kernel says of it",
		Long: "Register a program. Whoever connects is this bot if all the selectors given here\n" +
			"are what the kernel reports; give each bot a user of its own. A bot without selectors\n" +
			"is known by its stand-in credentials only: vaultctl bot issue.\n\n" +
			"--role proxy is for vaultproxy under a user of its own: it is believed about which\n" +
			"user a request with a stand-in credential comes from, and which ids Bitfinex has given\n" +
			"to orders. --insecure-same-uid is for trying it out under a user that bots have too:\n" +
			"each of those could say so in its place.",
		Example: "  vaultctl bot add mm-1 --uid 1001\n" +
			"  vaultctl bot add mm-1 --uid 1001 --unit /system.slice/mm-1.service\n" +
			"  vaultctl bot add vaultproxy --uid 900 --role proxy",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if sameUID {
				if role != policy.RoleProxy {
					return usagef("--insecure-same-uid goes with --role proxy")
				}
				role = policy.RoleProxySameUID
			}
			request := vault.AddBot{Name: args[0], Role: role}
			if selectors.given(c) || role != "" {
				match, err := selectors.match(c)
				if err != nil {
					return err
				}
				request.Match = []policy.Match{match}
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				added, err := s.addBot(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, added.GetRevision())
				return a.done(added.GetRevision(), "registered bot %s", request.Name)
			})
		},
	}
	from.add(c)
	selectors.add(c)
	c.Flags().StringVar(&role, "role", "", "proxy, of vaultproxy itself")
	c.Flags().BoolVar(&sameUID, "insecure-same-uid", false, "bots may be of its user too")
	return c
}

// matchFlags are the selectors of a match.
type matchFlags struct {
	uid, gid          uint32
	unit, exe, sha256 string
}

func (m *matchFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.Uint32Var(&m.uid, "uid", 0, "its user id")
	f.Uint32Var(&m.gid, "gid", 0, "its group id")
	f.StringVar(&m.unit, "unit", "", "the full cgroup path of its systemd unit, such as /system.slice/mm-1.service")
	f.StringVar(&m.exe, "exe", "", "the path of its executable, where vaultd may read it")
	f.StringVar(&m.sha256, "sha256", "", "the SHA-256 of its executable, as sha256sum prints it")
}

// given says whether any selector is.
func (m *matchFlags) given(c *cobra.Command) bool {
	for _, name := range []string{"uid", "gid", "unit", "exe", "sha256"} {
		if c.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// match is the match that the flags spell, checked as far as that goes without the
// vault.
func (m *matchFlags) match(c *cobra.Command) (policy.Match, error) {
	match := policy.Match{Unit: m.unit, Exe: m.exe}
	if c.Flags().Changed("uid") {
		match.UID = &m.uid
	}
	if c.Flags().Changed("gid") {
		match.GID = &m.gid
	}
	if c.Flags().Changed("sha256") {
		match.SHA256 = new(policy.Digest)
		if err := match.SHA256.UnmarshalText([]byte(m.sha256)); err != nil {
			return match, usagef("--sha256 %v", err)
		}
	}
	if err := match.Check(); err != nil {
		return match, usagef("%v", err)
	}
	return match, nil
}

// addBot proves the operation and runs it.
func (s *session) addBot(ctx context.Context, c *credential, r vault.AddBot) (*pb.AddBotResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.AddBot(ctx, &pb.AddBotRequest{Name: r.Name, Matches: api.Matches(r.Match), Role: r.Role, Proof: proof})
}

func (a *app) botList() *cobra.Command {
	var removed bool
	list := &cobra.Command{
		Use: "list", Short: "List the bots", Example: "  vaultctl bot list\n  vaultctl bot list --removed   # what bot enable can bring back", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListBots(c.Context(), &pb.ListBotsRequest{Removed: removed})
				if err != nil {
					return err
				}
				views := make([]botView, 0, len(list.GetBots()))
				rows := make([][]string, 0, len(list.GetBots()))
				for _, b := range list.GetBots() {
					v, err := viewOfBot(b)
					if err != nil {
						return err
					}
					views = append(views, v)
					rows = append(rows, []string{v.name(), v.matches(), strings.Join(v.labels(), ","), v.lastUsed()})
				}
				return a.report(map[string]any{"bots": views}, func() { a.table("BOT\tMATCH\tAPI KEYS\tLAST SIGNED", rows) })
			})
		},
	}
	list.Flags().BoolVar(&removed, "removed", false, "list those that were removed")
	return list
}

func (a *app) botShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one bot and its grants", Example: "  vaultctl bot show mm-1",
		Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				shown, err := s.admin.ShowBot(c.Context(), &pb.ShowBotRequest{Name: args[0]})
				if err != nil {
					return err
				}
				v, err := viewOfBot(shown.GetBot())
				if err != nil {
					return err
				}
				return a.report(v, func() { a.printBot(v) })
			})
		},
	}
}

func (a *app) botRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a bot and its grants", Example: "  vaultctl bot remove mm-1",
		Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				removed, err := s.admin.RemoveBot(c.Context(), &pb.RemoveBotRequest{Name: args[0]})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, removed.GetRevision())
				return a.done(removed.GetRevision(), "removed bot %s and its grants", args[0])
			})
		},
	}
}
