package limits_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// A35
func TestACidThatIsUsedTwiceIsUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		time.Sleep(47 * time.Hour)
		remember(t, o, submit(7, "tSHIB:USD", "1000000", "0.00001"))
		for range 47 { // as long as the later one would be remembered
			time.Sleep(time.Hour)
			for _, at := range []time.Time{time.Now().Add(-24 * time.Hour), time.Now()} {
				if was := judge(t, o, update(7, at, "2", "", "")); was != nil {
					t.Fatalf("judged as %v", was)
				}
			}
			if was := judge(t, d.crashed(), update(7, time.Now(), "2", "", "")); was != nil {
				t.Fatalf("after a restart judged as %v", was)
			}
		}
		time.Sleep(3 * time.Hour)
		remember(t, o, submit(7, "tETHUSD", "1", "10"))
		if was := judge(t, o, update(7, time.Now(), "2", "", "")); was == nil || string(was.Symbol) != "tETHUSD" {
			t.Errorf("judged as %v once both are forgotten", was)
		}
		remember(t, o, submit(8, "tBTCUSD", "1", "100"), submit(8, "tETHUSD", "1", "100"))
		if was := judge(t, o, update(8, time.Now(), "2", "", "")); was != nil {
			t.Errorf("twice in one request: judged as %v", was)
		}
	})
}

// A35: the third counts for as long as the second did.
func TestACidStaysUnknownForAsLongAsItIsUsed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		o := newDisk(t).orders(newDisk(t).ledger())
		for _, after := range []time.Duration{0, time.Hour, 29 * time.Hour, 30 * time.Hour} {
			time.Sleep(after)
			remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		}
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v", was)
		}
	})
}

func TestWhatIsForgottenTakesNothingElseAlong(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		for cid := range uint64(64) { // one record
			remember(t, o, submit(cid+1, "tBTCUSD", "1", "100"))
		}
		time.Sleep(48*time.Hour + 30*time.Minute)
		remember(t, o, submit(7, "tETHUSD", "1", "100")) // the first one with this cid is forgotten
		time.Sleep(time.Hour)
		remember(t, o, submit(1000, "tETHUSD", "1", "100"))
		synctest.Wait()
		if n := len(d.all("id")); n != 1 {
			t.Errorf("%d records", n)
		}
		for _, o := range []*limits.Orders{o, d.crashed()} {
			for _, cid := range []uint64{7, 1000} {
				if was := judge(t, o, update(cid, time.Now(), "1", "", "")); was == nil || string(was.Symbol) != "tETHUSD" {
					t.Errorf("%d is judged as %v", cid, was)
				}
			}
		}
	})
}

func TestOrdersAreForgottenAfterTwoDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		at := time.Now().Add(24 * time.Hour)
		time.Sleep(48*time.Hour - time.Second)
		if was := judge(t, o, update(7, at, "2", "", "")); was == nil {
			t.Error("unknown a second before")
		}
		time.Sleep(time.Second)
		if was := judge(t, o, update(7, at, "2", "", "")); was != nil {
			t.Error("known after 48 hours")
		}
		for cid := range uint64(640) {
			remember(t, o, submit(cid+10, "tBTCUSD", "1", "100"))
		}
		synctest.Wait()
		time.Sleep(50 * time.Hour)
		d.fill(true) // what was not deleted is deleted later
		remember(t, o, submit(1000, "tBTCUSD", "1", "100"))
		synctest.Wait()
		d.fill(false)
		time.Sleep(2 * time.Second)
		remember(t, o, submit(1001, "tBTCUSD", "1", "100"))
		synctest.Wait()
		if n := len(d.all("id")); n > 2 {
			t.Errorf("%d records are left", n)
		}
	})
}

// A44: with clocks set back, nothing is forgotten and nothing gets another day.
func TestAClockThatIsSetBackMakesNoOrderKnown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		synctest.Wait()
		ahead := policy.Now{Wall: time.Now().Add(96 * time.Hour), Steady: time.Now()}
		second := request(submit(7, "tETHUSD", "1", "100"))
		if err := o.Remember(second, ahead); err != nil { // the wall clock alone does not make it forget
			t.Fatal(err)
		}
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v", was)
		}
		both := policy.Now{Wall: ahead.Wall, Steady: ahead.Wall} // an unlock with a wrong clock
		if err := o.Remember(request(submit(8, "tETHUSD", "1", "100")), both); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o = d.orders(d.ledger()) // and one with the right clock
		remember(t, o, submit(7, "tSHIB:USD", "1", "100"))
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v", was)
		}
	})
}

// A44: the clock that made an API key forget is remembered with what it missed.
func TestTheClockOfWhatWasMissedCountsToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		stored := binary.AppendUvarint([]byte{1, 1, 1}, uint64(time.Now().Add(240*time.Hour).Unix()))
		o, err := newDisk(t).ledger().Orders("id", map[string][]byte{"id/missed": stored})
		if err != nil {
			t.Fatal(err)
		}
		remember(t, o, submit(7, "tBTCUSD", "1", "100"))
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v, with a clock that was set back", was)
		}
	})
}

