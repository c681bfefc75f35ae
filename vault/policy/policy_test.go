package policy_test

import (
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

func id(n uint32) *uint32 { return &n }

// P3
func TestDecideDeniesByDefault(t *testing.T) {
	trade := &policy.Request{Class: policy.Trade}
	tests := map[string]struct {
		grant   *policy.Grant
		request *policy.Request
		rule    string
	}{
		"no grant":                             {nil, trade, "allow"},
		"an empty grant":                       {&policy.Grant{}, trade, "allow"},
		"another class":                        {&policy.Grant{Allow: policy.Read | policy.Cancel}, trade, "allow"},
		"the very class":                       {&policy.Grant{Allow: policy.Trade}, trade, ""},
		"trade does not imply cancel":          {&policy.Grant{Allow: policy.Trade}, &policy.Request{Class: policy.Cancel}, "allow"},
		"credential-minting under everything":  {&policy.Grant{Allow: ^policy.Class(0)}, &policy.Request{}, "endpoints"},
		"an endpoint that a grant must name":   {&policy.Grant{Allow: policy.Settings}, &policy.Request{Class: policy.Settings, ByName: true}, "endpoints"},
		"that endpoint without even its class": {&policy.Grant{Allow: policy.Read}, &policy.Request{Class: policy.Settings, ByName: true}, "allow"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := policy.Decide(test.grant, test.request)
			if d.Allowed != (test.rule == "") || d.Rule != test.rule || d.Allowed != (d.Reason == "") {
				t.Fatalf("Decide = %+v, want rule %q", d, test.rule)
			}
		})
	}
}

// P3: nothing but the classes that a grant lists is ever allowed.
func TestDecideAllowsOnlyClassesOfTheGrant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &policy.Grant{Allow: policy.Class(rapid.Byte().Draw(t, "allow"))}
		r := &policy.Request{Class: policy.Class(rapid.Byte().Draw(t, "class")), ByName: rapid.Bool().Draw(t, "byName")}
		d := policy.Decide(g, r)
		if d.Allowed && (r.Class == 0 || r.Class&^g.Allow != 0 || r.ByName) {
			t.Fatalf("%v allowed under %v", r, g)
		}
	})
}

// P4, A6
func TestMatchesNeedsEverySelector(t *testing.T) {
	caller := policy.Caller{UID: 4000000000, GID: 7, Exe: "/usr/bin/bot"}
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
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.match.Matches(caller); got != test.want {
				t.Fatalf("Matches = %v, want %v", got, test.want)
			}
		})
	}
	if (policy.Match{Exe: "/usr/bin/bot"}).Matches(policy.Caller{}) {
		t.Fatal("an unreadable executable matched")
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
	} {
		if m.Check() == nil {
			t.Errorf("%s: stored", name)
		}
	}
	if err := (policy.Match{UID: id(0), GID: id(0), Exe: "/bot"}).Check(); err != nil {
		t.Errorf("a match of root's program: %v", err)
	}
}

func TestClassesPrintAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := policy.Class(rapid.IntRange(0, 63).Draw(t, "class"))
		back, err := policy.ParseClasses(c.Words())
		if err != nil || back != c {
			t.Fatalf("%v read back as %v: %v", c, back, err)
		}
	})
	if _, err := policy.ParseClasses([]string{"Read"}); err == nil { // A30
		t.Fatal("Read in another case was taken")
	}
}
