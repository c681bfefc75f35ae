package record_test

import (
	"slices"
	"strings"
	"testing"

	"bfxvault/vault/internal/record"
)

func TestWhatIsLaxerIsNamedAndWhatIsStricterIsNot(t *testing.T) {
	base := record.Settings{
		KeepAge: 100, KeepBytes: 100, Anchor: "/mnt/a", IdleLock: 100, MaxUnlock: 100, SignGroup: "bots", AdminGroup: "ops",
	}
	for name, test := range map[string]struct {
		change func(s *record.Settings)
		laxer  string
		back   string // whether the way back is laxer
	}{
		"nothing":              {func(*record.Settings) {}, "", ""},
		"fsync":                {func(s *record.Settings) { s.Synced = true }, "", "durability"},
		"records kept longer":  {func(s *record.Settings) { s.KeepAge = 101 }, "", "audit_keep"},
		"records for ever":     {func(s *record.Settings) { s.KeepAge = 0 }, "", "audit_keep"},
		"more of the log":      {func(s *record.Settings) { s.KeepBytes = 101 }, "", "audit_keep"},
		"all of the log":       {func(s *record.Settings) { s.KeepBytes = 0 }, "", "audit_keep"},
		"no anchor":            {func(s *record.Settings) { s.Anchor = "" }, "anchor", ""},
		"another anchor":       {func(s *record.Settings) { s.Anchor = "/mnt/b" }, "anchor", "anchor"},
		"a shorter idle_lock":  {func(s *record.Settings) { s.IdleLock = 99 }, "", "idle_lock"},
		"no idle_lock":         {func(s *record.Settings) { s.IdleLock = 0 }, "idle_lock", ""},
		"a shorter max_unlock": {func(s *record.Settings) { s.MaxUnlock = 99 }, "", "max_unlock"},
		"no max_unlock":        {func(s *record.Settings) { s.MaxUnlock = 0 }, "max_unlock", ""},
		"no sign_group":        {func(s *record.Settings) { s.SignGroup = "" }, "", "sign_group"},
		"another sign_group":   {func(s *record.Settings) { s.SignGroup = "all" }, "sign_group", "sign_group"},
		"no admin_group":       {func(s *record.Settings) { s.AdminGroup = "" }, "", "admin_group"},
		"another admin_group":  {func(s *record.Settings) { s.AdminGroup = "all" }, "admin_group", "admin_group"},
		"several":              {func(s *record.Settings) { s.IdleLock, s.Anchor, s.Synced = 101, "", true }, "anchor idle_lock", "durability"},
	} {
		changed := base
		test.change(&changed)
		if got := base.Laxer(changed); !slices.Equal(got, strings.Fields(test.laxer)) {
			t.Errorf("%s: %q is laxer, want %q", name, got, test.laxer)
		}
		if got := changed.Laxer(base); !slices.Equal(got, strings.Fields(test.back)) {
			t.Errorf("back from %s: %q is laxer, want %q", name, got, test.back)
		}
	}
}
