package vault_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// restored is a vault whose file was put back as it was, and accepted so. Since the copy
// was made, all of the day's requests but one were spent, an order was signed under a
// cid that the file does not know, the bot mm-2 was removed, and last was given out.
func restored(t *testing.T) (r *rig, last uint64) {
	t.Helper()
	r = newRig(t).ready()
	for cid := 100; cid < 170; cid++ { // more than one record of orders
		r.must(r.order(cid))
	}
	r.must(r.grantDaily(6), r.addBot("mm-2", 1002), r.grant("mm-2", "main", policy.Read|policy.Trade), r.addBot("gone", 1003))
	_, err := r.v.RemoveBot(ctx, r.by, "gone")
	r.must(err, r.order(7), r.raise(7))
	var copied []byte
	r.reopen(func(path string) { copied = readFile(t, path) })
	r.must(r.unlock(), r.order(8))
	for range 2 {
		s, err := r.sign(uid(1001), "main")
		r.must(err)
		last = max(last, s.RequestNonce)
	}
	_, err = r.v.RemoveBot(ctx, r.by, "mm-2")
	r.must(err)
	r.reopen(func(path string) {
		if err := os.WriteFile(path, copied, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	r.must(r.acceptRollback())
	return r, last
}

func (r *rig) acceptRollback() error {
	r.t.Helper()
	request := vault.Unlock{Slot: 1, AcceptRollback: true}
	request.KEK = r.seal(r.by, request.Purpose(), r.kek[:])
	_, err := r.v.Unlock(ctx, r.by, request)
	return err
}

// resume is what the operator does once the rules of a restore hold: bots come back, and
// the API key main signs.
func (r *rig) resume(bots ...string) error {
	r.t.Helper()
	for _, name := range bots {
		if err := r.enable(name); err != nil {
			return err
		}
	}
	_, err := r.promote("main", 0, 0)
	return err
}

func (r *rig) grantDaily(n uint64) error {
	r.t.Helper()
	return r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"read", "trade", "cancel"}, DailyRequests: &n,
		MaxOrder: map[string]policy.Decimal{"BTC": policy.NewDecimal(5)}})
}

func (r *rig) order(cid int) error {
	r.t.Helper()
	return r.write("order/submit", fmt.Sprintf(`{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":%d}`, cid))
}

// P6, A43: bots come back suspended, one that was removed meanwhile too, and a bot that
// was removed before does not.
func TestARestoreBringsBotsBackSuspended(t *testing.T) {
	r, _ := restored(t)
	for range 2 { // and stays so over a restart
		bots, err := r.v.Bots(false)
		if err != nil || len(bots) != 2 || bots[0].Suspended == 0 || bots[1].Suspended == 0 {
			t.Fatalf("%+v: %v", bots, err)
		}
		for _, n := range []uint32{1001, 1002} {
			_, err := r.sign(uid(n), "main")
			wantDenied(t, err, vault.KindDenied, "suspended path")
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
}

// P6, A40, A43: also for a grant that had spent nothing yet, and whatever it is given.
func TestARestoreSpendsTheLimitsOfTheDay(t *testing.T) {
	began := dayOf(time.Now()) // which may end meanwhile
	r, _ := restored(t)
	r.must(r.resume("mm-1", "mm-2"))
	for range 2 {
		for _, n := range []uint64{6, 1000} {
			r.must(r.grantDaily(n))
			_, err := r.sign(uid(1001), "main")
			if dayOf(time.Now()) == began {
				wantDenied(t, err, vault.KindLimited, "daily_requests")
			}
		}
		r.must(r.grantSpec("mm-2", policy.GrantSpec{Key: "main", Allow: []string{"read", "trade"}, DailyNotional: map[string]policy.Decimal{"USD": policy.NewDecimal(1e9)}}))
		_, err := r.sign(uid(1002), "main")
		if dayOf(time.Now()) == began {
			wantDenied(t, err, vault.KindLimited, "daily_notional")
		}
		r.must(r.grant("mm-2", "main", policy.Read|policy.Trade)) // without such a limit
		_, err = r.sign(uid(1002), "main")
		r.must(err)
		r.reopen(nil)
		r.must(r.unlock())
	}
}

// A35, A43: an order that was raised since is more than the file says of it, and a cid
// that it does not know may have an order.
func TestAfterARestoreNoOrderIsKnown(t *testing.T) {
	r, _ := restored(t)
	r.reopen(func(path string) {
		if left := dump(t, path)[store.Orders]; len(left) != 1 || left["main/bare"] == nil {
			t.Errorf("records of orders: %d", len(left))
		}
	})
	r.must(r.unlock(), r.resume("mm-1"), r.unlimited())
	r.must(r.order(8), r.order(9)) // 8 is one of those that were lost
	for range 2 {
		for _, cid := range []int{7, 8, 9} {
			wantKind(t, r.raise(cid), vault.KindUnknownOrder)
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
}

// unlimited keeps the rule that asks what an order is.
func (r *rig) unlimited() error {
	r.t.Helper()
	return r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"read", "trade"},
		MaxOrder: map[string]policy.Decimal{"BTC": policy.NewDecimal(5)}})
}

// P6, A42: what was given out after the copy was made is not given again, and the key
// needs no `nonce accept`.
func TestARestoreMovesRequestNoncesAhead(t *testing.T) {
	before := time.Now()
	r, last := restored(t)
	for range 2 {
		view, err := r.v.ShowNonce("main")
		if err != nil || view.Held != "" || view.Mark < uint64(before.Add(2*time.Minute).UnixMicro()) {
			t.Errorf("%+v: %v", view, err)
		}
		r.reopen(nil)
		r.must(r.unlock())
	}
	r.must(r.resume("mm-1"), r.unlimited())
	for range 2 {
		s, err := r.sign(uid(1001), "main")
		r.must(err)
		verify(t, s, testSecret)
		if s.RequestNonce <= last || s.RequestNonce < uint64(before.Add(2*time.Minute).UnixMicro()) {
			t.Errorf("request nonce %d after %d", s.RequestNonce, last)
		}
		last = s.RequestNonce
		r.reopen(nil)
		r.must(r.unlock())
	}
}

func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
