package vault

import (
	"context"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// persistMarks writes the marks of request nonces that are about to be given out
// (P6). It is the commit of the nonce book.
func (v *Vault) persistMarks(u *unlocked, marks []nonce.Mark) error {
	const op = "sign"
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current.Load() != u {
		return lockedError(op)
	}
	changes := make([]change, len(marks))
	for i, m := range marks {
		changes[i] = markChange(m.Key, m.UpTo)
	}
	return v.commitMu(op, u, changes...)
}

func markChange(id string, mark nonce.RequestNonce) change {
	return sealedChange(store.Marks, id, record.AppendMark(nil, uint64(mark)))
}

// NonceView is where the request nonces of an API key stand.
type NonceView struct {
	Label   string
	Version uint32
	// Last was given last, or may have been before the unlock; none above Mark
	// was ever given.
	Last, Mark uint64
	// Held says why none is given; empty when they are.
	Held string
}

// ShowNonce reports where the request nonces of an API key stand.
func (v *Vault) ShowNonce(label string) (NonceView, error) {
	const op = "nonce show"
	u, err := v.unlocked(op)
	if err != nil {
		return NonceView{}, err
	}
	k := u.snapshot.Load().keys[label]
	if k == nil {
		return NonceView{}, noKey(op)
	}
	ver := k.shown()
	if ver == nil {
		return NonceView{}, fail(op, KindNotFound, "no version of that API key can sign").hint("vaultctl key show %s", label)
	}
	return NonceView{
		Label: label, Version: ver.number, Held: ver.held,
		Last: uint64(ver.counter.Last()), Mark: uint64(ver.counter.Mark()),
	}, nil
}

// AcceptNonce takes the wall clock of now for one API key, and lets those of its versions
// sign whose request nonces were held back. It widens.
func (v *Vault) AcceptNonce(ctx context.Context, by Operator, r AcceptNonce, p Proof) (revision uint64, err error) {
	const op = "nonce accept"
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		k := old.clone()
		k.clock = nonce.NewClock(clock.Wall, clock.Boot)
		s.keys[r.Label] = k
		var changes []change // a counter that is not held goes on, and keeps its mark by itself
		for i, ver := range k.live {
			if ver.held == "" {
				continue
			}
			now, _ := k.clock.Now() // started just now: the wall clock
			mark := max(now, ver.counter.Mark())
			accepted := *ver
			accepted.held, accepted.counter = "", u.book.Counter(ver.id, mark)
			u.counters[ver.id] = accepted.counter
			delete(u.heldBack, ver.id)
			if k.live[i] = &accepted; ver == k.active {
				k.active = &accepted
			}
			changes = append(changes, markChange(ver.id, mark))
		}
		return changes, nil
	})
}

// noKey repeats nothing of what was asked for: a secret may have been pasted into
// the wrong place (A49).
func noKey(op string) *Error {
	return fail(op, KindNotFound, "there is no API key with that label").hint("vaultctl key list")
}
