package vault_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// The main job, and P7: what was stored signs again after a restart.
func TestAStoredAPIKeySignsUntilLockedAndAgainAfterUnlock(t *testing.T) {
	r := newRig(t).ready()
	first, err := r.sign(uid(1001), "main")
	r.must(err)
	verify(t, first, testSecret)
	if first.APIKey != "KEY-1" || first.KeyVersion != 1 {
		t.Fatalf("signed as %s version %d", first.APIKey, first.KeyVersion)
	}
	if r.v.Lock() {
		t.Fatal("an unlocked vault said it was locked before")
	}
	_, err = r.sign(uid(1001), "main")
	wantKind(t, err, vault.KindLocked) // P5
	if !r.v.Lock() {
		t.Fatal("a locked vault did not say so")
	}
	r.reopen(nil)
	r.must(r.unlock())
	second, err := r.sign(uid(1001), "main")
	r.must(err)
	verify(t, second, testSecret)
	if second.RequestNonce <= first.RequestNonce { // P6
		t.Fatalf("request nonce %d after %d", second.RequestNonce, first.RequestNonce)
	}
}

// P3: strangers learn nothing from the answer.
func TestUnknownBotUnknownLabelAndNoGrantGetTheSameAnswer(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addBot("idle", 1002), r.addKey("other", "KEY-2", testSecret))
	answers := map[string]error{}
	_, answers["unknown bot"] = r.sign(uid(7), "main")
	_, answers["unknown label"] = r.sign(uid(1001), "nothing")
	_, answers["no grant"] = r.sign(uid(1001), "other")
	_, answers["bot without any grant"] = r.sign(uid(1002), "main")
	for _, name := range []string{"mm-1", "unheard-of"} {
		_, answers["naming "+name] = r.v.Sign(uid(1002), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets", Bot: name})
	}
	_, answers["a stranger's malformed request"] = r.v.Sign(uid(7), vault.SignRequest{Label: "main", Path: "../x"})
	for name, err := range answers {
		wantKind(t, err, vault.KindNoGrant)
		if err.Error() != answers["unknown bot"].Error() {
			t.Errorf("%s answers %q, an unknown bot %q", name, err, answers["unknown bot"])
		}
	}
}

// P3: a class that the grant lacks, a credential mint, and what is not understood.
func TestAGrantSignsItsClassesAndNothingElse(t *testing.T) {
	r := newRig(t).ready()
	tests := map[string]struct {
		path, body string
		kind       vault.Kind
	}{
		"withdraw under read and trade":  {"v2/auth/w/withdraw", `{}`, vault.KindDenied},
		"cancel under read and trade":    {"v2/auth/w/order/cancel", `{"id":1}`, vault.KindDenied},
		"minting a token":                {"v2/auth/w/token", `{"scope":"api"}`, vault.KindDenied},
		"deleting a token":               {"v2/auth/w/token/del", `{}`, vault.KindDenied},
		"an algo order by class only":    {"v2/auth/w/ext/recurring-ao/create", `{}`, vault.KindDenied},
		"a path that is in no table":     {"v2/auth/w/everything", `{}`, vault.KindMalformed},
		"a doubled amount":               {"v2/auth/w/order/submit", `{"amount":"1","amount":"2"}`, vault.KindMalformed},
		"WebSocket auth by another door": {"AUTH1700000000000000", ``, vault.KindMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: test.path, Body: []byte(test.body)})
			wantKind(t, err, test.kind)
		})
	}
}

// P4
func TestACallerThatSeveralBotsMatchNamesOne(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addBot("mm-2", 1001))
	_, err := r.sign(uid(1001), "main")
	wantKind(t, err, vault.KindAmbiguous)
	_, err = r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets", Bot: "mm-1"})
	r.must(err)
	_, err = r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets", Bot: "mm-2"})
	wantKind(t, err, vault.KindNoGrant)
}

type program struct {
	exe string
	err error
}

func (p program) Exe() (string, error)      { return p.exe, p.err }
func (p program) Unit() (string, error)     { return "", p.err }
func (p program) SHA256() ([32]byte, error) { return [32]byte{}, p.err }

