package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) bot() *cobra.Command {
	return group("bot", "Bots: add, list, show, remove", a.botAdd(), a.botList(), a.botShow(), a.botRemove())
}

func (a *app) botAdd() *cobra.Command {
	var from passphraseFlags
	var uid, gid uint32
	var exe string
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Register a program by what the kernel says of it",
		Long: "Register a program. Whoever connects is this bot if all the selectors given here\n" +
			"are what the kernel reports; give each bot a user of its own.",
		Example: "  vaultctl bot add mm-1 --uid 1001",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			request := vault.AddBot{Name: args[0], Match: policy.Match{Exe: exe}}
			if c.Flags().Changed("uid") {
				request.Match.UID = &uid
			}
			if c.Flags().Changed("gid") {
				request.Match.GID = &gid
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				added, err := s.addBot(c.Context(), by, request)
				if err != nil {
					return err
				}
				a.rememberCurrent(c.Context(), s, added.GetRevision())
				return a.done(added.GetRevision(), "registered bot %s", request.Name)
			})
		},
	}
	from.add(c)
	c.Flags().Uint32Var(&uid, "uid", 0, "its user id")
	c.Flags().Uint32Var(&gid, "gid", 0, "its group id")
	c.Flags().StringVar(&exe, "exe", "", "the path of its executable, where vaultd may read it")
	return c
}

// addBot proves the operation and runs it.
func (s *session) addBot(ctx context.Context, c *credential, r vault.AddBot) (*pb.AddBotResponse, error) {
	proof, err := s.prove(ctx, c, r.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.AddBot(ctx, &pb.AddBotRequest{
		Name: r.Name, Match: &pb.Match{Uid: r.Match.UID, Gid: r.Match.GID, Exe: r.Match.Exe}, Proof: proof,
	})
}

func (a *app) botList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the bots", Example: "  vaultctl bot list", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListBots(c.Context(), &pb.ListBotsRequest{})
				if err != nil {
					return err
				}
				views := make([]botView, 0, len(list.GetBots()))
				rows := make([][]string, 0, len(list.GetBots()))
				for _, b := range list.GetBots() {
					v := viewOfBot(b)
					views = append(views, v)
					rows = append(rows, []string{v.Name, v.Match.String(), strings.Join(v.labels(), ",")})
				}
				return a.report(map[string]any{"bots": views}, func() { a.table("BOT\tMATCH\tAPI KEYS", rows) })
			})
		},
	}
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
				v := viewOfBot(shown.GetBot())
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
				a.rememberCurrent(c.Context(), s, removed.GetRevision())
				return a.done(removed.GetRevision(), "removed bot %s and its grants", args[0])
			})
		},
	}
}

type botView struct {
	Name    string      `json:"name"`
	Match   matchView   `json:"match"`
	Grants  []grantView `json:"grants"`
	Created int64       `json:"created"`
}

type matchView struct {
	UID *uint32 `json:"uid,omitempty"`
	GID *uint32 `json:"gid,omitempty"`
	Exe string  `json:"exe,omitempty"`
}

type grantView struct {
	Label string   `json:"label"`
	Allow []string `json:"allow"`
}

// String is the match as it was given on the command line.
func (m matchView) String() string {
	var parts []string
	if m.UID != nil {
		parts = append(parts, "uid "+strconv.FormatUint(uint64(*m.UID), 10))
	}
	if m.GID != nil {
		parts = append(parts, "gid "+strconv.FormatUint(uint64(*m.GID), 10))
	}
	if m.Exe != "" {
		parts = append(parts, "exe "+strconv.Quote(m.Exe))
	}
	return strings.Join(parts, ", ")
}

func viewOfBot(b *pb.Bot) botView {
	m := b.GetMatch()
	v := botView{Name: b.GetName(), Created: b.GetCreated(), Grants: []grantView{}, Match: matchView{UID: m.Uid, GID: m.Gid, Exe: m.GetExe()}}
	for _, g := range b.GetGrants() {
		v.Grants = append(v.Grants, grantView{g.GetLabel(), g.GetAllow()})
	}
	return v
}

func (v botView) labels() []string {
	labels := make([]string, 0, len(v.Grants))
	for _, g := range v.Grants {
		labels = append(labels, g.Label)
	}
	return labels
}

func (a *app) printBot(v botView) {
	a.printf("bot:    %s\nmatch:  %s\nadded:  %s UTC\n", v.Name, v.Match, date(v.Created))
	for _, g := range v.Grants {
		a.printf("grant:  %s, allow %s\n", g.Label, strings.Join(g.Allow, ","))
	}
}
