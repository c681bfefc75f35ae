package vault_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

const (
	standInID     = "bfxv_abcdefghijklmnopqrstuvwxyz012345"
	standInSecret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
)

func (r *rig) issue(request vault.IssueStandIn, secret string) error {
	r.t.Helper()
	if secret != "" {
		request.Secret = r.seal(r.by, request.Purpose(), []byte(secret))
	}
	_, err := r.v.IssueStandIn(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

// standing issues the stand-in credential of mm-1, for any user.
func (r *rig) standing() *rig {
	r.t.Helper()
	r.must(r.issue(vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID}, standInSecret))
	return r
}

func hmacOf(secret, text string) string {
	m := hmac.New(sha512.New384, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// proofOf is how a stock client signs.
func proofOf(path, body, nonce string) vault.SignRequest {
	return vault.SignRequest{Path: path, Body: []byte(body), StandIn: &vault.StandInProof{
		ID: standInID, Nonce: nonce, Signature: hmacOf(standInSecret, "/api/"+path+nonce+body),
	}}
}

const testPath = "v2/auth/w/order/submit"

func nonceAt(at time.Time) string { return fmt.Sprint(at.UnixMicro()) }

// stranger is a process that no bot's match names.
var stranger = vault.Caller{UID: 4242, GID: 4242}

// bubble runs a test where time stands still unless it sleeps.
func bubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	awake(t, vault.AutoLock{}, func(r *rig) {
		time.Sleep(time.Second) // after the unlock
		f(r.standing())
		synctest.Wait()
	})
}

// P4: what a stock client signs with its stand-in credential is signed with the API key,
// whoever brings it, in microseconds and milliseconds, over a restart too.
func TestARequestWithAStandInIsSigned(t *testing.T) {
	bubble(t, func(r *rig) {
		for _, nonce := range []string{nonceAt(time.Now()), fmt.Sprint(time.Now().UnixMilli())} {
			s, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonce))
			r.must(err)
			verify(t, s, testSecret)
			if s.APIKey != "KEY-1" || s.AuditSeq == 0 {
				t.Errorf("%+v", s)
			}
		}
		upper := proofOf("v2/auth/r/wallets", "", nonceAt(time.Now()))
		upper.StandIn.Signature = strings.ToUpper(upper.StandIn.Signature)
		_, err := r.v.Sign(stranger, upper)
		r.must(err)
		r.reopen(nil)
		r.must(r.unlock())
		time.Sleep(time.Second)
		_, err = r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
		r.must(err)
		list, err := r.v.StandIns("mm-1")
		if err != nil || len(list) != 1 || list[0].ID != standInID || list[0].LastUsed == 0 || list[0].Label != "main" || list[0].Bot != "mm-1" {
			t.Errorf("%+v: %v", list, err)
		}
		for _, e := range r.records() {
			if e.Op == "sign" && e.Bot != "mm-1" {
				t.Errorf("a record is of %q", e.Bot)
			}
		}
	})
}

