package bitfinex

import "bfxvault/vault/policy"

// finish asks of the fields that the object at hand gave what its form asks.
func (rd *reader) finish(f *form) bool {
	if missing := f.needs &^ rd.given; missing != 0 {
		for i := range f.fields {
			if missing.has(f.fields[i].slot) {
				return rd.refuse(f.fields[i].name, "is missing")
			}
		}
	}
	switch f.closing {
	case closeTarget:
		if !rd.given.has(slotID) && !rd.given.has(slotCID) {
			return rd.refuse("id", "is missing, and so is cid")
		}
		if !rd.given.has(slotID) && !rd.given.has(slotDay) {
			return rd.refuse("cid_date", "is missing: a cid means nothing without it")
		}
		if rd.given.has(slotDayAgain) && rd.held.dayAgain != rd.op.Day {
			return rd.refuse("cidDate", "must be the same day as cid_date")
		}
	case closeList:
		if !rd.given.has(slotList) {
			return rd.refuse("id", "is missing, and so are cid, gid and all")
		}
	case closeTransfer:
		rd.op.External = rd.given.has(slotExternal) || rd.hasUnread()
	case closeWithdraw:
		if rd.held.routed || rd.hasUnread() {
			rd.op.Address = nil
		}
	case closeOrderV1:
		return rd.finishOrderV1()
	case closeOfferV1:
		rd.finishAmountV1()
	}
	return true
}

// hasUnread says whether the operation at hand has fields that nobody read.
func (rd *reader) hasUnread() bool { return len(rd.request.Unread) > rd.held.unread }

// ops reads the operations of order/multi: [[name, {…}], …]. Its class is what they
// need together.
func (rd *reader) ops(f *field) bool {
	const reason = `must be an array of operations such as ["on",{…}]`
	if rd.token.kind != kindArray {
		return rd.refuse(f.name, reason)
	}
	given, class, n := rd.given, policy.Class(0), 0
	for rd.next() {
		if rd.token.kind == kindArrayEnd {
			if n == 0 {
				return rd.refuse(f.name, "must not be empty")
			}
			rd.given, rd.request.Class = given, class
			return true
		}
		if n++; n > policy.MaxOps {
			return rd.refuse(f.name, "has more operations than Bitfinex takes")
		}
		if rd.token.kind != kindArray {
			return rd.refuse(f.name, reason)
		}
		if !rd.next() {
			return false
		}
		form, needs := rd.operation()
		if form == nil {
			return rd.refuse(f.name, "must name its operations on, ou, oc or oc_multi")
		}
		class |= needs
		rd.begin(form, needs)
		if !rd.next() || !rd.kind(f, kindObject, reason) || !rd.object(form) || !rd.next() || !rd.kind(f, kindArrayEnd, reason) {
			return false
		}
	}
	return false
}

// operation returns the form of the operation that the text at hand names, and its
// class. Operations inside operations (ox_multi) are none.
func (rd *reader) operation() (*form, policy.Class) {
	if rd.token.kind != kindString {
		return nil, 0
	}
	switch string(rd.text()) {
	case "on":
		return submitForm, policy.Trade
	case "ou":
		return updateForm, policy.Trade
	case "oc":
		return cancelForm, policy.Cancel
	case "oc_multi":
		return cancelMultiForm, policy.Cancel
	}
	return nil, 0
}
