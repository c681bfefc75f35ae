package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// issueFlags are what a stand-in credential is issued with.
type issueFlags struct {
	from                passphraseFlags
	uid, expires, again string
}

func (a *app) botIssue() *cobra.Command {
	var f issueFlags
	c := &cobra.Command{
		Use:   "issue NAME [LABEL]",
		Short: "Give a bot a made-up API key and secret for its stock client, good against this vault alone",
		Long: "Give a bot a stand-in credential: an API key and secret that a stock client signs with,\n" +
			"as it always does, and that are good against this vault alone, within the bot's grant on\n" +
			"one API key. They are shown once. vaultproxy takes what the client sends.\n\n" +
			"It is bound to the user of the bot's match, or to --uid; any makes it good for all users\n" +
			"of this machine. --again brings back one that was recalled, or that waits after a restore.",
		Example: "  vaultctl bot issue mm-1\n  vaultctl bot issue mm-1 main --uid any --expires 2027-03-31\n" +
			"  vaultctl bot issue mm-1 main --again bfxv_…",
		Args: between(1, 2), ValidArgsFunction: a.completeBotThenLabel,
		RunE: func(c *cobra.Command, args []string) error { return a.runBotIssue(c.Context(), args, f) },
	}
	f.from.add(c)
	c.Flags().StringVar(&f.uid, "uid", "", "the user id that may use it, or any (default: that of the bot's match)")
	c.Flags().StringVar(&f.expires, "expires", "", "the last day on which it is good, UTC: 2027-03-31")
	c.Flags().StringVar(&f.again, "again", "", "the id of the one to bring back; its secret stays what it was")
	return c
}

func (a *app) runBotIssue(ctx context.Context, args []string, f issueFlags) error {
	request := vault.IssueStandIn{Bot: args[0], ID: f.again}
	if len(args) == 2 {
		request.Label = args[1]
	}
	var err error
	if request.Expires, err = lastSecond(f.expires); err != nil {
		return err
	}
	secret := ""
	if f.again == "" {
		request.ID, secret = newStandIn()
	}
	return a.showAndWiden(ctx, f.from, func(s *session) error { return s.settle(ctx, &request, f.uid) }, func(s *session, by *credential) error {
		issued, err := s.issueStandIn(ctx, by, request, secret)
		if err != nil {
			return err
		}
		a.remember(ctx, s, issued.GetRevision())
		return a.reportIssued(request, secret, issued.GetRevision())
	})
}

// settle fills in what follows from the bot: its only grant, and the user of its match.
func (s *session) settle(ctx context.Context, r *vault.IssueStandIn, uid string) error {
	shown, err := s.admin.ShowBot(ctx, &pb.ShowBotRequest{Name: r.Bot})
	if err != nil {
		return err
	}
	b, err := viewOfBot(shown.GetBot())
	if err != nil {
		return err
	}
	if r.Label == "" {
		switch labels := b.labels(); len(labels) {
		case 0:
			return failed("NOT_FOUND", "bot %s has no grant", r.Bot).withHint("vaultctl grant %s LABEL --allow read", r.Bot)
		case 1:
			r.Label = labels[0]
		default:
			return usagef("bot %s has grants on %s: name one", r.Bot, strings.Join(labels, ", "))
		}
	}
	switch {
	case uid == "any":
	case uid != "":
		n, err := strconv.ParseUint(uid, 10, 32)
		if err != nil {
			return usagef("--uid is a user id, or any")
		}
		r.UID = new(uint32)
		*r.UID = uint32(n)
	default:
		for _, m := range b.Match {
			if m.UID == nil || r.UID != nil && *r.UID != *m.UID {
				r.UID = nil
				break
			}
			r.UID = m.UID
		}
		if r.UID == nil {
			return usagef("the bot's match names no one user: say --uid N, or --uid any")
		}
	}
	return nil
}

// newStandIn makes the id of a stand-in credential, from 160 random bits, and its secret,
// from 256.
func newStandIn() (id, secret string) {
	var random [52]byte
	rand.Read(random[:]) // never fails: crypto/rand
	id = vault.StandInPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(random[:20]))
	return id, base64.RawURLEncoding.EncodeToString(random[20:])
}

// issueStandIn seals the secret, unless one is brought back, proves the operation and runs
// it.
func (s *session) issueStandIn(ctx context.Context, c *credential, r vault.IssueStandIn, secret string) (*pb.IssueStandInResponse, error) {
	request := &pb.IssueStandInRequest{Bot: r.Bot, Label: r.Label, Id: r.ID, Uid: r.UID, Expires: r.Expires}
	if secret != "" {
		box, sealed, err := s.seal(ctx, r.Purpose(), []byte(secret))
		if err != nil {
			return nil, err
		}
		request.Secret, r.Secret = box, sealed
	}
	var err error
	if request.Proof, err = s.prove(ctx, c, r.Operation()); err != nil {
		return nil, err
	}
	return s.admin.IssueStandIn(ctx, request)
}