// REST v1: path and parameters are those of the payload that was signed.
func TestAPayloadWithAStandInIsSigned(t *testing.T) {
	bubble(t, func(r *rig) {
		request := func(nonce, text string) vault.SignRequest {
			payload := base64.StdEncoding.EncodeToString([]byte(text))
			return vault.SignRequest{Path: "v1/order/new", StandIn: &vault.StandInProof{
				ID: standInID, Nonce: nonce, Payload: payload, Signature: hmacOf(standInSecret, payload),
			}}
		}
		nonce := nonceAt(time.Now())
		const order = `"symbol":"btcusd","amount":"0.1","price":"10000","side":"buy","type":"exchange limit"`
		s, payload, err := r.v.SignV1(stranger, request(nonce, `{"request":"/v1/order/new","nonce":"`+nonce+`",`+order+`}`))
		r.must(err)
		if string(s.Hex[:]) != hmacOf(testSecret, payload) {
			t.Error("the signature is wrong")
		}
		text, err := base64.StdEncoding.DecodeString(payload)
		if err != nil || string(text) != fmt.Sprintf(`{"request":"/v1/order/new","nonce":"%d",%s}`, s.RequestNonce, order) {
			t.Errorf("%s: %v", text, err)
		}
		for what, text := range map[string]string{
			"another path":    `{"request":"/v1/balances","nonce":"` + nonce + `",` + order + `}`,
			"another nonce":   `{"request":"/v1/order/new","nonce":"` + nonceAt(time.Now().Add(1)) + `1",` + order + `}`,
			"no nonce":        `{"request":"/v1/order/new",` + order + `}`,
			"doubled request": `{"request":"/v1/order/new","request":"/v1/order/new","nonce":"` + nonce + `",` + order + `}`,
		} {
			_, _, err := r.v.SignV1(stranger, request(nonce, text))
			if err == nil || vault.KindOf(err) != vault.KindMalformed {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// A22, P4: without the secret nothing is signed, and nobody learns what there is.
func TestWhatIsNotSignedWithAStandInIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		nonce := nonceAt(time.Now())
		good := func() vault.SignRequest { return proofOf(testPath, testOrder, nonce) }
		for what, change := range map[string]func(q *vault.SignRequest){
			"another secret":   func(q *vault.SignRequest) { q.StandIn.Signature = hmacOf("x", "/api/"+testPath+nonce+testOrder) },
			"no signature":     func(q *vault.SignRequest) { q.StandIn.Signature = "" },
			"cut off":          func(q *vault.SignRequest) { q.StandIn.Signature = q.StandIn.Signature[:95] },
			"another id":       func(q *vault.SignRequest) { q.StandIn.ID = "bfxv_00000000000000000000000000000000" },
			"no id":            func(q *vault.SignRequest) { q.StandIn.ID = "" },
			"an API key's id":  func(q *vault.SignRequest) { q.StandIn.ID = "KEY-1" },
			"another body":     func(q *vault.SignRequest) { q.Body = []byte(strings.Replace(testOrder, "0.1", "0.2", 1)) },
			"another path":     func(q *vault.SignRequest) { q.Path = "v2/auth/w/order/update" },
			"another nonce":    func(q *vault.SignRequest) { q.StandIn.Nonce = nonceAt(time.Now().Add(time.Second)) },
			"no nonce":         func(q *vault.SignRequest) { q.StandIn.Nonce = "" },
			"a nonce of words": func(q *vault.SignRequest) { q.StandIn.Nonce = "now" },
		} {
			q := good()
			change(&q)
			if _, err := r.v.Sign(stranger, q); err == nil || vault.KindOf(err) != vault.KindNoGrant {
				t.Errorf("%s: %v", what, err)
			}
		}
		q := good()
		q.Label = "main"
		_, err := r.v.Sign(stranger, q)
		wantKind(t, err, vault.KindMalformed)
		_, err = r.v.Sign(stranger, good()) // none of it has used up the nonce
		r.must(err)
	})
}

// P4: a request that changes something is good once, one that is not of now never, and
// one from before the unlock never.
func TestAStandInsRequestIsGoodOnceAndNow(t *testing.T) {
	bubble(t, func(r *rig) {
		order := func(at time.Time) error {
			_, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(at)))
			return err
		}
		now := time.Now()
		r.must(order(now))
		wantDenied(t, order(now), vault.KindDenied, "stand_in_nonce nonce")
		for range 2 { // a read changes nothing
			_, err := r.v.Sign(stranger, proofOf("v2/auth/r/wallets", "{}", nonceAt(now)))
			r.must(err)
		}
		time.Sleep(59 * time.Second)
		wantDenied(t, order(now), vault.KindDenied, "stand_in_nonce nonce")
		r.must(order(time.Now().Add(time.Minute)), order(time.Now().Add(time.Microsecond-time.Minute)))
		for _, off := range []time.Duration{-time.Minute - time.Millisecond, time.Minute + time.Millisecond, -time.Hour, time.Hour} {
			wantDenied(t, order(time.Now().Add(off)), vault.KindDenied, "stand_in_nonce nonce")
		}
		before := time.Now()
		r.v.Lock()
		time.Sleep(time.Second)
		r.must(r.unlock())
		wantDenied(t, order(before.Add(time.Millisecond)), vault.KindDenied, "stand_in_nonce nonce")
		time.Sleep(time.Second)
		r.must(order(time.Now()))
	})
}

// Bitfinex has refused a signature for its request nonce: the same request gets another,
// once, soon, over the same connection, and is charged again.
func TestARefusedNonceIsRetriedOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		proxy, other := stranger, stranger
		proxy.Conn, other.Conn = "one", "two"
		q := proofOf(testPath, testOrder, nonceAt(time.Now()))
		first, err := r.v.Sign(proxy, q)
		r.must(err)
		q.StandIn.Retries = first.AuditSeq
		_, err = r.v.Sign(other, q)
		wantDenied(t, err, vault.KindDenied, "stand_in_nonce nonce")
		second, err := r.v.Sign(proxy, q)
		r.must(err)
		verify(t, second, testSecret)
		if second.RequestNonce <= first.RequestNonce {
			t.Errorf("%d after %d", second.RequestNonce, first.RequestNonce)
		}
		for _, seq := range []uint64{first.AuditSeq, second.AuditSeq, 1} {
			q.StandIn.Retries = seq
			_, err = r.v.Sign(proxy, q)
			wantDenied(t, err, vault.KindDenied, "stand_in_nonce nonce")
		}
	})
}

