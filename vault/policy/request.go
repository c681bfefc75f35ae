package policy

// Class is a set of the things a request may do, one bit each. A grant allows
// a set of classes; an endpoint needs exactly one. The zero Class is needed by
// endpoints that nobody is ever granted.
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
// filled by a strict parser, which refuses what it does not fully understand.
type Request struct {
	// Endpoint is the pattern of the endpoint table that the path matched, such
	// as "v2/auth/r/orders/{symbol}".
	Endpoint string
	// Class is the one class that the endpoint needs. Zero means that no grant
	// can allow it: the endpoint mints or revokes credentials.
	Class Class
	// ByName is set where a class alone does not suffice and the grant must
	// name the endpoint as well (pay, deposit, social, algo, position, eaas).
	ByName bool
	// Write is set where the endpoint changes something at the exchange.
	Write bool
}
