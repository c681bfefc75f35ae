package bitfinex

import "bfxvault/vault/policy"

// form is what the body of a write may hold: its list of fields, and what they
// mean together. Forms never change.
type form struct {
	action policy.Action
	fields []field
	// needs are the slots without which the request is refused.
	needs slots
	// closing is what is asked of the fields together.
	closing closing
}

// field is one name of a form.
type field struct {
	name    string // byte for byte
	grammar grammar
	slot    slot // where the value goes
}

// slot is where in a policy.Op a value goes, or what about it is noted.
type slot uint8

// slots is a set of them.
type slots uint64

const (
	slotNone slot = iota // read by its grammar, and not kept

	// Decimals.
	slotAmount
	slotDelta
	slotPrice
	slotAux
	slotStop
	slotTrailing
	slotLeverage

	// What an order is, and which.
	slotSymbol
	slotType
	slotFlags
	slotID
	slotCID
	slotStopCID
	slotDay
	slotDayAgain // ccxt's second spelling of the date
	slotList     // of ids, in any of its fields
	slotAffCode

	// Where value goes.
	slotCurrency
	slotAddress
	slotExternal // names another account
	slotRouting  // decides beside, or instead of, the address
	slotFrom
	slotTo
	slotMethod

	// REST v1's own.
	slotSide
	slotDirection
	slotHidden
	slotPostOnly
	slotOCO
	slotBuyStop
	slotSellStop
)

func (s slot) set() slots { return 1 << s }

func setOf(list ...slot) (set slots) {
	for _, s := range list {
		set |= s.set()
	}
	return set
}

func (set slots) has(s slot) bool { return set&s.set() != 0 }

// closing is a rule over the fields of one object.
type closing uint8

const (
	closeNothing  closing = iota
	closeTarget           // names an order: id, or cid and cid_date
	closeList             // names something to take back
	closeWithdraw         // the address is the whole of where it goes
	closeTransfer         // no unread field could name another account
	closeOrderV1          // side, OCO and type of REST v1
	closeOfferV1          // direction of REST v1
)

// grammar is how a value may be written. null stands for an absent field in all of
// them.
type grammar uint8

const (
	isAnything  grammar = iota // read no further
	isText                     // a string
	isTexts                    // an array of strings
	isWord                     // a string of printable ASCII without escapes
	isObject                   // read no further
	isBit                      // 0, 1, false, true
	isOff                      // 0 or false: anything else would change what the rest means
	isCount                    // a whole number, not negative
	isNumber                   // an exact decimal
	isAmount                   // the same, and not 0
	isPositive                 // the same, and above 0
	isLev                      // 1 to 100
	isFlags                    // flags that are known
	isOrderID                  // 1 to 2^53-1
	isOrderIDs                 // an array of them, or one
	isCIDs                     // [[cid, date], …]
	isDate                     // 2026-01-31
	isMoment                   // 2026-01-31 23:59:59
	isType                     // an order type
	isPair                     // tBTCUSD
	isFund                     // fUSD
	isEither                   // one of these two
	isMoney                    // a currency
	isFundMoney                // a currency; kept as its funding symbol
	isMethod                   // of a withdrawal; kept as its currency where that is certain
	isMeta                     // an order's meta object
	isOps                      // of order/multi
	isOrdersV1                 // of v1's order/new/multi

	isPairV1      // btcusd; kept as tBTCUSD
	isMoneyV1     // usd; kept as USD
	isFundV1      // usd; kept as fUSD
	isTypeV1      // an order type in v1's words
	isSideV1      // buy or sell
	isDirectionV1 // lend or loan
)
