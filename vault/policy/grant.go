package policy

import (
	"time"
)

// Grant says what a bot may have signed with one API key. It is made by
// GrantSpec.Compile and never changes. The zero Grant allows nothing.
type Grant struct {
	allow        Class
	marketOrders bool
	endpoints    map[string]struct{}
	extraFields  map[string]struct{}

	// Rules: nil is no restriction, empty allows nothing.
	symbols       map[string]struct{}
	orderTypes    *OrderType
	flags         *Flags
	maxLeverage   *Decimal
	maxOrder      map[string]Decimal
	maxNotional   map[string]Decimal
	dailyNotional map[string]Decimal
	priceBand     map[string]band
	hours         *hours
	expires       time.Time // the first moment after; zero is never
	affCodes      map[string]struct{}
	withdraw      *withdrawal

	suspended bool // denies everything (Suspend)

	// Limits are what the grant may spend; limits counts it.
	Limits Limits
}

// Limits are the rules that count. Zero and nil are no limit.
type Limits struct {
	Rate, CancelRate *Rate
	DailyRequests    *uint64
	DailyNotional    map[string]Decimal
}

// Rate is a token bucket.
type Rate struct {
	// Interval is how long one operation takes to be earned back.
	Interval time.Duration
	Burst    uint32
}

// band is a range of prices, ends included.
type band struct{ low, high Decimal }

type withdrawal struct {
	addresses map[string]struct{} // nil is no restriction
	max       map[string]Decimal
}

// Suspend returns a copy that decides as g does, but while it is suspended: then it
// denies everything. Its limits are g's.
func (g *Grant) Suspend(suspended bool) *Grant {
	copied := *g
	copied.suspended = suspended
	return &copied
}

// Allow is the set of classes that may be signed.
func (g *Grant) Allow() Class { return g.allow }

// RemembersOrders says whether a rule of g asks what an update changes, so that the
// orders of its API key have to be remembered.
func (g *Grant) RemembersOrders() bool {
	return g.symbols != nil || g.orderTypes != nil || g.maxOrder != nil ||
		g.maxNotional != nil || g.dailyNotional != nil || g.priceBand != nil
}
