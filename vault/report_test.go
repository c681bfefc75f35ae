package vault_test

import (
	"fmt"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// addProxy registers vaultproxy under a user.
func (r *rig) addProxy(uid uint32) {
	r.t.Helper()
	request := vault.AddBot{Name: "proxy", Match: []policy.Match{{UID: &uid}}, Role: policy.RoleProxy}
	_, err := r.v.AddBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
	r.must(err)
}

// A35, P4: who has a stand-in credential that is bound to vaultproxy's user is a bot of that
// user, so what is reported under it is not believed.
func TestNothingIsReportedUnderTheUserOfAStandIn(t *testing.T) {
	bubble(t, func(r *rig) {
		r.addProxy(900)
		proxy, bound := uint32(900), "bfxv_abcdefghijklmnopqrstuvwxyz543210"
		report := func() error {
			time.Sleep(time.Microsecond)
			signed, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
			r.must(err)
			_, err = r.v.ReportOrder(uid(proxy), standInID, signed.AuditSeq, []vault.PlacedOrder{{ID: 150, CID: 1e12, Symbol: "tBTCUSD"}})
			return err
		}
		r.must(report())
		r.must(r.issue(vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: bound, UID: &proxy}, standInSecret))
		wantKind(t, report(), vault.KindNoGrant)
		_, err := r.v.RecallStandIn(ctx, r.by, "mm-1", bound)
		r.must(err, report())
	})
}

// A35: whoever signs many orders on an API key, and sends none, takes no other bot's order
// from those whose answers are awaited.
func TestNoBotCrowdsOutTheReportsOfAnother(t *testing.T) {
	bubble(t, func(r *rig) {
		r.addProxy(900)
		other := "bfxv_abcdefghijklmnopqrstuvwxyz543210"
		r.must(r.addBot("mm-2", 1002), r.grant("mm-2", "main", policy.Trade))
		r.must(r.issue(vault.IssueStandIn{Bot: "mm-2", Label: "main", ID: other}, standInSecret))
		signed, err := r.v.Sign(stranger, proofOf(testPath, testOrder, nonceAt(time.Now())))
		r.must(err)
		for range 300 {
			time.Sleep(time.Microsecond)
			request := proofOf(testPath, testOrder, nonceAt(time.Now()))
			request.StandIn.ID = other
			_, err := r.v.Sign(stranger, request)
			r.must(err)
		}
		known, err := r.v.ReportOrder(uid(900), standInID, signed.AuditSeq, []vault.PlacedOrder{{ID: 150, CID: 1e12, Symbol: "tBTCUSD"}})
		if err != nil || known != 1 {
			t.Errorf("%d known, %v", known, err)
		}
	})
}

// A35: what a bot without rules has updated by an id that vaultd does not know, another bot
// of that API key can no longer update as what was signed.
func TestABotWithoutRulesMakesUnknownWhatItMayHaveUpdated(t *testing.T) {
	bubble(t, func(r *rig) {
		r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"trade"}, MaxOrder: map[string]policy.Decimal{"BTC": dec(r.t, "0.5")}}))
		r.must(r.addBot("mm-2", 1002), r.grant("mm-2", "main", policy.Trade))
		ask := func(user uint32, path, body string) error {
			_, err := r.v.Sign(uid(user), vault.SignRequest{Label: "main", Path: path, Body: []byte(body)})
			return err
		}
		const byCID, byID = `{"cid":80000000000000,"cid_date":"%s","delta":"0.1"}`, `{"id":150,"amount":"100"}`
		place := func() error {
			return ask(1001, testPath, `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":80000000000000}`)
		}
		update := func() error {
			return ask(1001, "v2/auth/w/order/update", fmt.Sprintf(byCID, time.Now().UTC().Format(time.DateOnly)))
		}
		r.must(place(), update())
		wantDenied(t, ask(1001, "v2/auth/w/order/update", byID), vault.KindUnknownOrder, "unknown_order id")
		r.must(update()) // what was refused changes nothing
		r.must(ask(1002, "v2/auth/w/order/update", byID))
		wantDenied(t, update(), vault.KindUnknownOrder, "unknown_order id")
		r.reopen(nil)
		r.must(r.unlock())
		wantDenied(t, update(), vault.KindUnknownOrder, "unknown_order id")
	})
}