// P4: a credential that is bound to a user is good for its requests alone, and only
// vaultproxy, registered as that, is believed about who that is.
func TestAStandInIsBoundToItsUser(t *testing.T) {
	bubble(t, func(r *rig) {
		bound, proxy := uint32(1001), uint32(900)
		r.must(r.issue(vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID, UID: &bound}, ""))
		order := func(c vault.Caller, says *uint32) error {
			q := proofOf(testPath, testOrder, nonceAt(time.Now()))
			q.StandIn.UID = says
			time.Sleep(time.Microsecond)
			_, err := r.v.Sign(c, q)
			return err
		}
		r.must(order(uid(1001), nil))
		wantDenied(t, order(uid(1002), nil), vault.KindDenied, "stand_in stand_in")
		wantDenied(t, order(uid(1002), &bound), vault.KindDenied, "stand_in stand_in")
		request := vault.AddBot{Name: "proxy", Match: []policy.Match{{UID: &proxy}}, Role: policy.RoleProxy}
		_, err := r.v.AddBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
		r.must(err, order(uid(900), &bound))
		wantDenied(t, order(uid(900), nil), vault.KindDenied, "stand_in stand_in")
		wantDenied(t, order(uid(900), &proxy), vault.KindDenied, "stand_in stand_in")
		wantDenied(t, order(uid(1001), &proxy), vault.KindDenied, "stand_in stand_in") // a vaultproxy that nobody has registered
		r.must(order(uid(1001), &bound))
	})
}

// A35, P4: an update by Bitfinex's id is judged as the order that was signed, once
// vaultproxy has reported that id; whoever else says so is not believed, nor vaultproxy under
// the user of a bot.
func TestOrdersAreKnownByTheIDThatVaultproxyReports(t *testing.T) {
	bubble(t, func(r *rig) {
		r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"read", "trade"}, MaxOrder: map[string]policy.Decimal{"BTC": dec(r.t, "0.5")}}))
		const order = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000"}`
		ask := func(path, body string) (vault.Signature, error) {
			time.Sleep(time.Microsecond)
			return r.v.Sign(stranger, proofOf(path, body, nonceAt(time.Now())))
		}
		update := func(amount string) error {
			_, err := ask("v2/auth/w/order/update", `{"id":150,"amount":"`+amount+`"}`)
			return err
		}
		report := func(c vault.Caller, standIn string, seq uint64) (int, error) {
			return r.v.ReportOrder(c, standIn, seq, []vault.PlacedOrder{{ID: 150, CID: 1e12, Symbol: "tBTCUSD"}})
		}
		proxy := func(name string, uid uint32, role string) {
			request := vault.AddBot{Name: name, Match: []policy.Match{{UID: &uid}}, Role: role}
			_, err := r.v.AddBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
			r.must(err)
		}
		proxy("proxy", 900, policy.RoleProxy)
		proxy("shared", 1001, policy.RoleProxy) // mm-1's
		signed, err := ask(testPath, order)
		r.must(err)
		for _, c := range []vault.Caller{stranger, uid(1001)} {
			_, err := report(c, standInID, signed.AuditSeq)
			wantKind(t, err, vault.KindNoGrant)
		}
		for what, f := range map[string]func() (int, error){
			"another signature":  func() (int, error) { return report(uid(900), standInID, signed.AuditSeq+1) },
			"another credential": func() (int, error) { return report(uid(900), standInID+"x", signed.AuditSeq) },
		} {
			if known, err := f(); err != nil || known != 0 {
				t.Errorf("%s: %d known, %v", what, known, err)
			}
		}
		wantDenied(t, update("0.2"), vault.KindUnknownOrder, "unknown_order id")
		if known, err := report(uid(900), standInID, signed.AuditSeq); err != nil || known != 1 {
			t.Fatalf("%d known, %v", known, err)
		}
		r.must(update("0.2"))
		wantDenied(t, update("0.6"), vault.KindDenied, "max_order amount")
		r.reopen(nil)
		r.must(r.unlock())
		time.Sleep(time.Second)
		r.must(update("0.5"))
		wantDenied(t, update("0.6"), vault.KindDenied, "max_order amount")

		_, err = r.v.ReportOrder(uid(900), standInID, 1, nil)
		wantKind(t, err, vault.KindMalformed)
		proxy("trying", 1002, policy.RoleProxySameUID)
		r.must(r.addBot("mm-2", 1002))
		signed, err = ask(testPath, order)
		r.must(err)
		_, err = report(uid(1002), standInID, signed.AuditSeq)
		r.must(err)
		r.v.Lock()
		_, err = report(uid(900), standInID, signed.AuditSeq)
		wantKind(t, err, vault.KindLocked)
	})
}

