package limits

import (
	"encoding/binary"

	"bfxvault/vault/policy"
)

// stray is when updates were last signed of orders that were not known, under grants that
// do not ask: each may be of any order that was signed before, unless that is known by
// another name of the same kind.
type stray struct {
	saving
	byID, byCID lately
}

// isStray says whether an update was judged as of an unknown order.
func isStray(op *policy.Op) bool { return op.Action == policy.Update && op.Was == nil }

func hasStray(r *policy.Request) bool {
	for i := range r.Ops {
		if isStray(&r.Ops[i]) {
			return true
		}
	}
	return false
}

// strayMu notes the updates in r that are of unknown orders. The flight is nil where that
// is on disk.
func (o *Orders) strayMu(r *policy.Request, f *flight) (*flight, error) {
	for i := range r.Ops {
		op := &r.Ops[i]
		if !isStray(op) {
			continue
		}
		if op.ID != 0 {
			o.stray.byID.note(o.clock, &o.stray.saving)
		}
		if op.CID == 0 {
			continue
		}
		o.stray.byCID.note(o.clock, &o.stray.saving)
		if e, b := o.findMu(op.CID); e != nil && e.order != nil { // of another day, or beside others that may have the cid
			e.order = nil
			b.change()
			var err error
			if f, err = o.laterMu(f, &b.saving); err != nil {
				return f, err
			}
		}
	}
	return o.laterMu(f, &o.stray.saving)
}

// strayedMu says whether an update of an unknown order may have been one of this.
func (o *Orders) strayedMu(e *entry) bool {
	if e.id == 0 {
		return o.stray.byID.last >= e.signed
	}
	if of, _ := o.findMu(e.cid); of == e {
		return false // by its cid it would have been known
	}
	return o.stray.byCID.last >= e.signed
}

// confirmStrayMu says whether the updates of unknown orders in r were noted no earlier than
// the last order that they may be of was signed.
func (o *Orders) confirmStrayMu(r *policy.Request) bool {
	for i := range r.Ops {
		op := &r.Ops[i]
		if isStray(op) && (op.ID != 0 && o.stray.byID.last < o.placed || op.CID != 0 && o.stray.byCID.last < o.placed) {
			return false
		}
	}
	return true
}

// since says whether there was one since.
func (s *stray) since(at int64) bool { return max(s.byID.last, s.byCID.last) >= at }

// time is the latest time that is on disk, less what it reaches ahead.
func (s *stray) time() int64 { return max(s.byID.onDisk, s.byCID.onDisk) - missedAhead }

func (s *stray) encode() []byte {
	dst := binary.AppendUvarint([]byte{version}, uint64(s.byID.onDisk))
	return binary.AppendUvarint(dst, uint64(s.byCID.onDisk))
}

func parseStray(value []byte) (s stray, err error) {
	r := &reader{rest: value}
	r.version()
	s.byID, s.byCID = r.lately(), r.lately()
	if s.byID.onDisk|s.byCID.onDisk == 0 {
		r.fail()
	}
	return s, r.end()
}

// lately is when something was last signed: to tell it after a restart too, what is on disk
// reaches ahead, so that few calls have to wait.
type lately struct {
	last   int64 // seconds since 1970
	onDisk int64 // when it may have been, after a restart; 0 for never
}

// note is called with the time of the memory.
func (l *lately) note(clock int64, s *saving) {
	l.last = max(l.last, clock)
	if l.onDisk == 0 || l.last > l.onDisk {
		l.onDisk = l.last + missedAhead
		s.change()
	}
}

// settle has what is on disk reach ahead no longer.
func (l *lately) settle(s *saving) {
	if exact := max(l.last, missedAhead); exact < l.onDisk {
		l.onDisk, s.dirty = exact, true
	}
}

func (l *lately) counts(clock int64) bool { return l.onDisk != 0 && clock-l.last < takenTwice }

func (r *reader) lately() lately {
	at := r.time()
	if at != 0 && at < missedAhead {
		r.fail()
	}
	return lately{last: at, onDisk: at}
}
