package vault

import (
	"context"
	"slices"
	"time"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// Promoted is what PromoteKey reports.
type Promoted struct {
	Version  uint32 // now active
	Before   uint32 // active before; zero for none
	Verified bool   // whether Bitfinex was asked what the version may do
	Revision uint64
}

// PromoteKey makes a version of an API key the active one: a staged one, which is the
// oldest where none is named, or one that was retired or revoked and comes back. It widens.
// The version before signs what is under way until its grace ends, and whatever is asked
// later goes to the new one: no bot notices. Staged versions that are older, as a restore
// leaves them, retire. A version that is active already stays so. Errors: KindNotFound, KindInvalid.
func (v *Vault) PromoteKey(ctx context.Context, by Operator, r PromoteKey, p Proof) (done Promoted, err error) {
	const op = "key promote"
	if err := checkGrace(op, r.Grace); err != nil {
		return done, err
	}
	undo := func() {}
	done.Revision, err = v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		number := r.Version
		if number == 0 {
			number = old.toPromote()
		}
		if number == 0 {
			return nil, fail(op, KindNotFound, "no version of that API key is staged").
				hint("vaultctl key rotate %s --api-key ID, or to bring one back: vaultctl key promote %s --version N", r.Label, r.Label)
		}
		k := old.clone()
		rec := k.find(number)
		if rec == nil {
			return nil, noVersion(op, r.Label)
		}
		done.Version, done.Verified = number, !rec.Verified.IsZero()
		if rec.State == record.Active {
			return nil, nil
		}
		ver := k.liveOne(number)
		switch {
		case ver != nil && ver.states.keepMu():
			if rec.State == record.Retiring {
				left := time.Unix(rec.Retires, 0).Sub(clock.Wall())
				undo = func() {
					v.mu.Lock()
					defer v.mu.Unlock()
					ver.states.retireMu(left)
				}
			}
		default:
			if ver, err = u.recallMu(op, k, rec); err != nil {
				return nil, err
			}
			undo = func() { ver.states.end(nil) }
		}
		made := k.retireSkipped(number)
		if k.active != nil {
			done.Before = k.active.number
			made = append(made, k.retire(k.active, r.Grace))
		}
		rec.State, rec.Retires, rec.Revoked = record.Active, 0, 0
		k.active = ver
		s.keys[r.Label] = k
		return k.changeThen(op, func() {
			undo = func() {}
			for _, f := range made {
				f()
			}
		})
	})
	if err != nil {
		undo()
		return Promoted{}, err
	}
	return done, nil
}

// maxGrace bounds for how long a version goes on with what is under way, in seconds.
const maxGrace = 24 * 60 * 60

func checkGrace(op string, grace uint32) error {
	if grace > maxGrace {
		return fail(op, KindInvalid, "a grace is at most %d seconds, a day", maxGrace)
	}
	return nil
}

// recallMu makes mid-states of the secret of a version that has ended, or is about to, and
// puts it among the live ones. Its request nonces go on where they were (P6).
func (u *unlocked) recallMu(op string, k *apiKey, rec *record.KeyVersion) (*version, error) {
	slot, err := u.absorbStoredMu(op, place{store.Secrets, secretKey(k.label, rec.Version)})
	if err != nil {
		return nil, err
	}
	if err := u.enter(op); err != nil {
		return nil, err // and the slab is gone with its slots
	}
	defer u.slab.Leave()
	mark, err := u.markOf(rec.APIKey)
	if err != nil {
		u.slab.Free(slot)
		return nil, fail(op, KindInternal, "%w", err)
	}
	ver := &version{number: rec.Version, id: rec.APIKey, states: newMidStates(u.slab, slot)}
	ver.counter, ver.held = u.counterMu(ver.id, mark)
	k.live = append(slices.DeleteFunc(k.live, func(v *version) bool { return v.number == rec.Version }), ver)
	return ver, nil
}

// retire lets a version end after a grace, and returns what does that once it is written.
func (k *apiKey) retire(ver *version, grace uint32) (made func()) {
	rec, wait := k.find(ver.number), time.Duration(grace)*time.Second
	rec.State, rec.Retires = record.Retiring, clock.Wall().Add(wait).Unix()
	if ver == k.active {
		k.active = nil
	}
	return func() {
		if grace == 0 {
			ver.states.end(nil)
			return
		}
		ver.states.retireMu(wait)
	}
}

// retireSkipped retires at once the staged versions that are older than one which becomes
// active: so a staged version is always newer than the active one, and toPromote goes on.
func (k *apiKey) retireSkipped(number uint32) (made []func()) {
	for _, ver := range k.live {
		if ver.number < number && k.find(ver.number).State == record.Staged {
			made = append(made, k.retire(ver, 0))
		}
	}
	return made
}

// changeThen makes the change that writes an API key's record, and what is to be done once
// it is written.
func (k *apiKey) changeThen(op string, made func()) ([]change, error) {
	changes, err := k.change(op)
	if err == nil {
		changes[0].made = made
	}
	return changes, err
}

// absorbStoredMu makes mid-states of a secret that lies sealed in the file, and returns
// their slot.
func (u *unlocked) absorbStoredMu(op string, at place) (slot int, err error) {
	if err := u.enter(op); err != nil {
		return 0, err
	}
	defer u.slab.Leave()
	buffer, err := guard.NewBuffer(maxSecret)
	if err != nil {
		return 0, memoryError(op, err)
	}
	defer buffer.Destroy() // before the slab is left: a lock waits for it (P5)
	err = quietly(func() error {
		plain, _, err := envelope.Open(buffer.Bytes()[:0], u.key(), u.placeOf(at), u.raw[at])
		if err != nil {
			return tampered(op, at)
		}
		if slot, err = u.absorb(plain); err != nil {
			return memoryError(op, err)
		}
		return nil
	})
	return slot, err
}
