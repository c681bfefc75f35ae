package bitfinex

import "bfxvault/vault/policy"

// value reads the value at hand by the grammar of f and puts it in its slot.
func (rd *reader) value(f *field) bool {
	switch f.grammar {
	case isAnything:
		return rd.skip()
	case isObject:
		return rd.kind(f, kindObject, "must be an object") && rd.skip()
	case isText:
		return rd.kind(f, kindString, "must be a text") && rd.keepText(f)
	case isMeta:
		return rd.kind(f, kindObject, "must be an object") && rd.members(metaFields)
	case isBit, isOff:
		return rd.bit(f)
	case isNumber, isAmount, isPositive:
		return rd.decimal(f)
	case isCount, isLev, isFlags, isOrderID:
		return rd.integer(f)
	case isTexts, isOrderIDs, isCIDs:
		return rd.list(f)
	case isOps:
		return rd.ops(f)
	case isOrdersV1:
		return rd.ordersV1(f)
	}
	if rd.token.kind != kindString || rd.token.escaped || len(rd.text()) == 0 {
		return rd.refuse(f.name, "must be a text, not empty and without escapes")
	}
	return rd.word(f)
}

// kind refuses a value of another kind than k.
func (rd *reader) kind(f *field, k kind, reason string) bool {
	return rd.token.kind == k || rd.refuse(f.name, reason)
}

// keepText notes that a withdrawal is routed by more than its address.
func (rd *reader) keepText(f *field) bool {
	if f.slot == slotRouting && len(rd.text()) > 0 {
		rd.held.routed = true
	}
	return true
}

// bit reads a switch.
func (rd *reader) bit(f *field) bool {
	on := rd.token.kind == kindTrue || rd.token.kind == kindNumber && string(rd.text()) == "1"
	off := rd.token.kind == kindFalse || rd.token.kind == kindNumber && string(rd.text()) == "0"
	switch {
	case !on && !off:
		return rd.refuse(f.name, "must be 0, 1, false or true")
	case on && f.grammar == isOff:
		return rd.refuse(f.name, "must be off: it changes what other fields mean")
	case !on:
		return true
	}
	switch f.slot {
	case slotHidden:
		rd.op.Flags |= policy.FlagHidden
	case slotPostOnly:
		rd.op.Flags |= policy.FlagPostOnly
	case slotOCO:
		rd.op.Flags |= policy.FlagOCO
	}
	return true
}

// decimal reads an exact decimal: a JSON number, or a text.
func (rd *reader) decimal(f *field) bool {
	var d policy.Decimal
	ok := false
	switch rd.token.kind {
	case kindNumber:
		d, ok = policy.ParseNumber(rd.text())
	case kindString:
		d, ok = policy.ParseDecimal(rd.text())
	}
	switch {
	case !ok:
		return rd.refuse(f.name, "must be an exact decimal, of up to 18 digits before and after the point")
	case f.grammar != isNumber && d.IsZero():
		return rd.refuse(f.name, "must not be zero")
	case f.grammar == isPositive && d.IsNegative():
		return rd.refuse(f.name, "must not be negative")
	}
	value := policy.Optional{Decimal: d, Set: true}
	switch f.slot {
	case slotAmount:
		rd.op.Amount = value
	case slotDelta:
		rd.op.Delta = value
	case slotPrice:
		rd.op.Price = value
	case slotAux:
		rd.op.AuxPrice = value
	case slotStop:
		rd.op.StopPrice = value
	case slotTrailing:
		rd.op.Trailing = value
	case slotBuyStop:
		rd.held.buyStop = value
	case slotSellStop:
		rd.held.sellStop = value
	}
	return true
}

// maxInteger is the largest whole number that JavaScript holds exactly, 2^53-1.
const maxInteger = 1<<53 - 1

// whole is the whole number at hand, a JSON number or a text: 0 or more, digits
// only, and no more than 2^53-1, so that no reader rounds it.
func (rd *reader) whole() (n uint64, ok bool) {
	text := rd.text()
	if rd.token.kind != kindNumber && rd.token.kind != kindString || len(text) == 0 || len(text) > 16 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= maxInteger
}

// integer reads a whole number.
func (rd *reader) integer(f *field) bool {
	n, ok := rd.whole()
	if !ok {
		return rd.refuse(f.name, "must be a whole number from 0 to 9007199254740991")
	}
	switch f.grammar {
	case isOrderID:
		if n == 0 {
			return rd.refuse(f.name, "must not be 0")
		}
	case isLev:
		if n < 1 || n > 100 {
			return rd.refuse(f.name, "must be 1 to 100")
		}
	case isFlags:
		if n&^uint64(policy.KnownFlags) != 0 {
			return rd.refuse(f.name, "has a flag that the vault does not know")
		}
	}
	switch f.slot {
	case slotID:
		rd.op.ID = n
	case slotCID:
		rd.op.CID = n
	case slotStopCID:
		rd.op.StopCID = n
	case slotLeverage:
		rd.op.Leverage = policy.Optional{Decimal: policy.NewDecimal(n), Set: true}
	case slotFlags:
		rd.op.Flags = policy.Flags(n)
	}
	return true
}

// list reads an array whose elements have one grammar. A single id may stand for
// an array of it.
func (rd *reader) list(f *field) bool {
	if f.grammar == isOrderIDs && (rd.token.kind == kindNumber || rd.token.kind == kindString) {
		return rd.element(f)
	}
	if rd.token.kind != kindArray {
		return rd.refuse(f.name, "must be an array")
	}
	for rd.next() {
		if rd.token.kind == kindArrayEnd {
			return true
		}
		ok := false
		switch f.grammar {
		case isTexts:
			ok = rd.kind(f, kindString, "must be an array of texts")
		case isOrderIDs:
			ok = rd.element(f)
		case isCIDs:
			ok = rd.cid(f)
		}
		if !ok {
			return false
		}
	}
	return false
}

// element reads an id of a list.
func (rd *reader) element(f *field) bool {
	return rd.integer(&field{f.name, isOrderID, slotNone})
}

// cid reads a pair of client order id and date, whose opening was the latest token.
func (rd *reader) cid(f *field) bool {
	const reason = "must be an array of pairs of id and date"
	if rd.token.kind != kindArray {
		return rd.refuse(f.name, reason)
	}
	if !rd.next() || !rd.element(f) || !rd.next() {
		return false
	}
	if _, ok := dayOf(rd.text()); !ok || rd.token.kind != kindString {
		return rd.refuse(f.name, reason)
	}
	return rd.next() && rd.kind(f, kindArrayEnd, reason)
}