// A35: for as long as one that was missed may be live, and over a restart.
func TestWhatWasMissedIsMissedForTwoDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		last := time.Now().Add(time.Hour)
		d.records[limits.InOrders]["id/missed"] = binary.AppendUvarint([]byte{1, 1, 100}, uint64(last.Unix()))
		known := func(o *limits.Orders, cid uint64) bool {
			remember(t, o, submit(cid, "tBTCUSD", "1", "100"))
			return judge(t, o, update(cid, time.Now(), "1", "", "")) != nil
		}
		o := d.orders(d.ledger())
		if known(o, 50) || !known(d.crashed(), 101) {
			t.Error("known")
		}
		time.Sleep(time.Until(last.Add(47 * time.Hour)))
		if known(o, 51) {
			t.Error("known after 47 hours")
		}
		time.Sleep(47 * time.Hour)
		if known(d.crashed(), 51) {
			t.Error("known 47 hours after the last, and a restart")
		}
		time.Sleep(4 * time.Hour)
		if !known(d.crashed(), 51) {
			t.Error("unknown for longer than it need be")
		}
	})
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		last := time.Now().Add(time.Hour) // what a crash has left, reaching ahead
		d.records[limits.InOrders]["id/missed"] = binary.AppendUvarint([]byte{1, 1, 100}, uint64(last.Unix()))
		o := d.orders(d.ledger())
		remember(t, o, submit(50, "tBTCUSD", "1", "100"))
		time.Sleep(49*time.Hour + 30*time.Minute)
		remember(t, o, submit(60, "tBTCUSD", "1", "100"))
		if was := judge(t, o, update(60, time.Now(), "1", "", "")); was != nil {
			t.Errorf("judged as %v", was)
		}
	})
}

// What was read may be wiped afterwards.
func TestNothingReadIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		before, r := d.orders(d.ledger()), request(submit(7, "tBTCUSD", "1", "100"))
		if err := before.Remember(r, now()); err != nil {
			t.Fatal(err)
		}
		copy(r.Ops[0].Symbol, "tETHUSD") // its buffer is used again
		if was := judge(t, before, update(7, time.Now(), "1", "", "")); was == nil || string(was.Symbol) != "tBTCUSD" {
			t.Errorf("judged as %v", was)
		}
		synctest.Wait()
		o := d.crashed()
		for _, value := range d.all("id") {
			clear(value)
		}
		if was := judge(t, o, update(7, time.Now(), "1", "", "")); was == nil || string(was.Symbol) != "tBTCUSD" {
			t.Errorf("judged as %v", was)
		}
	})
}

// A35: a cid that found no room is not taken for new when there is some.
func TestWhenItIsFullNothingIsEvictedAndNothingMistaken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		o := d.orders(d.ledger())
		for cid := uint64(1); cid <= limits.MaxOrders; cid++ {
			remember(t, o, submit(cid, "tBTCUSD", "1", "100"))
			if cid == limits.MaxOrders/2 {
				time.Sleep(24 * time.Hour)
			}
		}
		const missed, beyond = 1_000_000, 9_000_000
		synctest.Wait()
		d.latency = time.Second
		start := time.Now()
		remember(t, o, submit(missed, "tBTCUSD", "1", "100"), submit(missed+1000, "tBTCUSD", "1", "100"))
		if time.Since(start) == 0 || d.all("id")["id/missed"] == nil {
			t.Error("that there was no room is not on disk")
		}
		start = time.Now()
		remember(t, o, submit(missed+1, "tBTCUSD", "1", "100"), submit(missed+1100, "tBTCUSD", "1", "100"))
		if time.Since(start) > 0 {
			t.Error("each that finds no room waits")
		}
		remember(t, o, submit(5000, "tETHUSD", "1", "100")) // a second one, without room to note it
		known := func(o *limits.Orders, cid uint64) bool {
			return judge(t, o, update(cid, time.Now().Add(-12*time.Hour), "1", "", "")) != nil
		}
		if !known(o, 1) || !known(o, limits.MaxOrders) || known(o, missed) || known(o, 5000) {
			t.Error("full: evicted, or remembered without room")
		}
		time.Sleep(26 * time.Hour) // half of them are forgotten
		again := d.crashed()
		for name, o := range map[string]*limits.Orders{"the same": o, "after a restart": again} {
			remember(t, o, submit(missed, "tETHUSD", "1", "100"), submit(missed+500, "tETHUSD", "1", "100"),
				submit(5000, "tETHUSD", "1", "100"), submit(beyond, "tETHUSD", "1", "100"))
			if known(o, missed) || known(o, missed+500) || known(o, 5000) {
				t.Errorf("%s: one that may be the second with its cid is known", name)
			}
			if !known(o, beyond) {
				t.Errorf("%s: one beyond all of them is not known", name)
			}
		}
	})
}

