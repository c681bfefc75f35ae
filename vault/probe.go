package vault

// SignProbe signs one read of what a version of an API key may do, for the operator: where
// number is zero of the one that PromoteKey would take, or else the active one. It needs
// no proof: what it signs is fixed. Errors: KindNotFound, KindBusy, and those of Sign.
func (v *Vault) SignProbe(by Operator, label string, number uint32) (s SignedRequest, err error) {
	const op = "probe"
	defer func() {
		if err != nil {
			v.attempted(op, by, err)
		}
	}()
	u, err := v.unlocked(op)
	if err != nil {
		return s, err
	}
	k := u.snapshot.Load().keys[label]
	if k == nil {
		return s, noKey(op)
	}
	if number == 0 {
		number = k.toPromote()
	}
	if number == 0 && k.active != nil {
		number = k.active.number
	}
	ver := k.liveOne(number)
	if ver == nil || !ver.enter() {
		return s, noVersion(op, label)
	}
	defer ver.leave()
	if u.stopping.Load() {
		return s, lockedError(op)
	}
	if more, _ := v.probes.next(unixNow()); !more {
		return s, fail(op, KindBusy, "too many probes within a second").hint("wait a second")
	}
	if s, err = v.signFixed(op, by, u, k, ver, probe); err != nil {
		return SignedRequest{}, err
	}
	// A panic's cancel must not be outdated by a read that was signed after it (P5).
	if v.current.Load() != u || u.stopping.Load() {
		return SignedRequest{}, lockedError(op)
	}
	return s, nil
}

// noVersion is the error for a version that is not there, or cannot do what is asked.
func noVersion(op, label string) *Error {
	return fail(op, KindNotFound, "there is no such version of that API key that can do this").hint("vaultctl key show %s", label)
}
