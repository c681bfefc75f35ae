package limits_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

var errDisk = errors.New("no space left")

// inBubble runs f in a synctest bubble of today. Afterwards a minute of the
// bubble's time passes, in which every commit that had begun ends.
func inBubble(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)))
		f(t)
		time.Sleep(time.Minute)
	})
}

func now() policy.Now { return policy.Now{Wall: time.Now(), Steady: time.Now()} }

// disk keeps records as the store would.
type disk struct {
	t       testing.TB
	latency time.Duration

	mu      sync.Mutex
	full    bool
	part    bool // a commit that fails persists its first record all the same
	power   int  // counts incarnations
	late    bool // a commit of the incarnation before still reaches the disk
	records map[limits.Bucket]map[string][]byte
	commits int
	written int
}

func newDisk(t testing.TB) *disk {
	return &disk{t: t, records: map[limits.Bucket]map[string][]byte{limits.InMeters: {}, limits.InOrders: {}}}
}

// ledger is one of a new incarnation.
func (d *disk) ledger() *limits.Ledger {
	d.mu.Lock()
	d.power++
	power := d.power
	d.mu.Unlock()
	l, err := limits.NewLedger(func(records []limits.Record) error { return d.commit(power, records) })
	if err != nil {
		d.t.Fatal(err)
	}
	return l
}

func (d *disk) commit(power int, records []limits.Record) error {
	if d.latency > 0 {
		time.Sleep(d.latency)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commits++
	failed := d.full || power != d.power && !(d.late && power == d.power-1)
	seen := map[string]bool{}
	for _, r := range records {
		if seen[r.Key] || d.records[r.Bucket] == nil {
			d.t.Errorf("%q twice in one commit, or without a bucket", r.Key)
		}
		seen[r.Key] = true
		if failed && (!d.part || len(seen) > 1) {
			return errDisk
		}
		d.written++
		if r.Value == nil {
			delete(d.records[r.Bucket], r.Key)
		} else {
			d.records[r.Bucket][r.Key] = r.Value
		}
	}
	if failed {
		return errDisk
	}
	return nil
}

// crash ends an incarnation. A commit under way may still reach the disk, none that
// has not begun does.
func (d *disk) crash(l *limits.Ledger, late bool) {
	l.Stop()
	d.mu.Lock()
	d.power, d.late = d.power+1, late
	d.mu.Unlock()
	time.Sleep(d.latency)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = false
}

func (d *disk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

func (d *disk) stored(b limits.Bucket, key string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.records[b][key]
}

func (d *disk) all(prefix string) map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := maps.Clone(d.records[limits.InOrders])
	maps.DeleteFunc(all, func(key string, _ []byte) bool { return !strings.HasPrefix(key, prefix+"/") })
	return all
}

func (d *disk) meter(l *limits.Ledger, at policy.Now, fresh bool) *limits.Meter {
	m, err := l.Meter("bot/main", d.stored(limits.InMeters, "bot/main"), at, fresh)
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

func (d *disk) orders(l *limits.Ledger) *limits.Orders {
	o, err := l.Orders("id", d.all("id"))
	if err != nil {
		d.t.Fatal(err)
	}
	return o
}

// crashed is what a restart would read now. What it has to say goes nowhere.
func (d *disk) crashed() *limits.Orders {
	l, err := limits.NewLedger(func([]limits.Record) error { return nil })
	if err != nil {
		d.t.Fatal(err)
	}
	return d.orders(l)
}

func dec(s string) policy.Decimal {
	d, ok := policy.ParseDecimal(s)
	if !ok {
		panic("not a decimal: " + s)
	}
	return d
}

func opt(s string) policy.Optional {
	if s == "" {
		return policy.Optional{}
	}
	return policy.Optional{Decimal: dec(s), Set: true}
}

const limitType policy.OrderType = 1 << 7 // EXCHANGE LIMIT

// far is a cid that the exchange would not choose, and so is what follows it.
const far = 1 << 50

func submit(cid uint64, symbol, amount, price string) policy.Op {
	return policy.Op{Action: policy.Submit, Class: policy.Trade, Symbol: []byte(symbol), Type: limitType,
		Amount: opt(amount), Price: opt(price), CID: cid}
}

func update(cid uint64, at time.Time, amount, delta, price string) policy.Op {
	return policy.Op{Action: policy.Update, Class: policy.Trade, CID: cid, Day: day(at),
		Amount: opt(amount), Delta: opt(delta), Price: opt(price)}
}

func day(at time.Time) int32 { return int32(at.Unix() / 86400) }

func request(ops ...policy.Op) *policy.Request {
	r := &policy.Request{Class: policy.Trade, Write: true, Ops: ops}
	for _, op := range ops {
		r.Class |= op.Class
	}
	return r
}

func read() *policy.Request { return &policy.Request{Class: policy.Read} }

func cancels(n int) *policy.Request {
	r := &policy.Request{Class: policy.Cancel, Write: true}
	for range n {
		r.Ops = append(r.Ops, policy.Op{Action: policy.Retract, Class: policy.Cancel})
	}
	return r
}

func allow() policy.Decision { return policy.Decision{Allowed: true} }

// ifKnown is the decision of a grant that has to know which orders are changed.
func ifKnown(r *policy.Request) func() policy.Decision {
	return func() policy.Decision {
		for i := range r.Ops {
			if r.Ops[i].Action == policy.Update && r.Ops[i].Was == nil {
				return policy.Decision{}
			}
		}
		return allow()
	}
}

func ptr[T any](v T) *T { return &v }

// refused is the rule of a LimitError, empty for no error.
func refused(t testing.TB, err error) string {
	if err == nil {
		return ""
	}
	var limit *limits.LimitError
	if !errors.As(err, &limit) {
		t.Fatalf("not about a limit: %v", err)
	}
	return limit.Rule
}
