package policy_test

import (
	"testing"

	"bfxvault/vault/policy"
)

func id(n uint32) *uint32 { return &n }

// P4, A6
func TestMatchesNeedsEverySelector(t *testing.T) {
	sum := policy.Digest{1}
	caller := policy.Caller{UID: 4000000000, GID: 7, Unit: "/system.slice/bot.service", Exe: "/usr/bin/bot", SHA256: &sum}
	tests := map[string]struct {
		match policy.Match
		want  bool
	}{
		"the empty match is nobody":      {policy.Match{}, false},
		"uid above 2^31 as unsigned":     {policy.Match{UID: id(4000000000)}, true},
		"another uid":                    {policy.Match{UID: id(4000000001)}, false},
		"uid and gid":                    {policy.Match{UID: id(4000000000), GID: id(7)}, true},
		"uid right, gid wrong":           {policy.Match{UID: id(4000000000), GID: id(8)}, false},
		"exe":                            {policy.Match{Exe: "/usr/bin/bot"}, true},
		"uid right, exe wrong":           {policy.Match{UID: id(4000000000), Exe: "/usr/bin/other"}, false},
		"uid wrong, exe and gid right":   {policy.Match{UID: id(0), GID: id(7), Exe: "/usr/bin/bot"}, false},
		"exe is compared, not prefixed":  {policy.Match{Exe: "/usr/bin/bo"}, false},
		"uid zero is a uid like another": {policy.Match{UID: id(0)}, false},
		"unit":                           {policy.Match{Unit: "/system.slice/bot.service"}, true},
		"another unit":                   {policy.Match{UID: id(4000000000), Unit: "/system.slice/other.service"}, false},
		"a part of the unit":             {policy.Match{Unit: "/system.slice"}, false},
		"sha256":                         {policy.Match{SHA256: &policy.Digest{1}}, true},
		"another sha256":                 {policy.Match{Exe: "/usr/bin/bot", SHA256: &policy.Digest{2}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.match.Matches(caller); got != test.want {
				t.Fatalf("Matches = %v, want %v", got, test.want)
			}
		})
	}
	for _, m := range []policy.Match{{Exe: "/usr/bin/bot"}, {SHA256: &policy.Digest{}}, {Unit: "/system.slice/bot.service"}} {
		if m.Matches(policy.Caller{}) {
			t.Errorf("%+v matched a caller of which nothing could be read", m)
		}
	}
}

// A6
func TestCheckRefusesAMatchThatCouldMeanStrangers(t *testing.T) {
	for name, m := range map[string]policy.Match{
		"empty":            {},
		"uid -1":           {UID: id(policy.NoID)},
		"overflow uid":     {UID: id(policy.OverflowID)},
		"overflow gid":     {GID: id(policy.OverflowID)},
		"relative exe":     {Exe: "bot"},
		"exe with dot dot": {Exe: "/usr/bin/../bot"},
		"exe with newline": {Exe: "/usr/bin/bot\n"},
		"relative unit":    {Unit: "mm-1.service"},
		"unit of a user":   {Unit: "/user.slice/user-1000.slice/user@1000.service/app.slice/mm-1.service"},
		"a slice":          {Unit: "/system.slice"},
		"unit with dots":   {Unit: "/system.slice/../mm-1.service"},
		"no name":          {Unit: "/system.slice/.service"},
		"a session":        {Unit: "/user.slice/user-1000.slice/session-3.scope"},
		"a scope":          {Unit: "/system.slice/mm-1.scope"},
	} {
		if m.Check() == nil {
			t.Errorf("%s: stored", name)
		}
	}
	for _, m := range []policy.Match{
		{UID: id(0), GID: id(0), Exe: "/bot"},
		{Unit: "/system.slice/system-mm.slice/mm@1.service"},
	} {
		if err := m.Check(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
