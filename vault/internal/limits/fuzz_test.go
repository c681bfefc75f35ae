package limits_test

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// seedRecords are records as this version writes them: golden, so that a change of
// the format shows.
func seedRecords() map[string]string {
	return map[string]string{
		"bot/main": "01" + "d9a101" + "02" + "00" + "0135" + "03555344" + "0632332e343035",
		"id/0000000000000000": "01" + "c0fcdad406" + "0107008001" + "0774425443555344" + "03312e35" + "023930" + "03313030" +
			"0108008001" + "0774425443555344" + "0131" + "0131" + "0131" + "000800" +
			"0209008001" + "0774425443555344" + "0131" + "0131" + "0131" + "63" + "0200008001" + "0774425443555344" + "0131" + "0132" + "0132" + "64",
		"id/missed": "01" + "0a" + "14" + "c0fcdad406",
		"id/bare":   "01" + "d098dbd406" + "00",
		"id/stray":  "01" + "d098dbd406" + "00",
	}
}

// The same of a restore: a day that is spent, and orders that are forgotten.
const (
	spentSeed     = "01" + "d9a101" + "00" + "01"
	forgottenSeed = "01" + "00" + "00" + "c0fcdad406"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The format of docs and golden records: what is written today is what these say.
func TestRecordsAreWrittenAsTheyWere(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		m, o := d.meter(l, now(), true), d.orders(l)
		spend := request(submit(0, "tBTCUSD", "1", "22.4"), submit(0, "tBTCUSD", "0.005", "1"))
		for range 3 { // which cost a request, and no notional
			spend.Ops = append(spend.Ops, policy.Op{Action: policy.Transfer, Class: policy.Withdraw})
		}
		if err := m.Take(&policy.Limits{DailyRequests: ptr(uint64(63)), DailyNotional: map[string]policy.Decimal{"USD": dec("64")}}, spend, now()); err != nil {
			t.Fatal(err)
		}
		remember(t, o, submit(7, "tBTCUSD", "1.5", "100"), submit(8, "tBTCUSD", "1", "1"), submit(8, "tBTCUSD", "1", "1"))
		judge(t, o, update(7, time.Now(), "", "", "90"))
		remember(t, o, submit(9, "tBTCUSD", "1", "1"), submit(0, "tBTCUSD", "1", "2"))
		report(o, request(submit(9, "tBTCUSD", "1", "1")), limits.Reported{ID: 99, CID: 9, Symbol: "tBTCUSD"})
		report(o, request(submit(0, "tBTCUSD", "1", "2")), limits.Reported{ID: 100, CID: 1e12, Symbol: "tBTCUSD"})
		straying(t, o, byID(200, 0, "1", "", ""))
		synctest.Wait()
		for key, want := range seedRecords() {
			got := d.stored(limits.InOrders, key)
			if key == "bot/main" {
				got = d.stored(limits.InMeters, key)
			}
			if key != "id/missed" && hex.EncodeToString(got) != want {
				t.Errorf("%s is %x, was %s", key, got, want)
			}
		}
	})
}

// orderKeys are the records of an API key.
func orderKeys() []string { return []string{"id/0000000000000000", "id/missed", "id/bare", "id/stray"} }

// A45: whatever parses as a record of orders is what would be written again, and
// nothing panics.
func FuzzOrders(f *testing.F) {
	for i, key := range orderKeys() {
		f.Add(unhex(f, seedRecords()[key]), uint8(i))
	}
	f.Add(unhex(f, forgottenSeed), uint8(2))
	f.Fuzz(func(t *testing.T, value []byte, kind uint8) {
		key := orderKeys()[int(kind)%len(orderKeys())]
		var written []limits.Record
		l, _ := limits.NewLedger(func(records []limits.Record) error {
			written = slices.Clone(records)
			return nil
		})
		stored := map[string][]byte{key: bytes.Clone(value)}
		o, err := l.Orders("id", stored)
		if err != nil {
			return
		}
		at := policy.Now{Wall: time.Unix(1, 0), Steady: time.Unix(1, 0)}
		r := request(submit(1<<63+1, "tBTCUSD", "1", "1"), submit(1<<63+1, "tBTCUSD", "1", "1"), submit(0, "tBTCUSD", "1", "1")) // waits
		if err := o.Remember(r, at); err != nil {
			t.Fatal(err)
		}
		again := maps.Clone(stored)
		for _, w := range written {
			again[w.Key] = w.Value
			if w.Key == key && kind == 0 && !bytes.HasPrefix(w.Value, value) {
				t.Fatalf("%x is written as %x", value, w.Value)
			}
		}
		if _, err := l.Orders("id", again); err != nil {
			t.Fatalf("%v, written as %v: %v", value, written, err)
		}
	})
}

// A45
func FuzzMeter(f *testing.F) {
	f.Add(unhex(f, seedRecords()["bot/main"]))
	f.Add(unhex(f, spentSeed))
	f.Fuzz(func(t *testing.T, value []byte) {
		var written []byte
		l, _ := limits.NewLedger(func(records []limits.Record) error {
			written = bytes.Clone(records[0].Value)
			return nil
		})
		at := policy.Now{Wall: time.Unix(0, 0), Steady: time.Unix(0, 0)}
		m, err := l.Meter("bot/main", value, at, false)
		if err != nil {
			return
		}
		// A currency that no record can have had, so that nothing else is reserved.
		limit := &policy.Limits{DailyNotional: map[string]policy.Decimal{"~": dec("1")}}
		if err := m.Take(limit, request(submit(1, "t~:~", "1", "1")), at); err != nil {
			return // the record had it
		}
		if _, err := l.Meter("bot/main", written, at, false); err != nil {
			t.Fatalf("%x, written as %x: %v", value, written, err)
		}
	})
}

func TestTheFuzzTargetsHaveSeeds(t *testing.T) {
	l, _ := limits.NewLedger(func([]limits.Record) error { return nil })
	seeds := seedRecords()
	if _, err := l.Meter("bot/main", unhex(t, seeds["bot/main"]), now(), false); err != nil {
		t.Error(err)
	}
	delete(seeds, "bot/main")
	stored := map[string][]byte{}
	for key, value := range seeds {
		stored[key] = unhex(t, value)
	}
	if _, err := l.Orders("id", stored); err != nil || len(stored) != len(orderKeys()) {
		t.Error(err)
	}
}
