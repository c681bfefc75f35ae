package vault

import (
	"context"
	"crypto/subtle"
	"errors"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// BeginSealed makes a one-shot key for one secret and returns its id and public
// half. It is good once, for a minute, on the connection that asked.
func (v *Vault) BeginSealed(by Operator) (id uint64, public [32]byte, err error) {
	id, public, err = v.oneShots.beginSealed(by)
	if err != nil {
		return 0, public, memoryError("seal", err)
	}
	return id, public, nil
}

// BeginProof makes a one-shot challenge for one proof and returns its id and its
// 32 bytes. It is good once, for a minute, on the connection that asked.
func (v *Vault) BeginProof(by Operator) (id uint64, challenge [32]byte, err error) {
	if _, err := v.unlocked("prove"); err != nil {
		return 0, challenge, err
	}
	id, challenge = v.oneShots.beginProof(by)
	return id, challenge, nil
}

// openSealed opens a sealed box for one operation into guarded memory. The
// caller destroys the buffer.
func (v *Vault) openSealed(op string, by Operator, box Sealed, purpose Operation) (*guard.Buffer, error) {
	buffer, err := v.oneShots.openSealed(by, box, purpose)
	switch {
	case err == nil:
		return buffer, nil
	case errors.Is(err, errStale), errors.Is(err, errBox):
		v.log.Warn("a sealed secret was refused", "op", op, "process", by.Process, "error", err)
		return nil, fail(op, KindStaleOneShot, "the sealed secret is not good: %w", err).hint("try again")
	default:
		return nil, memoryError(op, err)
	}
}

// authorise checks what an operation's effect demands. It is the only place that
// does.
func (v *Vault) authorise(ctx context.Context, op string, u *unlocked, by Operator, o Operation, p Proof) error {
	switch effect, _ := EffectOf(o.Name); effect {
	case Neutral, Narrowing:
		return nil
	case Widening:
		return v.try(ctx, op, by, "wrong proof", func() error { return v.prove(op, u, by, o, p) })
	}
	return fail(op, KindInternal, "operation %s is not in the table", o.Name)
}

// try runs one try of a passphrase or proof at the price that a wrong one has for
// its process, and logs it if it was wrong.
func (v *Vault) try(ctx context.Context, op string, by Operator, wrong string, attempt func() error) error {
	return v.penalties.try(ctx, by.Process, func() error {
		err := attempt()
		if err != nil && KindOf(err) == KindWrongPassphrase {
			v.alert(AlertProof, wrong+" for "+op+" by process "+by.Process)
		}
		return err
	})
}

// prove verifies a proof. Its challenge is used up, whatever the outcome.
func (v *Vault) prove(op string, u *unlocked, by Operator, o Operation, p Proof) error {
	challenge, err := v.oneShots.takeChallenge(by, p.ID)
	if err != nil {
		v.log.Warn("a proof was refused", "op", op, "process", by.Process, "error", err)
		return fail(op, KindStaleOneShot, "the proof is not good: %w", err).hint("try again")
	}
	want, err := v.expectedProof(op, u, challenge, o, p.Slot)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want[:], p.MAC[:]) != 1 {
		return fail(op, KindWrongPassphrase, "wrong passphrase for slot %d", p.Slot)
	}
	return nil
}

// expectedProof computes a proof with the slot's proof key, which is in guarded
// memory for as long as that takes.
func (v *Vault) expectedProof(op string, u *unlocked, challenge [32]byte, o Operation, slot uint32) (sum [32]byte, err error) {
	at := place{store.Proofs, slotKey(slot)}
	v.mu.Lock() // also for the data key, which may change
	defer v.mu.Unlock()
	sealed, ok := u.raw[at]
	if !ok {
		return sum, fail(op, KindWrongPassphrase, "slot %d proves nothing: use the passphrase", slot)
	}
	if err := u.enter(op); err != nil {
		return sum, err
	}
	defer u.slab.Leave()
	key, err := guard.NewBuffer(proofKeySize)
	if err != nil {
		return sum, memoryError(op, err)
	}
	defer key.Destroy() // before the slab is left: a lock waits for it (P5)
	err = quietly(func() error {
		plain, _, err := envelope.Open(key.Bytes()[:0], u.key(), u.placeOf(at), sealed)
		if err != nil {
			return tampered(op, at)
		}
		if err := mac.Sum256(&sum, plain, ProofInput(challenge, o)); err != nil {
			return fail(op, KindInternal, "%w", err)
		}
		return nil
	})
	return sum, err
}

// change is how every admin operation changes the vault: authorise, edit a copy
// of the snapshot, write, publish. edit returns what to write; where it returns
// nothing, only the snapshot changes.
func (v *Vault) change(ctx context.Context, op string, by Operator, o Operation, p Proof,
	edit func(u *unlocked, s *snapshot) ([]change, error)) (revision uint64, err error) {
	return v.proven(ctx, op, by, o, p, func(u *unlocked) (func() error, error) {
		s := u.snapshot.Load().clone()
		changes, err := edit(u, s)
		if err != nil {
			return nil, err
		}
		return func() error {
			if len(changes) > 0 {
				if err := v.commitMu(op, u, changes...); err != nil {
					return err
				}
			}
			u.snapshot.Store(s)
			for _, c := range changes {
				if c.made != nil {
					c.made()
				}
			}
			return nil
		}, nil
	})
}

// proven authorises an operation, has plan prepare it, and runs what plan returns as a
// change.
func (v *Vault) proven(ctx context.Context, op string, by Operator, o Operation, p Proof,
	plan func(u *unlocked) (run func() error, err error)) (revision uint64, err error) {
	began := false
	defer func() {
		if err != nil && !began {
			v.attempted(op, by, err)
		}
	}()
	u, err := v.unlocked(op)
	if err != nil {
		return 0, err
	}
	if err := v.authorise(ctx, op, u, by, o, p); err != nil {
		return 0, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current.Load() != u {
		return 0, lockedError(op)
	}
	run, err := plan(u)
	if err != nil {
		return 0, err
	}
	began = true
	return v.changeMu(op, by, o, u, run)
}

// changeMu makes a change between its two records, and returns the revision that it made.
func (v *Vault) changeMu(op string, by Operator, o Operation, u *unlocked, make func() error) (revision uint64, err error) {
	if err := v.recorded(op, by, o, u, make); err != nil {
		return 0, err
	}
	v.log.Info("changed", "op", op, "revision", u.revision.Load())
	return u.revision.Load(), nil
}

// recordChange makes the change that writes a record's JSON.
func recordChange[T record.Text](op, bucket, key string, value T) ([]change, error) {
	text, err := record.Append(nil, value)
	if err != nil {
		return nil, fail(op, KindInternal, "%w", err)
	}
	return []change{sealedChange(bucket, key, text)}, nil
}

func unixNow() int64 { return clock.Wall().Unix() }
