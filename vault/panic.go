package vault

import (
	"context"
	"errors"
	"sync"
	"time"

	"bfxvault/vault/internal/record"
)

// stopTime is how long a lock may wait for what it signs and writes at its end.
const stopTime = 1500 * time.Millisecond

// Stopped is what a lock that outdates signatures, or a panic, leaves to be done.
type Stopped struct {
	// Already is set where the vault was locked before: nothing could be signed.
	Already bool
	// Requests are to be sent to Bitfinex, those of one API key in this order.
	Requests []SignedRequest
	Unburnt  []Unburnt
	// Refused says why orders are not cancelled, where that was asked for.
	Refused string
	// Forgetful is set where it could not be written down that only a human may unlock:
	// it holds until the daemon ends.
	Forgetful bool
}

// LockAndBurn is LockFor, and signs a read with every API key before: once Bitfinex has
// taken that, the signatures that bots hold are worthless. It returns within two seconds,
// also where the disk hangs, and the vault is locked then, whatever could not be signed.
//
// The order is what makes it so. From the moment that stopping is set no signature is
// released (admit and Pending.Wait look at it), and each that was released had drawn its
// request nonce before its own look. The nonce of the read is drawn afterwards, from the
// same counter, which only rises: so it is higher than any that a bot holds.
func (v *Vault) LockAndBurn(by Operator) Stopped {
	v.stops.Lock()
	defer v.stops.Unlock()
	u := v.stop()
	if u == nil {
		return Stopped{Already: v.LockFor(CauseOperator, by)}
	}
	defer v.lock(u, CauseOperator, by)
	return v.signLast("burn", by, u, []fixed{probe})
}

// stop ends the release of signatures, and returns what is unlocked; nil where nothing is.
func (v *Vault) stop() *unlocked {
	u := v.current.Load()
	if u != nil {
		u.stopping.Store(true)
	}
	return u
}