// What was missed long ago does not make what is missed today a wide span.
func TestASpanThatIsOverIsNotWidened(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		first := time.Now()
		d.records[limits.InOrders]["id/missed"] = binary.AppendUvarint([]byte{1, 1, 100}, uint64(first.Unix()))
		o := d.orders(d.ledger())
		time.Sleep(49 * time.Hour) // to the second
		for cid := uint64(0); cid < limits.MaxOrders; cid += 64 {
			r := request()
			for i := range uint64(64) {
				r.Ops = append(r.Ops, submit(far+cid+i, "tBTCUSD", "1", "100"))
			}
			if err := o.Remember(r, now()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Minute)
		remember(t, o, submit(5000, "tBTCUSD", "1", "100")) // finds no room
		time.Sleep(48*time.Hour + 45*time.Minute)           // there is some again
		remember(t, o, submit(50, "tBTCUSD", "1", "100"), submit(5000, "tBTCUSD", "1", "100"))
		if !known(t, o, 50, time.Now()) || known(t, o, 5000, time.Now()) {
			t.Error("50 is unknown, or 5000 is known")
		}
	})
}

// A45: one byte less, or another version.
func TestARecordThatDoesNotParseIsAnError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.ledger()
		remember(t, d.orders(l), submit(7, "tBTCUSD", "1.5", "100"))
		m := d.meter(l, now(), true)
		if err := m.Take(&policy.Limits{DailyRequests: ptr(uint64(5)), DailyNotional: map[string]policy.Decimal{"USD": dec("500")}},
			request(submit(1, "tBTCUSD", "1", "1")), now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for key, value := range d.all("id") {
			for n := range value {
				if _, err := l.Orders("id", map[string][]byte{key: value[:n]}); err == nil {
					t.Errorf("%d of %d bytes are taken", n, len(value))
				}
			}
			for _, wrong := range []string{"id", "id/", "id/7", "id/missed", "id/bare", "id/stray", "ie" + key[2:], key + "0", key[:len(key)-1] + "A"} {
				if _, err := l.Orders("id", map[string][]byte{wrong: value}); err == nil {
					t.Errorf("a block at %q is taken", wrong)
				}
			}
		}
		value := d.stored(limits.InMeters, "bot/main")
		for n := range value {
			if _, err := l.Meter("bot/main", value[:n], now(), false); err == nil {
				t.Errorf("%d of %d bytes of a meter are taken", n, len(value))
			}
		}
		for name, text := range map[string]string{
			"another version": "02" + "00" + "00", "a byte too many": "01" + "00" + "00" + "00", "a number that is too long": "01" + "8000" + "00",
			"nothing spent": "01" + "00" + "01" + "00" + "0130", "a needless zero": "01" + "00" + "01" + "00" + "03312e30",
			"a sign": "01" + "00" + "01" + "00" + "022d31", "not sorted": "01" + "00" + "02" + "0142" + "0131" + "0141" + "0131",
		} {
			if _, err := l.Meter("bot/main", unhex(t, text), now(), false); err == nil {
				t.Errorf("meter: %s is taken", name)
			}
		}
		for name, text := range map[string]string{
			"another version": "02" + "0a" + "000700", "no order": "01" + "0a", "a first order that is later": "01" + "0a" + "000701",
			"no name": "01" + "0a" + "0100008001" + "0774425443555344" + "013101310131", "another kind": "01" + "0a" + "030700",
			"no id":             "01" + "0a" + "0200008001" + "0774425443555344" + "013101310131" + "00",
			"an id twice":       "01" + "0a" + "0200008001" + "0774425443555344" + "013101310131" + "09" + "0200008001" + "0774425443555344" + "013101310131" + "09",
			"two types":         "01" + "0a" + "0107000307" + "74425443555344" + "013101310131",
			"no symbol":         "01" + "0a" + "0107008001" + "00" + "013101310131",
			"low above high":    "01" + "0a" + "0107008001" + "0774425443555344" + "013101320131",
			"a price of no end": "01" + "0a" + "0107008001" + "0774425443555344" + "0131013100",
			"a cid known twice": "01" + "0a" + "0107008001" + "0774425443555344" + "013101310131" + "0107008001" + "0774425443555344" + "013101310131",
		} {
			if _, err := l.Orders("id", map[string][]byte{"id/0000000000000000": unhex(t, text)}); err == nil {
				t.Errorf("block: %s is taken", name)
			}
		}
		if _, err := l.Orders("id", map[string][]byte{"id/0000000000000000": unhex(t, "010b000700"), "id/0000000000000001": unhex(t, "010a000800")}); err == nil {
			t.Error("blocks that go back in time are taken")
		}
		for name, text := range map[string]string{
			"nothing": "", "another version": "029c1c00", "a byte too many": "019c1c0000", "a number that is too long": "019c9c0000", "neither": "010000", "a time before 1970": "018f1c00",
			"no time": "01", "a time of no end": "01ffffffffffffffffff01",
		} {
			for _, key := range []string{"id/bare", "id/stray"} {
				if _, err := l.Orders("id", map[string][]byte{key: unhex(t, text)}); err == nil {
					t.Errorf("%s: %s is taken", key, name)
				}
			}
		}
		for _, text := range []string{"01000101", "01020101", "0101020100"} {
			if _, err := l.Orders("id", map[string][]byte{"id/missed": unhex(t, text)}); err == nil {
				t.Errorf("missed: %s is taken", text)
			}
		}
	})
}
