package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/api"
	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) bot() *cobra.Command {
	return group("bot", "Bots: add, list, show, enable, remove", a.botAdd(), a.botList(), a.botShow(), a.botEnable(), a.botRemove())
}

func (a *app) botAdd() *cobra.Command {
	var from passphraseFlags
	var selectors matchFlags
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Register a program by what the kernel says of it",
		Long: "Register a program. Whoever connects is this bot if all the selectors given here\n" +
			"are what the kernel reports; give each bot a user of its own.",
		Example: "  vaultctl bot add mm-1 --uid 1001\n" +
			"  vaultctl bot add mm-1 --uid 1001 --unit /system.slice/mm-1.service",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			match, err := selectors.match(c)
			if err != nil {
				return err
			}
			request := vault.AddBot{Name: args[0], Match: []policy.Match{match}}
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
	return s.admin.AddBot(ctx, &pb.AddBotRequest{Name: r.Name, Matches: api.Matches(r.Match), Proof: proof})
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
					v, err := viewOfBot(b)
					if err != nil {
						return err
					}
					views = append(views, v)
					rows = append(rows, []string{v.name(), v.matches(), strings.Join(v.labels(), ",")})
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

type botView struct {
	Name    string      `json:"name"`
	Match   []matchView `json:"match"`
	Role    string      `json:"role,omitempty"`
	Grants  []grantView `json:"grants"`
	Created int64       `json:"created"`
	// Suspended is since when nothing is signed for it.
	Suspended int64 `json:"suspended,omitempty"`
}

// name is what a list shows.
func (v botView) name() string {
	if v.Suspended != 0 {
		return v.Name + " (suspended)"
	}
	return v.Name
}

type matchView struct {
	UID    *uint32 `json:"uid,omitempty"`
	GID    *uint32 `json:"gid,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	Exe    string  `json:"exe,omitempty"`
	SHA256 string  `json:"sha256,omitempty"`
}

// grantView is a grant with what is left of it. Rules has the fields of a policy
// file.
type grantView struct {
	Label string          `json:"label"`
	Allow []string        `json:"allow"`
	Rules json.RawMessage `json:"rules"`
	Left  leftView        `json:"left"`

	spec policy.GrantSpec
}

// rules are the rest of a grant, a line each, as a policy file spells them.
func (g grantView) rules() []string {
	rest := g.spec
	rest.Key, rest.Allow = "", nil
	return slices.Collect(strings.SplitSeq(strings.TrimSuffix(string(policyfile.PrintGrant(rest)), "\n"), "\n"))
}

type leftView struct {
	Rate          *uint32           `json:"rate,omitempty"`
	CancelRate    *uint32           `json:"cancel_rate,omitempty"`
	DailyRequests *uint64           `json:"daily_requests,omitempty"`
	DailyNotional map[string]string `json:"daily_notional,omitempty"`
	DayEnds       int64             `json:"day_ends,omitempty"`
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
	if m.Unit != "" {
		parts = append(parts, "unit "+m.Unit)
	}
	if m.Exe != "" {
		parts = append(parts, "exe "+strconv.Quote(m.Exe))
	}
	if m.SHA256 != "" {
		parts = append(parts, "sha256 "+m.SHA256)
	}
	return strings.Join(parts, ", ")
}

func viewOfBot(b *pb.Bot) (botView, error) {
	v := botView{
		Name: b.GetName(), Role: b.GetRole(), Created: b.GetCreated(), Suspended: b.GetSuspended(),
		Match: []matchView{}, Grants: []grantView{},
	}
	for _, m := range b.GetMatches() {
		v.Match = append(v.Match, matchView{m.Uid, m.Gid, m.GetUnit(), m.GetExe(), hex.EncodeToString(m.GetSha256())})
	}
	for _, g := range b.GetGrants() {
		spec, err := vault.ParseGrant([]byte(g.GetSpec()))
		if err != nil {
			return v, err
		}
		l := g.GetLeft()
		v.Grants = append(v.Grants, grantView{spec.Key, spec.Allow, json.RawMessage(g.GetSpec()), leftView{
			l.Rate, l.CancelRate, l.DailyRequests, l.GetDailyNotional(), l.GetDayEnds(),
		}, spec})
	}
	return v, nil
}

func (v botView) labels() []string {
	labels := make([]string, 0, len(v.Grants))
	for _, g := range v.Grants {
		labels = append(labels, g.Label)
	}
	return labels
}

func (v botView) matches() string {
	texts := make([]string, 0, len(v.Match))
	for _, m := range v.Match {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, " or ")
}

func (a *app) printBot(v botView) {
	a.printf("bot:    %s\nmatch:  %s\nadded:  %s UTC\n", v.Name, v.matches(), date(v.Created))
	if v.Suspended != 0 {
		a.printf("state:  suspended since %s UTC\n", date(v.Suspended))
		a.hintf("vaultctl bot enable %s", v.Name)
	}
	for _, g := range v.Grants {
		a.printf("grant:  %s, allow %s\n", g.Label, strings.Join(g.Allow, ","))
		for _, rule := range g.rules() {
			a.printf("        %s\n", rule)
		}
		if left := g.Left.String(); left != "" {
			a.printf("left:   %s\n", left)
		}
	}
}

// String is what is left, in words.
func (l leftView) String() string {
	var parts []string
	if l.Rate != nil {
		parts = append(parts, strconv.FormatUint(uint64(*l.Rate), 10)+" at once")
	}
	if l.CancelRate != nil {
		parts = append(parts, strconv.FormatUint(uint64(*l.CancelRate), 10)+" cancels at once")
	}
	if l.DailyRequests != nil {
		parts = append(parts, strconv.FormatUint(*l.DailyRequests, 10)+" requests today")
	}
	for _, currency := range slices.Sorted(maps.Keys(l.DailyNotional)) {
		parts = append(parts, l.DailyNotional[currency]+" "+currency+" today")
	}
	return strings.Join(parts, ", ")
}