// P4: an executable that cannot be read is not the one that was registered.
func TestAMatchByExecutableNeedsAReadableOne(t *testing.T) {
	r := newRig(t)
	bot := vault.AddBot{Name: "exe-bot", Match: []policy.Match{{Exe: "/usr/bin/bot"}}}
	_, err := r.v.AddBot(ctx, r.by, bot, r.prove(r.by, bot.Operation()))
	r.must(err, r.addKey("main", "KEY-1", testSecret), r.grant("exe-bot", "main", policy.Trade))
	caller := uid(5)
	for name, test := range map[string]struct {
		exe  vault.Process
		kind vault.Kind
	}{
		"the very one": {program{"/usr/bin/bot", nil}, 0},
		"another":      {program{"/usr/bin/other", nil}, vault.KindNoGrant},
		"unreadable":   {program{"/usr/bin/bot", errors.New("no")}, vault.KindNoGrant},
		"unknown":      {nil, vault.KindNoGrant},
	} {
		caller.Process = test.exe
		if _, err := r.sign(caller, "main"); (err == nil) != (test.kind == 0) || (err != nil && vault.KindOf(err) != test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevokedGrantsAndRemovedBotsSignNothingAndComeBackEmpty(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
	r.must(err)
	_, err = r.sign(uid(1001), "main")
	wantKind(t, err, vault.KindNoGrant)
	r.must(r.grant("mm-1", "main", policy.Trade))
	_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
	r.must(err)
	_, err = r.sign(uid(1001), "main")
	wantKind(t, err, vault.KindNoGrant)
	r.reopen(nil)
	r.must(r.unlock(), r.addBot("mm-1", 1001))
	_, err = r.sign(uid(1001), "main")
	wantKind(t, err, vault.KindNoGrant)
	if bots, _ := r.v.Bots(false); len(bots) != 1 || len(bots[0].Grants) != 0 {
		t.Fatalf("a new bot under a removed name has %+v", bots)
	}
}

// A29, A30, A6 and P6: what could be confused or counted twice is not stored.
func TestAdminRefusesWhatCannotBeStored(t *testing.T) {
	r := newRig(t).ready()
	long := strings.Repeat("x", 33)
	for name, test := range map[string]struct {
		err  error
		kind vault.Kind
	}{
		"an upper-case label":         {r.addKey("Main", "K", "s"), vault.KindInvalid},
		"a label with a slash":        {r.addKey("a/b", "K", "s"), vault.KindInvalid},
		"an empty label":              {r.addKey("", "K", "s"), vault.KindInvalid},
		"a long label":                {r.addKey(long, "K", "s"), vault.KindInvalid},
		"an API key with a space":     {r.addKey("a", "K K", "s"), vault.KindInvalid},
		"an API key with a new line":  {r.addKey("a", "K\n", "s"), vault.KindInvalid},
		"a secret with a new line":    {r.addKey("a", "K", "s\n"), vault.KindInvalid},
		"a secret of another script":  {r.addKey("a", "K", "ключ"), vault.KindInvalid},
		"a secret too long":           {r.addKey("a", "K", strings.Repeat("s", 513)), vault.KindInvalid},
		"a label twice":               {r.addKey("main", "KEY-9", "s"), vault.KindExists},
		"an API key twice":            {r.addKey("second", "KEY-1", "s"), vault.KindExists},
		"a bot twice":                 {r.addBot("mm-1", 1), vault.KindExists},
		"a bot name with a wildcard":  {r.addBot("*", 1), vault.KindInvalid},
		"a bot of the overflow uid":   {r.addBot("nobody", policy.OverflowID), vault.KindInvalid},
		"a grant to nobody":           {r.grant("unknown", "main", policy.Read), vault.KindNotFound},
		"a grant on nothing":          {r.grant("mm-1", "unknown", policy.Read), vault.KindNotFound},
		"a grant that allows nothing": {r.grant("mm-1", "main", 0), vault.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, test.err, test.kind) })
	}
	if keys, _ := r.v.Keys(); len(keys) != 1 {
		t.Fatalf("%d API keys are there", len(keys))
	}
}

// P7: a vault that is there is never made anew, and a failed Init leaves nothing.
func TestInitRefusesAVaultThatIsThere(t *testing.T) {
	r := newRig(t)
	again := vault.Init{Params: vault.MinArgon2()}
	for _, state := range []string{"unlocked", "locked"} {
		again.KEK = r.seal(r.by, again.Purpose(), r.kek[:])
		_, err := r.v.Init(r.by, again)
		if vault.KindOf(err) != vault.KindInitialised {
			t.Fatalf("%s: %v", state, err)
		}
		r.v.Lock()
	}
	r.must(r.unlock())
}

// A3
func TestASecondVaultOnTheSameFileIsRefused(t *testing.T) {
	r := newRig(t).ready()
	if _, err := vault.Open(vault.Options{Path: r.path, Log: discard(), Checkable: func(policy.Match) error { return nil }}); err == nil {
		t.Fatal("opened twice")
	}
	_, err := r.sign(uid(1001), "main")
	r.must(err)
}

// P1: nothing that is printed, logged or stored holds a secret in the clear.
func TestNoSecretInFileOrLog(t *testing.T) {
	r := newRig(t).ready()
	_ = r.addKey("bad label!", "K", testSecret)
	wrong := vault.Unlock{Slot: 1}
	r.v.Lock()
	wrong.KEK = r.seal(r.by, wrong.Purpose(), []byte("not the KEK of thirty-two bytes."))
	_, _ = r.v.Unlock(ctx, r.by, wrong)
	for what, text := range map[string]string{"file": string(readFile(t, r.path)), "log": r.log.String()} {
		for _, needle := range []string{testSecret, testSecret[:16], string(r.kek[:])} {
			if strings.Contains(text, needle) {
				t.Errorf("the %s holds a secret", what)
			}
		}
	}
	if info, err := os.Stat(r.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file has mode %v: %v", info.Mode(), err)
	}
}
