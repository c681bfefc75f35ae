package vault

import (
	"bfxvault/vault/internal/guard"
)

// intake is a secret on its way into the vault: opened once the proof of its change has
// held, wiped before the vault file is waited for, or with a lock (P5). What was made of it
// is wiped as well where the change fails. So are mid-states of secrets that the vault has
// and that come back into use.
type intake struct {
	unlocked *unlocked
	buffer   *guard.Buffer // the prefix of a sealed box and the secret; nil before one is open
	states   []*midStates  // none once they are the vault's
}

// open opens the secret of a request.
func (in *intake) open(v *Vault, u *unlocked, op string, by Operator, box Sealed, purpose Operation) (err error) {
	in.unlocked = u
	in.buffer, err = v.openSecret(op, by, box, purpose)
	return err
}

// absorb makes mid-states of the secret. A lock takes both from then on: the record of the
// secret waits for the disk, which may hang.
func (in *intake) absorb(op string) (*midStates, error) {
	u := in.unlocked
	if err := u.enter(op); err != nil {
		return nil, err
	}
	defer u.slab.Leave()
	u.lent.add(in.buffer)
	var slot int
	err := quietly(func() (err error) {
		slot, err = u.absorb(in.buffer.Bytes()[sealedPrefixSize:])
		return err
	})
	if err != nil {
		return nil, memoryError(op, err)
	}
	return in.hold(slot), nil
}

// hold has mid-states in a slot of the slab end with the intake.
func (in *intake) hold(slot int) *midStates {
	m := newMidStates(in.unlocked.slab, slot)
	in.states = append(in.states, m)
	return m
}

// size is the length of the secret in bytes.
func (in *intake) size() int { return len(in.buffer.Bytes()) - sealedPrefixSize }

// change is the record of the secret at a place. Once it is sealed, the secret goes.
func (in *intake) change(at place) change {
	return change{place: at, plain: in.buffer.Bytes()[sealedPrefixSize:], sealed: in.wipe}
}

func (in *intake) wipe() { in.unlocked.lent.take(in.buffer) }

// kept is for the change that makes the mid-states the vault's.
func (in *intake) kept() { in.states = nil }

// end is for when the change has been made, or not.
func (in *intake) end() {
	if in.buffer != nil {
		in.wipe() // also where nothing was sealed
	}
	for _, m := range in.states {
		m.end(nil)
	}
}
