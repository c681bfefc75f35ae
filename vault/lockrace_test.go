package vault_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/audit"
)

// P5, P6, A60: a thousand signers race a hundred locks. What is checked is as strict as
// two goroutines can tell: no signature is handed out by a call that began after a lock
// had returned, and in the log, whose order is one for all, none stands between a lock and
// the next unlock. The only refusal is LOCKED, and no request nonce repeats.
func TestAThousandSignersRaceAHundredLocks(t *testing.T) {
	const signers, locks = 1000, 100
	r := newRig(t).ready()
	race := &lockRace{r: r, given: make(map[uint64]bool)}
	var all sync.WaitGroup
	for range signers {
		all.Go(race.sign)
	}
	for range locks {
		race.waitFor(&race.signed, race.signed.Load()+100)
		refused := race.refused.Load()
		opened := make(chan struct{})
		race.opened.Store(&opened)
		if r.v.Lock() {
			t.Error("it was locked already")
		}
		race.epoch.Add(1)
		race.waitFor(&race.refused, refused+100)
		race.epoch.Add(1)
		r.must(r.unlock())
		close(opened)
	}
	race.over.Store(true)
	all.Wait()
	if err := race.failed.Load(); err != nil {
		t.Fatal(*err)
	}
	r.reopen(nil)
	r.must(r.unlock())
	r.verified()
	signed := r.signedWhileOpen(locks)
	if len(race.given) > signed || len(race.given) < locks*100 {
		t.Errorf("%d signatures were given and %d recorded", len(race.given), signed)
	}
	t.Logf("%d signatures given, %d recorded, %d refused", len(race.given), signed, race.refused.Load())
}

// lockRace is the state of the vault as who locks it knows it.
type lockRace struct {
	r *rig
	// epoch is odd from the return of Lock to the call of Unlock.
	epoch           atomic.Int64
	signed, refused atomic.Int64
	over            atomic.Bool
	opened          atomic.Pointer[chan struct{}] // closed at the next unlock
	failed          atomic.Pointer[error]

	mu    sync.Mutex
	given map[uint64]bool // request nonces
}

// waitFor waits until so many have been counted, or something has failed.
func (l *lockRace) waitFor(count *atomic.Int64, n int64) {
	for count.Load() < n && l.failed.Load() == nil {
		runtime.Gosched()
	}
}

// sign is one signer.
func (l *lockRace) sign() {
	for !l.over.Load() && l.failed.Load() == nil {
		if err := l.once(); err != nil {
			l.failed.CompareAndSwap(nil, &err)
		}
	}
}

func (l *lockRace) once() error {
	began := l.epoch.Load()
	pending, err := l.r.v.Begin(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets", Body: []byte("{}")})
	var s vault.Signature
	if err == nil {
		if began%2 == 1 && l.epoch.Load() == began {
			return errors.New("a request was admitted after lock had returned")
		}
		runtime.Gosched() // many locks return between the two calls
		began = l.epoch.Load()
		s, err = pending.Wait()
	}
	switch {
	case vault.KindOf(err) == vault.KindLocked && err != nil:
		l.refused.Add(1)
		<-*l.opened.Load() // or a thousand refused ones leave no time for anybody else
		return nil
	case vault.KindOf(err) == vault.KindCannotWrite && err != nil:
		return nil // a busy machine's disk took two seconds; nothing was given
	case err != nil:
		return err
	case began%2 == 1 && l.epoch.Load() == began:
		return fmt.Errorf("signature %d was given after lock had returned", s.RequestNonce)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given[s.RequestNonce] {
		return fmt.Errorf("request nonce %d was given twice", s.RequestNonce)
	}
	l.given[s.RequestNonce] = true
	l.signed.Add(1)
	return nil
}

// signedWhileOpen counts the records of signatures, and fails at one that stands between
// a lock and the next unlock. There must be so many locks at least.
func (r *rig) signedWhileOpen(locks int) (signed int) {
	r.t.Helper()
	open := true
	for _, e := range r.records() {
		switch {
		case e.Op == "unlock" && e.Decision == audit.Done:
			open = true
		case e.Op == "lock":
			open, locks = false, locks-1
		case e.Op == "sign" && e.Decision == audit.Allowed:
			signed++
			if !open {
				r.t.Errorf("record %d is of a signature after a lock", e.Seq)
			}
		}
	}
	if locks > 0 {
		r.t.Errorf("%d locks are not in the log", locks)
	}
	return signed
}