// signLast signs requests with every version of every API key that can sign, those of one
// in their order and versions side by side, for no longer than stopTime. What cancels
// orders is signed with one version: all are of one account.
func (v *Vault) signLast(op string, by Operator, u *unlocked, what []fixed) Stopped {
	s := u.snapshot.Load() // after stop: no other API key has a signature out
	type last struct {
		signed []SignedRequest
		err    error
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	done := make(map[*version]last)
	begin := func(k *apiKey, ver *version) {
		mu.Lock()
		defer mu.Unlock()
		done[ver] = last{err: errors.New("the disk does not answer")}
		all.Go(func() {
			defer ver.leave()
			var failed error
			for _, f := range what {
				if f == cancelAll && ver != k.shown() {
					continue
				}
				signed, err := v.signFixed(op, by, u, k, ver, f)
				mu.Lock()
				l := done[ver]
				if err == nil {
					l.signed = append(l.signed, signed)
				} else {
					failed = err
				}
				l.err = failed
				done[ver] = l
				mu.Unlock()
			}
		})
	}
	for _, k := range s.keys {
		for _, ver := range k.live {
			if ver.enter() {
				begin(k, ver)
			}
		}
	}
	within(stopTime, all.Wait)
	mu.Lock()
	defer mu.Unlock()
	var stopped Stopped
	for _, label := range sortedKeys(s.keys) {
		stopped.Unburnt = append(stopped.Unburnt, s.keys[label].retired()...)
		for _, ver := range s.keys[label].live {
			l, ok := done[ver]
			if !ok {
				continue
			}
			stopped.Requests = append(stopped.Requests, l.signed...)
			if l.err != nil {
				stopped.Unburnt = append(stopped.Unburnt, Unburnt{label, ver.number, l.err.Error()})
			}
		}
	}
	return stopped
}

// retired lists the versions whose grace has ended: nothing was signed with them that
// outdates what bots hold, and nothing is from here. RevokeKey does.
func (k *apiKey) retired() (unburnt []Unburnt) {
	for _, rec := range k.record.Versions {
		if rec.State == record.Retiring && k.liveOne(rec.Version) == nil {
			unburnt = append(unburnt, Unburnt{k.label, rec.Version, "it has retired: vaultctl key revoke " + k.label + ", before a lock or after it"})
		}
	}
	return unburnt
}

// within runs f, and waits for it no longer than limit. It says whether f has ended.
func within(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// Panic stops everything: it signs with every API key what outdates the signatures that
// bots hold and, with r.CancelAll, what cancels all orders before that; it locks; and
// afterwards only a slot that a human opens unlocks. It narrows, so nothing keeps it from
// being done: where orders may not be cancelled, for want of a good proof or of SetPanic,
// all the rest is done, and the answer says so. Signing stops before the proof is looked
// at. It returns within four seconds, also where the disk hangs.
func (v *Vault) Panic(ctx context.Context, by Operator, r Panic, p Proof) Stopped {
	v.stops.Lock()
	defer v.stops.Unlock()
	v.onlyHumans()
	u := v.stop()
	if u == nil {
		return Stopped{Already: v.LockFor(CausePanic, by), Forgetful: true}
	}
	defer v.onlyHumans() // once more: a human may have unlocked before stop
	defer v.lock(u, CausePanic, by)
	what, refused := []fixed{probe}, ""
	if r.CancelAll {
		if err := v.mayCancel(ctx, by, u, r, p); err != nil {
			refused = err.Error()
		} else {
			what = []fixed{cancelAll, probe}
		}
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	written := make(chan bool, 1)
	go func() { written <- v.writeHumanOnly(u) }()
	s := v.signLast("panic", by, u, what)
	s.Refused = refused
	s.Forgetful = true
	select {
	case ok := <-written:
		s.Forgetful = !ok
		return s
	default:
	}
	select {
	case ok := <-written:
		s.Forgetful = !ok
	case <-timer.C:
	}
	return s
}

// mayCancel says why a panic may not cancel all orders; nil where it may.
func (v *Vault) mayCancel(ctx context.Context, by Operator, u *unlocked, r Panic, p Proof) error {
	const op = "panic"
	if u.snapshot.Load().panicCancels {
		return nil
	}
	if p == (Proof{}) {
		return fail(op, KindInvalid, "cancelling all orders needs the passphrase, or to have been allowed")
	}
	verdict := make(chan error, 1)
	go func() {
		verdict <- v.try(ctx, op, by, "wrong proof", func() error { return v.prove(op, u, by, r.Operation(), p) })
	}()
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case err := <-verdict:
		return err
	case <-timer.C:
		return fail(op, KindCannotWrite, "the proof could not be looked at: the disk does not answer")
	}
}

// writeHumanOnly writes down that only a human may unlock.
func (v *Vault) writeHumanOnly(u *unlocked) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current.Load() != u {
		return false
	}
	if err := v.commitMu("panic", u, setting(humanOnly, true)); err != nil {
		v.log.Error("it could not be written that only a human may unlock", "error", err)
		return false
	}
	return true
}

// SetPanic says whether Panic may cancel all orders without a proof. It widens.
func (v *Vault) SetPanic(ctx context.Context, by Operator, r SetPanic, p Proof) (revision uint64, err error) {
	return v.change(ctx, "panic allow", by, r.Operation(), p, func(_ *unlocked, s *snapshot) ([]change, error) {
		if s.panicCancels == r.CancelAll {
			return nil, nil
		}
		s.panicCancels = r.CancelAll
		return []change{setting(panicCancels, r.CancelAll)}, nil
	})
}

// onlyHumans lets no keyfile unlock until a human has, or the daemon ends.
func (v *Vault) onlyHumans() {
	v.locks.Lock()
	defer v.locks.Unlock()
	v.humanOnly = true
}

func (v *Vault) panicked() bool {
	v.locks.Lock()
	defer v.locks.Unlock()
	return v.humanOnly
}

// publish makes what an unlock has opened the vault that signs, and starts its time. An
// unlock by a human ends what a panic began; one by a keyfile that a panic came in the
// way of is KindHumanOnly.
func (v *Vault) publish(op string, u *unlocked, human bool) error {
	v.locks.Lock()
	if v.humanOnly && !human {
		v.locks.Unlock()
		return humanOnlyError(op)
	}
	v.humanOnly = false
	v.current.Store(u)
	v.locks.Unlock()
	v.watchIdling(u)
	return nil
}

func humanOnlyError(op string) *Error {
	return fail(op, KindHumanOnly, "after a panic only the passphrase or the recovery code opens the vault").hint("vaultctl unlock")
}
