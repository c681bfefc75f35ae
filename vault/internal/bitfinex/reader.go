package bitfinex

import "bfxvault/vault/policy"

// reader fills a policy.Request from the body of a write, in one walk over its
// bytes. It calls itself as deep as forms nest, which is twice, and never as deep
// as the body does.
type reader struct {
	scanner
	request  *policy.Request
	endpoint *Endpoint
	op       *policy.Op // the latest of request.Ops
	given    slots      // what the object at hand gave
	held     held
}

// sharedSlots may be given by several fields of one form. Any other slot is shared
// only by two spellings of one field.
var sharedSlots = setOf(slotNone, slotList, slotRouting, slotExternal)

// held is what is understood only once its object is at its end.
type held struct {
	unread            int   // how many unread names came before
	dayAgain          int32 // as ccxt repeats it
	negative          bool  // REST v1 has the amount's sign in another field
	routed            bool  // something decides beside the address where a withdrawal goes
	buyStop, sellStop policy.Optional
}

// read reads the whole body by f.
func (rd *reader) read(f *form) error {
	if !rd.next() {
		return rd.err
	}
	if rd.token.kind != kindObject {
		rd.fault("must be an object at a write endpoint")
		return rd.err
	}
	rd.begin(f, rd.endpoint.Class)
	if rd.object(f) {
		rd.next() // to what may stand behind the document
	} else if rd.err == nil {
		rd.fault("is not understood") // unreachable: whoever gives up says why
	}
	return rd.err
}

// readEmpty reads a body of no bytes as {}.
func (rd *reader) readEmpty(f *form) error {
	rd.begin(f, rd.endpoint.Class)
	rd.finish(f)
	return rd.err
}

// begin adds an operation, unless f only holds others.
func (rd *reader) begin(f *form, class policy.Class) {
	r := rd.request
	if f.holdsOps() {
		return
	}
	r.Ops = append(r.Ops, policy.Op{Action: f.action, Class: class})
	rd.op = &r.Ops[len(r.Ops)-1]
	rd.held = held{unread: len(r.Unread)}
}

func (f *form) holdsOps() bool {
	return len(f.fields) == 1 && (f.fields[0].grammar == isOps || f.fields[0].grammar == isOrdersV1)
}

// object reads the object whose opening was the latest token.
func (rd *reader) object(f *form) bool {
	rd.given = 0
	if !rd.members(f.fields) {
		return false
	}
	return rd.finish(f)
}

// members reads names and values up to the object's end.
func (rd *reader) members(fields []field) bool {
	for rd.next() {
		if rd.token.kind == kindObjectEnd {
			return true
		}
		f := rd.lookup(fields)
		switch {
		case rd.err != nil:
			return false
		case f == nil:
			rd.request.Unread = append(rd.request.Unread, rd.text())
			if !rd.next() || !rd.skip() {
				return false
			}
		case !rd.next() || !rd.member(f):
			return false
		}
	}
	return false
}

// lookup returns the field that the name at hand is, byte for byte: one with an
// escape is none. It returns nil where it is no field, and refuses a name that a
// laxer reader would take for one (A30, A31, A33).
func (rd *reader) lookup(fields []field) *field {
	name := rd.text()
	for i := range fields {
		if string(name) == fields[i].name {
			return &fields[i]
		}
	}
	if !isASCII(name) {
		rd.faultAt(rd.token.start, "has a name that is not ASCII")
		return nil
	}
	if rd.params && rd.token.depth == 1 && isVaults(name) {
		rd.faultAt(rd.token.start, "has a member that is the vault's to write")
		return nil
	}
	folded := fold(name)
	for i := range fields {
		if folded.is(fields[i].name) {
			rd.refuse(fields[i].name, "must be spelled as Bitfinex documents it")
			return nil
		}
	}
	return nil
}

// member reads the value at hand, of f. null is no value.
func (rd *reader) member(f *field) bool {
	if rd.token.kind == kindNull {
		return true
	}
	if rd.given.has(f.slot) && !sharedSlots.has(f.slot) {
		return rd.refuse(f.name, "is given under two names")
	}
	rd.given |= f.slot.set()
	return rd.value(f)
}

// skip passes over the value at hand, whatever it holds.
func (rd *reader) skip() bool {
	if rd.token.kind != kindObject && rd.token.kind != kindArray {
		return true
	}
	for depth := rd.token.depth; rd.next(); {
		k := rd.token.kind
		if (k == kindObjectEnd || k == kindArrayEnd) && rd.token.depth == depth {
			return true
		}
	}
	return false
}

// refuse ends the walk with an error about a field, whose value or name is the
// latest token. It returns false for its caller to return.
func (rd *reader) refuse(name, reason string) bool {
	rd.err = &SyntaxError{Field: name, Offset: rd.token.start, Reason: reason}
	return false
}
