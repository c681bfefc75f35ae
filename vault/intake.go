package vault

import "bfxvault/vault/internal/guard"

// intake is a secret on its way into the vault: opened once the proof of its change has
// held, wiped before the vault file is waited for, or with a lock (P5). What was made of it
// is wiped as well where the change fails. So are mid-states of secrets that the vault has
// and that come back into use.
type intake struct {
	unlocked *unlocked
	buffer   *guard.Buffer // the prefix of a sealed box and the secret; nil before one is open
	secret   []byte        // in the buffer: only whoever has entered the slab may look
	states   []*midStates  // none once they are the vault's
}

// open opens the secret of a request. A lock takes it from then on.
func (in *intake) open(v *Vault, u *unlocked, op string, by Operator, box Sealed, purpose Operation) (err error) {
	if err := u.enter(op); err != nil {
		return err
	}
	defer u.slab.Leave()
	in.unlocked = u
	if in.buffer, err = v.openSecret(op, by, box, purpose); err != nil {
		return err
	}
	in.secret = in.buffer.Bytes()[sealedPrefixSize:]
	u.lent.add(in.buffer)
	return nil
}

// absorb makes mid-states of the secret. A lock takes both: the record of the secret waits
// for the disk, which may hang.
func (in *intake) absorb(op string) (*midStates, error) {
	u := in.unlocked
	if err := u.enter(op); err != nil {
		return nil, err
	}
	defer u.slab.Leave()
	var slot int
	err := quietly(func() (err error) {
		slot, err = u.absorb(in.secret)
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

// change is the record of the secret at a place. Once it is sealed, the secret goes.
func (in *intake) change(at place) change {
	return change{place: at, plain: in.secret, sealed: in.wipe}
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