func (a *app) reportIssued(r vault.IssueStandIn, secret string, revision uint64) error {
	value := map[string]any{"ok": true, "bot": r.Bot, "label": r.Label, "api_key": r.ID, "expires": r.Expires, "revision": revision}
	if r.UID != nil {
		value["uid"] = *r.UID
	}
	if secret == "" {
		return a.report(value, func() { a.printf("the stand-in credential %s of %s for %s is good again\n", r.ID, r.Bot, r.Label) })
	}
	value["api_secret"] = secret
	return a.report(value, func() {
		a.printf("API key:    %s\nAPI secret: %s\n", r.ID, secret)
		a.hintf("the stand-in credential of %s for %s, shown this once: give both to its client", r.Bot, r.Label)
	})
}

// lastSecond is the end of a day, UTC, in unix seconds; 0 for none.
func lastSecond(day string) (int64, error) {
	if day == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0, usagef("--expires is a day such as 2027-03-31")
	}
	return t.AddDate(0, 0, 1).Unix(), nil
}

type standInView struct {
	APIKey    string  `json:"api_key"`
	Bot       string  `json:"bot"`
	Label     string  `json:"label"`
	UID       *uint32 `json:"uid,omitempty"`
	Created   int64   `json:"created"`
	Expires   int64   `json:"expires,omitempty"`
	LastUsed  int64   `json:"last_used"`
	Recalled  int64   `json:"recalled,omitempty"`
	Suspended bool    `json:"suspended,omitempty"`
}

func (a *app) botStandIns() *cobra.Command {
	return &cobra.Command{
		Use: "stand-ins NAME", Short: "List the stand-in credentials of a bot, never a secret", Example: "  vaultctl bot stand-ins mm-1",
		Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListStandIns(c.Context(), &pb.ListStandInsRequest{Bot: args[0]})
				if err != nil {
					return err
				}
				views := make([]standInView, 0, len(list.GetStandIns()))
				rows := make([][]string, 0, len(list.GetStandIns()))
				for _, s := range list.GetStandIns() {
					v := standInView{s.GetId(), s.GetBot(), s.GetLabel(), s.Uid, s.GetCreated(), s.GetExpires(), s.GetLastUsed(), s.GetRecalled(), s.GetSuspended()}
					views = append(views, v)
					rows = append(rows, []string{v.APIKey, v.Label, v.user(), v.state()})
				}
				return a.report(map[string]any{"stand_ins": views}, func() { a.table("STAND-IN API KEY\tFOR\tUSER\tSTATE", rows) })
			})
		},
	}
}

func (v standInView) user() string {
	if v.UID == nil {
		return "any"
	}
	return strconv.FormatUint(uint64(*v.UID), 10)
}

func (v standInView) state() string {
	switch {
	case v.Recalled != 0:
		return "recalled " + date(v.Recalled) + " UTC"
	case v.Suspended:
		return "waits since a restore: vaultctl bot issue " + v.Bot + " " + v.Label + " --again " + v.APIKey
	case v.Expires != 0 && v.Expires <= time.Now().Unix():
		return "expired " + date(v.Expires) + " UTC"
	case v.LastUsed != 0:
		return "last signed for " + date(v.LastUsed) + " UTC"
	}
	return "not signed for since the unlock"
}

func (a *app) botRecall() *cobra.Command {
	return &cobra.Command{
		Use: "recall NAME ID", Short: "End a stand-in credential of a bot, at once", Example: "  vaultctl bot recall mm-1 bfxv_…",
		Args: exactly(2), ValidArgsFunction: a.completeStandIns,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				done, err := s.admin.RecallStandIn(c.Context(), &pb.RecallStandInRequest{Bot: args[0], Id: args[1]})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, done.GetRevision())
				return a.done(done.GetRevision(), "the stand-in credential is recalled: nothing is signed with it")
			})
		},
	}
}

// completeStandIns offers a bot first, and one of its stand-in credentials second.
func (a *app) completeStandIns(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeBots(c, args, typed)
	}
	var offers []string
	_ = a.with(func(s *session) error {
		list, err := s.admin.ListStandIns(c.Context(), &pb.ListStandInsRequest{Bot: args[0]})
		for _, si := range list.GetStandIns() {
			offers = append(offers, si.GetId()+"\t"+si.GetLabel())
		}
		return err
	})
	return offers, cobra.ShellCompDirectiveNoFileComp
}
