package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// waitFor returns once some goroutine stands in a function.
func waitFor(function string) {
	stacks := make([]byte, 1<<20)
	for {
		if bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte(function)) {
			return
		}
		runtime.Gosched()
	}
}

// P3, P7: what a request was allowed by may be gone once it has waited for the disk.
func TestWhatWasRevokedDuringAWaitIsNotSigned(t *testing.T) {
	r := newRig(t).ready()
	daily := uint64(10)
	r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"trade"}, DailyRequests: &daily}))
	for name, after := range map[string]struct {
		bots map[string]policy.BotSpec
		kind vault.Kind
	}{
		"the bot":    {map[string]policy.BotSpec{"other": botOf(5)}, vault.KindNoGrant},
		"its grant":  {map[string]policy.BotSpec{"mm-1": botOf(1001)}, vault.KindNoGrant},
		"its rights": {map[string]policy.BotSpec{"mm-1": botOf(1001, grantOn("main", "read"))}, vault.KindDenied},
	} {
		t.Run(name, func(t *testing.T) {
			spec := policy.GrantSpec{Key: "main", Allow: []string{"trade"}, DailyRequests: &daily}
			r.must(r.apply(map[string]policy.BotSpec{"mm-1": botOf(1001, spec)}, false))
			signed := make(chan error, 1)
			r.checking = func() {
				r.checking = nil
				go func() { _, err := r.sign(uid(1001), "main"); signed <- err }()
				waitFor("limits.(*Meter).Take(") // which waits for the commit that this change stands before
			}
			r.must(r.apply(after.bots, false))
			wantKind(t, <-signed, after.kind)
		})
	}
}

// P3, A40: a lock forgets nothing of what was signed and spent up to then.
func TestALockKeepsOrdersAndLosesNothingOfALimit(t *testing.T) {
	r := newRig(t).ready()
	spec := maker(t)
	daily := uint64(6400)
	spec.DailyRequests = &daily
	spec.Rate = nil
	r.must(r.grantSpec("mm-1", spec))
	const rounds = 5
	for cid := 1; cid <= rounds; cid++ {
		r.must(r.write("order/submit", fmt.Sprintf(`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":%d}`, cid)))
		r.v.Lock()
		r.must(r.unlock())
	}
	bot, err := r.v.Bot("mm-1")
	r.must(err)
	if left := *bot.Grants[0].Left.Requests; left != daily-rounds {
		t.Errorf("%d requests are left after %d", left, rounds)
	}
	for cid := 1; cid <= rounds; cid++ {
		if err := r.raise(cid); err != nil {
			t.Errorf("order %d: %v", cid, err)
		}
	}
}

// A35: a request that the limits refuse changes nothing that is remembered.
func TestALimitedUpdateLeavesTheOrderAsItIs(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantSpec("mm-1", maker(t)), r.addBot("loud", 1002))
	loud := maker(t)
	loud.Rate = &policy.RateSpec{PerSecond: dec(t, "0.0001")}
	r.must(r.grantSpec("loud", loud))
	r.must(r.write("order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":7}`))
	_, err := r.sign(uid(1002), "main")
	r.must(err) // its one token
	before := r.v.Status().Revision
	today := time.Now().UTC().Format(time.DateOnly)
	body := fmt.Sprintf(`{"cid":7,"cid_date":%q,"delta":"0.2"}`, today)
	for range 3 {
		_, err := r.v.Sign(uid(1002), vault.SignRequest{Label: "main", Path: "v2/auth/w/order/update", Body: []byte(body)})
		wantKind(t, err, vault.KindLimited)
	}
	if after := r.v.Status().Revision; after > before+1 { // the order itself may still have been on its way
		t.Errorf("refused updates took the vault from revision %d to %d", before, after)
	}
	r.must(r.write("order/update", body))
}

// P1, A49: who has no business here learns nothing of the file.
func TestWhoAmIKeepsTheStateOfTheFileToItself(t *testing.T) {
	r := newRig(t).ready()
	r.reopen(func(path string) {
		text := readFile(t, path)
		for i := range text[2*4096:] { // all but the two meta pages
			text[2*4096+i] ^= 0x55
		}
		r.must(os.WriteFile(path, text, 0o600))
	})
	_, signing := r.sign(uid(1001), "main")
	_, asking := r.v.WhoAmI(uid(4242))
	for _, err := range []error{signing, asking} {
		wantKind(t, err, vault.KindTampered)
		var e *vault.Error
		if errors.As(err, &e); strings.Contains(err.Error()+e.Hint, "page") || strings.Contains(err.Error()+e.Hint, "restore") {
			t.Errorf("a bot is told %v, %s", err, e.Hint)
		}
	}
}

// A flood of one grant's denials hides nobody else's, and each names its bot.
func TestDenialsOfEachGrantReachTheLog(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addBot("quiet", 1002), r.grant("quiet", "main", policy.Read))
	for range 200 {
		wantKind(t, r.write("withdraw", enforcedPayout), vault.KindDenied)
	}
	_, err := r.sign(uid(1002), "main")
	wantKind(t, err, vault.KindDenied)
	log := r.log.String()
	if n := strings.Count(log, "bot=mm-1"); n < 10 || n > 60 { // ten a second
		t.Errorf("%d of 200 denials were logged in full", n)
	}
	if !strings.Contains(log, "bot=quiet") {
		t.Error("the flood hid another bot's denial")
	}
}

// A18: what costs a thousand times its text is refused before it is made.
func TestAPolicyOfTooManyItemsIsRefused(t *testing.T) {
	many := []byte(`{"a":{"grants":[{}` + strings.Repeat(`,{}`, 1<<16) + `]}}`)
	if _, err := vault.ParsePolicy(many); vault.KindOf(err) != vault.KindInvalid {
		t.Errorf("%v", err)
	}
	if _, err := vault.ParseGrant([]byte(`{"key":"main","symbols":null}`)); vault.KindOf(err) != vault.KindInvalid {
		t.Errorf("null for a rule: %v", err)
	}
}

// A rehearsal has the time that its requests name, long past or not.
func TestARehearsalGoesByTheTimeOfItsRequests(t *testing.T) {
	bots := map[string]policy.BotSpec{"a": botOf(1, policy.GrantSpec{Key: "main", Allow: []string{"read"}, Rate: &policy.RateSpec{PerSecond: dec(t, "1")}})}
	rehearsal, err := vault.NewRehearsal(bots)
	if err != nil {
		t.Fatal(err)
	}
	request := vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets"}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, want := range []bool{true, false, true} {
		at := start.Add(time.Duration(i) * 500 * time.Millisecond)
		if v := rehearsal.Judge("a", request, at); v.Allowed != want {
			t.Errorf("request %d: %+v", i, v)
		}
	}
}
