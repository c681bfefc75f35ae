package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// ageOf is how old a version of an API key is, in whole days.
func ageOf(created int64) int { return vault.DaysSince(created, time.Now()) }

// isOld says whether an API key of that age should be rotated.
func isOld(days int) bool { return time.Duration(days)*24*time.Hour >= vault.RotateAfter }

// keyState is what a status says of one API key.
type keyState struct {
	Label   string `json:"label"`
	Version uint32 `json:"version"` // the active one; 0 for none
	AgeDays int    `json:"age_days"`
	// Rotate is set where it is older than it should be.
	Rotate bool              `json:"rotate"`
	Held   string            `json:"held,omitempty"`
	Other  map[uint32]string `json:"other_versions,omitempty"` // their states, by number
}

func stateOfKey(k *pb.ApiKey) keyState {
	s := keyState{Label: k.GetLabel()}
	for _, v := range k.GetVersions() {
		switch state := stateOf(v, time.Now()); state {
		case stateActive:
			s.Version, s.AgeDays, s.Held = v.GetVersion(), ageOf(v.GetCreated()), v.GetHeld()
			s.Rotate = isOld(s.AgeDays)
		case stateRevoked, stateRetired: // it is over
		default:
			if s.Other == nil {
				s.Other = make(map[uint32]string)
			}
			s.Other[v.GetVersion()] = state
		}
	}
	return s
}

// String is all but the label.
func (s keyState) String() string {
	text := "none active"
	if s.Version != 0 {
		text = "version " + strconv.FormatUint(uint64(s.Version), 10) + ", " + count(uint32(s.AgeDays), "day") + " old"
	}
	for _, version := range slices.Sorted(maps.Keys(s.Other)) {
		text += ", version " + strconv.FormatUint(uint64(version), 10) + " " + s.Other[version]
	}
	if s.Version == 0 && slices.Contains(slices.Collect(maps.Values(s.Other)), stateStaged) {
		text += ": vaultctl key promote " + s.Label
	}
	if s.Held != "" {
		text += ", held back: vaultctl nonce accept " + s.Label
	}
	if s.Rotate {
		text += ": vaultctl key rotate " + s.Label
	}
	return text
}

// waits says whether somebody has to do something about it.
func (s keyState) waits() bool { return s.Version == 0 || s.Rotate || s.Held != "" || s.Other != nil }

// botState is what a status says of one bot.
type botState struct {
	Name      string `json:"name"`
	LastUsed  int64  `json:"last_used"` // unix seconds; 0 for not since the unlock
	Suspended int64  `json:"suspended,omitempty"`
}

// String is all but the name.
func (b botState) String() string {
	switch {
	case b.Suspended != 0:
		return "suspended since " + date(b.Suspended) + " UTC: vaultctl bot enable " + b.Name
	case b.LastUsed != 0:
		return "last signed for " + date(b.LastUsed) + " UTC"
	}
	return "not signed for since the unlock"
}

// nearLimit is a limit of the day with less than a tenth of it left.
type nearLimit struct {
	Bot   string         `json:"bot"`
	Label string         `json:"label"`
	Limit string         `json:"limit"`
	Left  policy.Decimal `json:"left"`
	Of    policy.Decimal `json:"of"`
}

func (n nearLimit) String() string {
	return n.Bot + " on " + n.Label + ": " + n.Limit + ", " + n.Left.String() + " of " + n.Of.String() + " left"
}

// near lists the limits of a bot that are nearly spent.
func (v botView) near() (list []nearLimit) {
	for _, g := range v.Grants {
		add := func(limit string, left, of policy.Decimal) {
			if left.Cmp(of.DivideUp(10)) < 0 {
				list = append(list, nearLimit{v.Name, g.Label, limit, left, of})
			}
		}
		if left, of := g.Left.DailyRequests, g.spec.DailyRequests; left != nil && of != nil {
			add("daily_requests", policy.NewDecimal(*left), policy.NewDecimal(*of))
		}
		for _, currency := range slices.Sorted(maps.Keys(g.spec.DailyNotional)) {
			if left, ok := policy.ParseDecimal(g.Left.DailyNotional[currency]); ok {
				add("daily_notional "+currency, left, g.spec.DailyNotional[currency])
			}
		}
	}
	return list
}

// keyStates puts those first that wait for somebody.
func (o *overview) keyStates() []keyState {
	states := make([]keyState, 0, len(o.keys))
	for _, k := range o.keys {
		states = append(states, stateOfKey(k))
	}
	slices.SortStableFunc(states, func(a, b keyState) int {
		return cmp.Or(first(a.waits(), b.waits()), strings.Compare(a.Label, b.Label))
	})
	return states
}

// botStates puts the suspended ones first, and then those that signed last.
func (o *overview) botStates() (states []botState, near []nearLimit, err error) {
	states, near = make([]botState, 0, len(o.bots)), []nearLimit{}
	for _, b := range o.bots {
		v, err := viewOfBot(b)
		if err != nil {
			return nil, nil, err
		}
		states = append(states, botState{v.Name, b.GetLastUsed(), v.Suspended})
		near = append(near, v.near()...)
	}
	slices.SortStableFunc(states, func(a, b botState) int {
		return cmp.Or(first(a.Suspended != 0, b.Suspended != 0), -cmp.Compare(a.LastUsed, b.LastUsed), strings.Compare(a.Name, b.Name))
	})
	return states, near, nil
}

// first orders what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
