package policy

// Class is a set of the things a request may do, one bit each. A grant allows
// a set of classes; a request needs one, or several where it carries several
// operations. The zero Class is needed by endpoints that nobody is ever granted.
type Class uint8

// The classes that a grant can allow, in the order they are printed.
const (
	Read     Class = 1 << iota // reads; changes nothing
	Trade                      // places and updates orders
	Cancel                     // takes orders or offers back; reduces risk
	Funding                    // lends and borrows
	Withdraw                   // moves value out, or between wallets
	Settings                   // the rest of account settings
)

// Request is what a signing request means, as far as policy judges it. It is
// filled by a strict parser, which refuses what it does not fully understand. Its
// byte slices are parts of the request's body, or of Scratch.
type Request struct {
	// Endpoint is the pattern of the endpoint table that the path matched, such
	// as "v2/auth/r/orders/{symbol}".
	Endpoint string
	// Class is what the endpoint, or its operations together, need. Zero means that
	// no grant can allow it: the endpoint mints or revokes credentials.
	Class Class
	// ByName is set where a class alone does not suffice and the grant must
	// name the endpoint as well (pay, deposit, social, algo, position, eaas).
	ByName bool
	// Write is set where the endpoint changes something at the exchange.
	Write bool
	// Symbol is the symbol that the path names, empty where it names none.
	Symbol string
	// Ops are what a write would do, in its order: one, or up to MaxOps of
	// order/multi. Empty for reads.
	Ops []Op
	// Unread are the names of fields that the endpoint's list does not know, as they
	// stand in the body.
	Unread [][]byte
	// Scratch is where the parser puts words that the body spells otherwise, such as
	// tBTCUSD for REST v1's btcusd. It means nothing to rules.
	Scratch []byte
}

// MaxOps is how many operations one request may carry, Bitfinex's own limit
// (docs.bitfinex.com/reference/rest-auth-order-multi).
const MaxOps = 75

// Reset empties r for its next use and keeps its room.
func (r *Request) Reset() {
	*r = Request{Ops: r.Ops[:0], Unread: r.Unread[:0], Scratch: r.Scratch[:0]}
}

// Action is what an operation does, where rules need to tell.
type Action uint8

// The actions.
const (
	Other      Action = iota // judged by class and what fields it has
	Submit                   // a new order
	Update                   // changes an order
	Retract                  // takes orders or offers back
	Offer                    // a funding offer
	Transfer                 // between wallets, or to another account
	Withdrawal               // to an address
	Algo                     // places orders of its own, later and at the market
)

// Op is one operation of a write. Fields that the request did not carry are
// not Set, nil or zero.
type Op struct {
	Action Action
	Class  Class
	// Symbol is what it trades: "tBTCUSD", "fUSD". An update has the one of the order
	// that it is known to change, if any.
	Symbol []byte
	// Type is the order type of a Submit, and of the order an Update is known to
	// change: exactly one bit.
	Type OrderType
	// Amount is signed: negative sells. Of an Update it is the new one.
	Amount Optional
	// Delta is what an Update adds to the amount.
	Delta Optional
	// Every price that an order carries. Trailing is a distance, not a price.
	Price, AuxPrice, StopPrice, Trailing Optional
	Leverage                             Optional
	Flags                                Flags
	// AffCode is meta.aff_code.
	AffCode []byte
	// ID and CID name the order that an Update changes, CID alone the new order of a
	// Submit; zero where not given. Day is an Update's cid_date, in days since 1970.
	ID, CID uint64
	Day     int32
	// StopCID is the cid that the stop of a Submit's OCO gets (cid_oco).
	StopCID uint64
	// Was is what an Update is known to change, and nil where that is not known.
	Was *Order

	// Currency and Address are where a Withdrawal goes, and of which currency it and a
	// Transfer are; External is set on a Transfer that names another account.
	Currency, Address []byte
	External          bool
}

// Optional is a decimal that a request may lack.
type Optional struct {
	Decimal
	Set bool
}

// Order is what is remembered of a signed order: all that it can have become.
type Order struct {
	Symbol []byte
	Type   OrderType
	// Amount is the largest, without sign.
	Amount Decimal
	// Low and High are the lowest and the highest of all its prices. Both are zero
	// where a price was missing or not positive.
	Low, High Decimal
}
