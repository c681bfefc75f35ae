package vault

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/policy"
)

// unlocked is what exists only while a vault is unlocked: the key material, in
// one slab, and everything that was read from the sealed records.
type unlocked struct {
	sealer
	since time.Time
	book  *nonce.Book
	// restored is when a file that may be older was accepted last, unix seconds. What was
	// granted and spent between that file and then nobody knows.
	restored int64
	// counters are those of request nonces, by API key id; under Vault.mu.
	counters map[string]*nonce.Counter
	// heldBack says of API key ids why their request nonces wait for AcceptNonce, whatever
	// becomes of their versions; under Vault.mu.
	heldBack map[string]string
	// ledger writes down what grants spend and which orders were signed.
	ledger *limits.Ledger
	named  []string // the endpoints that a grant may name
	clock  *nonce.Clock
	// clockAhead is set once the wall clock has run ahead of the time since boot.
	clockAhead atomic.Bool

	daily  *time.Timer // reminds of old API keys
	idling idling
	// stopping is set before the last requests are signed: no other is released then.
	stopping atomic.Bool

	usageMu sync.Mutex
	usages  map[string]*usage // by bot

	// snapshot is what signing reads: immutable, replaced as a whole.
	snapshot atomic.Pointer[snapshot]

	// The file as it was last read or written; changed under Vault.mu only.
	revision atomic.Uint64
	newest   uint64         // revision that was known of before an older file was accepted
	logged   audit.Position // how far the file says that the audit log is known
	set      envelope.SetHash
	raw      map[place][]byte

	lent lent // guarded memory of operations under way
}

// place is where an entry of the file stands.
type place struct{ bucket, key string }

// spare is how many API keys can be added before the slab grows. It also keeps
// an unlock from succeeding where RLIMIT_MEMLOCK leaves nothing for what follows.
const spare = 1024

// newUnlocked makes guarded memory for a number of API keys.
func (v *Vault) newUnlocked(op string, id envelope.VaultID, keys int) (*unlocked, error) {
	slab, err := guard.NewSlab(mac.StateSize, keys+spare, guard.Best())
	if err != nil {
		return nil, memoryError(op, err)
	}
	u := &unlocked{
		sealer: sealer{slab: slab, id: id},
		since:  clock.Wall(),
		clock:  nonce.NewClock(clock.Wall, clock.Boot),
		raw:    make(map[place][]byte),
		named:  bitfinex.NamedEndpoints(),

		counters: make(map[string]*nonce.Counter), heldBack: make(map[string]string),
	}
	u.idling.limits, u.idling.began = v.autoLock, u.clock.Read().Steady
	u.book, err = nonce.NewBook(func(marks []nonce.Mark) error { return v.persistMarks(u, marks) })
	if err == nil {
		u.ledger, err = limits.NewLedger(func(records []limits.Record) error { return v.persistSpent(u, records) })
	}
	if err != nil {
		slab.Destroy()
		return nil, fail(op, KindInternal, "%w", err)
	}
	if err := u.alloc(); err != nil {
		slab.Destroy()
		return nil, memoryError(op, err)
	}
	u.daily = time.AfterFunc(remindEvery, func() { v.remind(u) })
	return u, nil
}

// nowOf is the time by both clocks.
func nowOf(c *nonce.Clock) policy.Now {
	r := c.Read()
	return policy.Now{Wall: r.Wall, Steady: r.Steady}
}

// drainTime is how long a lock may wait for the disk, which may hang.
const drainTime = 250 * time.Millisecond

// drain writes down what was spent and signed up to here: what is forgotten of that
// would be an order that no update is judged by, and a part of a day's limit that is
// lost.
func (u *unlocked) drain() {
	u.book.Stop()
	u.ledger.Drain(drainTime)
}

// destroy wipes the key material after its last use, and lets no further request
// nonce go out.
func (u *unlocked) destroy() {
	u.daily.Stop()
	u.book.Stop()
	u.ledger.Stop()
	u.slab.Destroy()
	u.lent.destroy()
}

// quietly runs what has a secret in hand (guard.Quiet) and returns its error.
func quietly(f func() error) (err error) {
	guard.Quiet(func() { err = f() })
	return err
}

// WipeAll wipes all guarded memory of this process at once, whoever uses it: for a
// process that is about to end by a fault of ours.
func WipeAll() { guard.WipeAll() }

// memoryError gives an error of guarded memory its kind: where it is gone, by a lock.
func memoryError(op string, err error) *Error {
	if errors.Is(err, guard.ErrDestroyed) {
		return lockedError(op)
	}
	var limit *guard.LimitError
	if errors.As(err, &limit) {
		return fail(op, KindMemoryLimit, "%w", err)
	}
	return fail(op, KindInternal, "%w", err)
}
