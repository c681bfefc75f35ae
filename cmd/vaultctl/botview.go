package main

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

type botView struct {
	Name    string      `json:"name"`
	Match   []matchView `json:"match"`
	Role    string      `json:"role,omitempty"`
	Grants  []grantView `json:"grants"`
	Created int64       `json:"created"`
	// LastUsed is when a signature was given to it last since the unlock; 0 for never.
	LastUsed int64 `json:"last_used"`
	// Suspended is since when nothing is signed for it.
	Suspended int64 `json:"suspended,omitempty"`
	// Removed is when it was removed.
	Removed int64 `json:"removed,omitempty"`
	// Former are grants that were taken away, as they were.
	Former []grantView `json:"former,omitempty"`
}

// name is what a list shows.
func (v botView) name() string {
	if v.Suspended != 0 {
		return v.Name + " (suspended)"
	}
	return v.Name
}

// lastUsed is when a signature was given to it last.
func (v botView) lastUsed() string {
	if v.LastUsed == 0 {
		return "not since the unlock"
	}
	return date(v.LastUsed) + " UTC"
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
	// Revoked is when it was taken away.
	Revoked int64 `json:"revoked,omitempty"`

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
		Removed: b.GetRemoved(), LastUsed: b.GetLastUsed(), Match: []matchView{},
	}
	for _, m := range b.GetMatches() {
		v.Match = append(v.Match, matchView{m.Uid, m.Gid, m.GetUnit(), m.GetExe(), hex.EncodeToString(m.GetSha256())})
	}
	var err error
	if v.Grants, err = viewsOfGrants(b.GetGrants()); err != nil {
		return v, err
	}
	v.Former, err = viewsOfGrants(b.GetFormer())
	return v, err
}

func viewsOfGrants(grants []*pb.Grant) ([]grantView, error) {
	views := make([]grantView, 0, len(grants))
	for _, g := range grants {
		spec, err := vault.ParseGrant([]byte(g.GetSpec()))
		if err != nil {
			return nil, err
		}
		l := g.GetLeft()
		views = append(views, grantView{spec.Key, spec.Allow, json.RawMessage(g.GetSpec()), leftView{
			l.Rate, l.CancelRate, l.DailyRequests, l.GetDailyNotional(), l.GetDayEnds(),
		}, g.GetRevoked(), spec})
	}
	return views, nil
}

func (v botView) labels() []string {
	labels := make([]string, 0, len(v.Grants))
	for _, g := range v.Grants {
		labels = append(labels, g.Label)
	}
	return labels
}

func (v botView) matches() string {
	if len(v.Match) == 0 {
		return "its stand-in credentials"
	}
	texts := make([]string, 0, len(v.Match))
	for _, m := range v.Match {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, " or ")
}

func (a *app) printBot(v botView) {
	a.printf("bot:    %s\nmatch:  %s\nadded:  %s UTC\nsigned: %s\n", v.Name, v.matches(), date(v.Created), v.lastUsed())
	if v.Suspended != 0 {
		a.printf("state:  suspended since %s UTC\n", date(v.Suspended))
		a.hintf("vaultctl bot enable %s", v.Name)
	}
	if v.Removed != 0 {
		a.printf("state:  removed %s UTC\n", date(v.Removed))
		a.hintf("vaultctl bot enable %s brings it back", v.Name)
	}
	for _, g := range v.Grants {
		a.printGrant("grant: ", g)
		if left := g.Left.String(); left != "" {
			a.printf("left:   %s\n", left)
		}
	}
	for _, g := range v.Former {
		a.printf("taken away %s UTC:\n", date(g.Revoked))
		a.printGrant("  had: ", g)
	}
}

func (a *app) printGrant(head string, g grantView) {
	a.printf("%s %s, allow %s\n", head, g.Label, strings.Join(g.Allow, ","))
	for _, rule := range g.rules() {
		a.printf("        %s\n", rule)
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
