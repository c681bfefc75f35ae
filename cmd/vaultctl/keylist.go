package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the API keys, with the version that signs and how old it is", Example: "  vaultctl key list", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListKeys(c.Context(), &pb.ListKeysRequest{})
				if err != nil {
					return err
				}
				views := make([]keyView, 0, len(list.GetKeys()))
				for _, k := range list.GetKeys() {
					views = append(views, viewOfKey(k, time.Now()))
				}
				return a.report(map[string]any{"keys": views}, func() { a.printKeys(views) })
			})
		},
	}
}

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LABEL", Short: "Show one API key with all its versions, never a secret", Example: "  vaultctl key show main",
		Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(s *session) error {
				shown, err := s.admin.ShowKey(c.Context(), &pb.ShowKeyRequest{Label: args[0]})
				if err != nil {
					return err
				}
				v := viewOfKey(shown.GetKey(), time.Now())
				return a.report(v, func() { a.printKey(v) })
			})
		},
	}
}

// The states of a version, as vaultd names them.
const (
	stateStaged   = "staged"
	stateActive   = "active"
	stateRetiring = "retiring"
	stateRetired  = "retired" // a retiring one whose grace has ended
	stateRevoked  = "revoked"
)

type keyView struct {
	Label       string        `json:"label"`
	Permissions []string      `json:"permissions"`
	Bots        []string      `json:"bots"`
	Versions    []versionView `json:"versions"`
	// Rotate says that the active version is so old that it should be rotated.
	Rotate bool `json:"rotate,omitempty"`
}

type versionView struct {
	Version  uint32      `json:"version"`
	APIKey   string      `json:"api_key"`
	State    string      `json:"state"`
	Created  int64       `json:"created"`
	AgeDays  int         `json:"age_days"`
	Held     string      `json:"held,omitempty"`
	Retires  int64       `json:"retires,omitempty"`
	Verified int64       `json:"verified,omitempty"`
	Scopes   []scopeView `json:"scopes,omitempty"`
}

// scopeView is one line of what Bitfinex says that a version may do.
type scopeView struct {
	Name  string `json:"name"`
	Read  bool   `json:"read"`
	Write bool   `json:"write"`
}

// stateOf is the state of a version, in the words of a list.
func stateOf(v *pb.KeyVersion, now time.Time) string {
	if v.GetState() == stateRetiring && v.GetRetires() <= now.Unix() {
		return stateRetired
	}
	return v.GetState()
}

func viewsOfScopes(scopes []*pb.Scope) (views []scopeView) {
	for _, s := range scopes {
		views = append(views, scopeView{s.GetName(), s.GetRead(), s.GetWrite()})
	}
	return views
}

func viewOfKey(k *pb.ApiKey, now time.Time) keyView {
	v := keyView{Label: k.GetLabel(), Permissions: append([]string{}, k.GetPermissions()...), Bots: append([]string{}, k.GetBots()...)}
	for _, rec := range k.GetVersions() {
		version := versionView{
			Version: rec.GetVersion(), APIKey: rec.GetApiKey(), State: rec.GetState(), Created: rec.GetCreated(), Held: rec.GetHeld(),
			AgeDays: vault.DaysSince(rec.GetCreated(), now), Retires: rec.GetRetires(), Verified: rec.GetVerified(),
		}
		version.State = stateOf(rec, now)
		version.Scopes = viewsOfScopes(rec.GetScopes())
		v.Rotate = v.Rotate || (version.State == stateActive && isOld(version.AgeDays))
		v.Versions = append(v.Versions, version)
	}
	return v
}

// printKeys prints a line for each label: of the version that signs, and what others
// there are.
func (a *app) printKeys(keys []keyView) {
	rows := make([][]string, 0, len(keys))
	for _, k := range keys {
		row := []string{k.Label, "-", "-", "-", "-"}
		var others []string
		for _, v := range k.Versions {
			if v.State != stateActive {
				others = append(others, fmt.Sprintf("%d %s", v.Version, v.State))
				continue
			}
			row = []string{k.Label, fmt.Sprint(v.Version), v.APIKey, fmt.Sprintf("%d d", v.AgeDays), "never"}
			if v.Verified != 0 {
				row[4] = date(v.Verified)[:len("2006-01-02")]
			}
		}
		rows = append(rows, append(row, strings.Join(k.Permissions, ","), strings.Join(k.Bots, ","), strings.Join(others, ", ")))
	}
	a.table("LABEL\tVERSION\tAPI KEY\tAGE\tVERIFIED\tPERMISSIONS\tBOTS\tOTHER VERSIONS", rows)
	var inactive []string
	for _, k := range keys {
		if k.waits() {
			inactive = append(inactive, k.Label)
		}
		if k.Rotate {
			a.hintf("%s is old: vaultctl key rotate %s --api-key ID", k.Label, k.Label)
		}
	}
	if len(inactive) > 0 {
		a.hintf("no version signs of %s: "+promoteHint, strings.Join(inactive, ", "))
	}
}

// promoteHint is what brings API keys back after a restore.
const promoteHint = "vaultctl key verify LABEL, then vaultctl key promote LABEL"

// waits says whether there is no version that signs, and one to promote.
func (k keyView) waits() bool {
	in := func(state string) bool {
		return slices.ContainsFunc(k.Versions, func(v versionView) bool { return v.State == state })
	}
	return in(stateStaged) && !in(stateActive)
}

func (a *app) printKey(k keyView) {
	a.printf("label:       %s\npermissions: %s\nbots:        %s\n", k.Label, strings.Join(k.Permissions, ","), strings.Join(k.Bots, ","))
	for _, v := range k.Versions {
		a.printf("version %d:   %s, %s, added %s UTC\n", v.Version, v.APIKey, v.State, date(v.Created))
		if v.Held != "" {
			a.printf("             does not sign: %s\n", v.Held)
		}
		if v.State == stateRetiring {
			a.printf("             retires %s UTC\n", date(v.Retires))
		}
		if v.Verified == 0 {
			a.printf("             never verified\n")
			continue
		}
		a.printf("             verified %s UTC: %s\n", date(v.Verified), granted(v.Scopes))
		if v.State == stateActive || v.State == stateStaged {
			a.warnOfScopes(compare(k.Permissions, v.Scopes))
		}
	}
	if k.waits() {
		a.hintf("no version signs: vaultctl key verify %s, then vaultctl key promote %s", k.Label, k.Label)
	}
	if k.Rotate {
		a.hintf("it is old: vaultctl key rotate %s --api-key ID", k.Label)
	}
}

// granted lists scopes in one line: "orders read+write, wallets read".
func granted(scopes []scopeView) string {
	var words []string
	for _, s := range scopes {
		switch {
		case s.Read && s.Write:
			words = append(words, s.Name+" read+write")
		case s.Write:
			words = append(words, s.Name+" write")
		case s.Read:
			words = append(words, s.Name+" read")
		}
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
