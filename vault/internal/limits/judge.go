package limits

import "bfxvault/vault/policy"

// Judge gives every update in r the order that it is known to change (its Was,
// Symbol and Type; several updates of one order build on each other), asks decide,
// and remembers what the updates made of their orders if it allows them. Updates of
// other requests wait meanwhile, so that two deltas add up. An update of an order
// that is not known has none, whatever was there before.
//
// Known is an order that was remembered in the last 48 hours: by a cid that nothing
// else was signed with, on a day next to the cid_date that the update has to name, or
// by the exchange's id where that was reported. An update by both has to mean one order.
//
// It waits for nothing but where the memory of an order was changed: then for the
// commit. With an error nothing may be signed: it is [ErrStopped] or that of the
// commit, after which the memory keeps the larger values.
func (o *Orders) Judge(r *policy.Request, now policy.Now, decide func() policy.Decision) (policy.Decision, error) {
	if o.ledger.group.Stopped() {
		return policy.Decision{}, ErrStopped
	}
	if !hasUpdate(r) {
		return decide(), nil
	}
	d, f, err := o.judge(r, now, decide)
	if f != nil {
		err = f.Wait()
	}
	if err != nil {
		return policy.Decision{}, err
	}
	return d, nil
}

func hasUpdate(r *policy.Request) (has bool) {
	for i := range r.Ops {
		r.Ops[i].Was = nil
		has = has || r.Ops[i].Action == policy.Update
	}
	return has
}

func (o *Orders) judge(r *policy.Request, now policy.Now, decide func() policy.Decision) (d policy.Decision, f *flight, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ledger.group.Stopped() { // under the lock: nothing changes after a settlement
		return policy.Decision{}, nil, ErrStopped
	}
	o.tickMu(now)
	defer o.forgetMu(r)
	for i := range r.Ops {
		if op := &r.Ops[i]; op.Action == policy.Update {
			o.identifyMu(r, op)
		}
	}
	if d = decide(); !d.Allowed {
		return d, nil, nil
	}
	if f, err = o.acceptMu(r); err == nil && hasStray(r) {
		f, err = o.strayMu(r, f)
	}
	return d, f, err
}

// identifyMu finds the order that an update changes.
func (o *Orders) identifyMu(r *policy.Request, op *policy.Op) {
	op.Symbol, op.Type = nil, 0
	e, _ := o.namedMu(op)
	if e == nil || e.order == nil || o.strayedMu(e) || !o.meansMu(r, op, e) {
		return
	}
	if e.next == nil {
		e.next = e.order
	}
	op.Was, op.Symbol, op.Type = e.next, e.next.Symbol, e.next.Type
	if became := op.Became(); became.Amount != op.Was.Amount || became.Low != op.Was.Low || became.High != op.Was.High {
		kept := became // the only one that costs an allocation
		e.next = &kept
	}
}

// meansMu says whether an update can mean no other order than the one that it names.
func (o *Orders) meansMu(r *policy.Request, op *policy.Op, e *entry) bool {
	if op.ID != 0 {
		return op.CID == 0 || op.CID == e.cid
	}
	if op.CID == 0 || op.Day == 0 || submits(r, op.CID) || o.bare.covers(op.CID, o.clock) {
		return false
	}
	apart := int64(op.Day) - dayOf(e.signed)
	return apart >= -1 && apart <= 1
}

// submits says whether the same request places an order under the cid, or one that
// may get it: which of both an update would mean is not known.
func submits(r *policy.Request, cid uint64) bool {
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Action == policy.Submit && (op.CID == cid || op.StopCID == cid) || isBare(op) && lowV2 <= cid && cid <= highV2 {
			return true
		}
	}
	return false
}

// acceptMu keeps what the updates made of their orders. The flight is nil where
// all of that is on disk.
func (o *Orders) acceptMu(r *policy.Request) (f *flight, err error) {
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Was == nil {
			continue
		}
		e, b := o.namedMu(op)
		if e.next != nil && e.next != e.order {
			e.order = e.next
			b.change()
		}
		if f, err = o.laterMu(f, &b.saving); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// forgetMu drops what a request would have made of orders.
func (o *Orders) forgetMu(r *policy.Request) {
	for i := range r.Ops {
		if r.Ops[i].Was != nil {
			if e, _ := o.namedMu(&r.Ops[i]); e != nil {
				e.next = nil
			}
		}
	}
}

// Confirm says whether the orders that the updates in r were judged as are still
// the only ones with their names. It is to be asked after the request nonce was
// drawn: a second order that is remembered later has a higher one. Where the updates are of
// unknown orders it says whether they are known to be for all that are signed by now.
func (o *Orders) Confirm(r *policy.Request) bool {
	if hasStray(r) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.confirmStrayMu(r)
	}
	known := true
	for i := range r.Ops {
		op := &r.Ops[i]
		if op.Action == policy.Update && op.Was != nil {
			known = known && o.stands(op)
		}
	}
	return known
}

func (o *Orders) stands(op *policy.Op) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, _ := o.namedMu(op)
	return e != nil && e.order != nil && !o.strayedMu(e) && (op.ID != 0 || !o.bare.covers(op.CID, o.clock)) && e.order.Type == op.Was.Type && string(e.order.Symbol) == string(op.Was.Symbol)
}