// A recall acts at once and can be undone; grant, bot and expiry end it as well, and
// another bot of its name has none of it (P7).
func TestAStandInEnds(t *testing.T) {
	bubble(t, func(r *rig) {
		order := func() error {
			time.Sleep(time.Microsecond)
			_, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
			return err
		}
		again := vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID}
		for range 2 { // and over a restart
			_, err := r.v.RecallStandIn(ctx, r.by, "mm-1", standInID)
			r.must(err)
			wantKind(t, order(), vault.KindNoGrant)
			r.reopen(nil)
			r.must(r.unlock())
			time.Sleep(time.Second)
			wantKind(t, order(), vault.KindNoGrant)
			r.must(r.issue(again, ""), order())
		}
		_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
		r.must(err)
		wantKind(t, order(), vault.KindNoGrant)
		r.must(r.grant("mm-1", "main", policy.Read|policy.Trade), order())

		again.Expires = time.Now().Add(time.Hour).Unix()
		r.must(r.issue(again, ""), order())
		time.Sleep(time.Hour)
		wantDenied(t, order(), vault.KindDenied, "stand_in stand_in")
		again.Expires = 0
		r.must(r.issue(again, ""), order())

		_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
		r.must(err)
		wantKind(t, order(), vault.KindNoGrant)
		r.must(r.enable("mm-1"), order()) // as it was
		_, err = r.v.RecallStandIn(ctx, r.by, "mm-1", standInID)
		r.must(err)
		_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
		r.must(err, r.enable("mm-1"))
		wantKind(t, order(), vault.KindNoGrant) // recalled before
		r.must(r.issue(again, ""))
		_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
		r.must(err)
		r.must(r.addBot("mm-1", 1001), r.grant("mm-1", "main", policy.Read|policy.Trade))
		wantKind(t, order(), vault.KindNoGrant)
		_, err = r.v.RecallStandIn(ctx, r.by, "mm-2", standInID)
		wantKind(t, err, vault.KindNotFound)
	})
}

// A43: after a restore every stand-in credential waits for its operator.
func TestAfterARestoreStandInsWait(t *testing.T) {
	r := newRig(t).ready().standing()
	var copied []byte
	r.reopen(func(path string) { copied = readFile(t, path) })
	r.must(r.unlock())
	_, err := r.v.RecallStandIn(ctx, r.by, "mm-1", standInID)
	r.must(err)
	r.reopen(func(path string) { writeFile(t, path, copied) })
	r.must(r.acceptRollback(), r.resume("mm-1"))
	for range 2 {
		_, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
		wantKind(t, err, vault.KindNoGrant)
		list, err := r.v.StandIns("")
		if err != nil || len(list) != 1 || !list[0].Suspended {
			t.Fatalf("%+v: %v", list, err)
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
	r.must(r.issue(vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID}, ""))
	_, err = r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
	r.must(err)
}

func TestAStandInThatCannotBeIsRefused(t *testing.T) {
	r := newRig(t).ready()
	good := vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID}
	for what, c := range map[string]struct {
		change func(q *vault.IssueStandIn)
		secret string
		kind   vault.Kind
	}{
		"a short id":      {func(q *vault.IssueStandIn) { q.ID = q.ID[:36] }, standInSecret, vault.KindInvalid},
		"another prefix":  {func(q *vault.IssueStandIn) { q.ID = "bfxw" + q.ID[4:] }, standInSecret, vault.KindInvalid},
		"an odd id":       {func(q *vault.IssueStandIn) { q.ID = q.ID[:36] + "A" }, standInSecret, vault.KindInvalid},
		"a short secret":  {func(*vault.IssueStandIn) {}, standInSecret[1:], vault.KindInvalid},
		"an odd secret":   {func(*vault.IssueStandIn) {}, standInSecret[1:] + "\x00", vault.KindInvalid},
		"no such bot":     {func(q *vault.IssueStandIn) { q.Bot = "nobody" }, standInSecret, vault.KindNotFound},
		"no such grant":   {func(q *vault.IssueStandIn) { q.Label = "other" }, standInSecret, vault.KindNotFound},
		"expired":         {func(q *vault.IssueStandIn) { q.Expires = 1 }, standInSecret, vault.KindInvalid},
		"nothing to undo": {func(*vault.IssueStandIn) {}, "", vault.KindNotFound},
	} {
		q := good
		c.change(&q)
		if err := r.issue(q, c.secret); err == nil || vault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.must(r.issue(good, standInSecret))
	wantKind(t, r.issue(good, standInSecret), vault.KindExists)
	_, err := r.v.IssueStandIn(ctx, r.by, good, vault.Proof{})
	if err == nil {
		t.Error("without a proof")
	}
	for i := range 63 {
		q := good
		q.ID = fmt.Sprintf("bfxv_%032d", i)
		r.must(r.issue(q, standInSecret))
	}
	q := good
	q.ID = fmt.Sprintf("bfxv_%032d", 64)
	wantKind(t, r.issue(q, standInSecret), vault.KindInvalid)
}
