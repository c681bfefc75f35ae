package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// BotSpec is a bot as a policy file spells it.
type BotSpec struct {
	// Match lists the callers that are the bot; none where it is known by its
	// stand-in credential only.
	Match  []Match     `toml:"match,omitempty" json:"match,omitzero"`
	Role   string      `toml:"role,omitempty" json:"role,omitzero"`
	Grants []GrantSpec `toml:"grants,omitempty" json:"grants,omitzero"`
}

// GrantSpec is a grant as a policy file spells it, and as it is stored and proven:
// what a bot may have signed with one API key. Permissions widen and are no where
// they are absent; rules narrow, and absent means no restriction, while an empty
// list or table allows nothing. Limits are inclusive. See docs/policy.md.
type GrantSpec struct {
	// Key is the label of the API key.
	Key string `toml:"key" json:"key,omitzero"`

	// Permissions.
	Allow        []string `toml:"allow,omitempty" json:"allow,omitzero"`
	MarketOrders bool     `toml:"market_orders,omitempty" json:"market_orders,omitzero"`
	WebSocket    bool     `toml:"websocket,omitempty" json:"websocket,omitzero"`
	Endpoints    []string `toml:"endpoints,omitempty" json:"endpoints,omitzero"`
	ExtraFields  []string `toml:"extra_fields,omitempty" json:"extra_fields,omitzero"`

	// Rules.
	Symbols       []string            `toml:"symbols" json:"symbols,omitzero"`
	OrderTypes    []string            `toml:"order_types" json:"order_types,omitzero"`
	Flags         []string            `toml:"flags" json:"flags,omitzero"`
	MaxLeverage   *uint32             `toml:"max_leverage" json:"max_leverage,omitzero"`
	MaxOrder      map[string]Decimal  `toml:"max_order" json:"max_order,omitzero"`
	MaxNotional   map[string]Decimal  `toml:"max_notional" json:"max_notional,omitzero"`
	DailyNotional map[string]Decimal  `toml:"daily_notional" json:"daily_notional,omitzero"`
	PriceBand     map[string]BandSpec `toml:"price_band" json:"price_band,omitzero"`
	Rate          *RateSpec           `toml:"rate" json:"rate,omitzero"`
	CancelRate    *RateSpec           `toml:"cancel_rate" json:"cancel_rate,omitzero"`
	DailyRequests *uint64             `toml:"daily_requests" json:"daily_requests,omitzero"`
	Hours         *string             `toml:"hours" json:"hours,omitzero"`
	Expires       *Date               `toml:"expires" json:"expires,omitzero"`
	AffCodes      []string            `toml:"aff_codes" json:"aff_codes,omitzero"`
	Withdraw      *WithdrawSpec       `toml:"withdraw" json:"withdraw,omitzero"`
}

// BandSpec keeps prices within a percentage of a reference.
type BandSpec struct {
	Reference Decimal `toml:"reference" json:"reference"`
	Percent   Decimal `toml:"percent" json:"percent"`
}

// RateSpec is a token bucket: so many operations a second, and so many at once.
type RateSpec struct {
	PerSecond Decimal `toml:"per_second" json:"per_second"`
	// Burst is how many may come at once; absent, as many as come in a second, and
	// one at least.
	Burst *uint32 `toml:"burst" json:"burst,omitzero"`
}

// WithdrawSpec restricts withdrawals.
type WithdrawSpec struct {
	Addresses []string           `toml:"addresses" json:"addresses,omitzero"`
	Max       map[string]Decimal `toml:"max" json:"max,omitzero"`
	Approval  *string            `toml:"approval" json:"approval,omitzero"`
}

// Date is a day, UTC.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// MarshalText prints 2006-01-02.
func (d Date) MarshalText() ([]byte, error) {
	return d.start().AppendFormat(nil, time.DateOnly), nil
}

// UnmarshalText reads 2006-01-02.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return errors.New("must be a day such as 2027-03-31")
	}
	d.Year, d.Month, d.Day = t.Date()
	return nil
}

func (d Date) start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// SpecError says what is wrong with a grant or bot as it is spelled.
type SpecError struct {
	// Field is where: "max_order.BTC", "order_types", "match".
	Field string
	// Reason is what is wrong, and what to write instead. It repeats the word that is
	// wrong, for who has the file at hand.
	Reason string

	plain string // Reason without that word
}

// Plain is the error without a word of what was written, which may be a secret in the
// wrong place: for answers and logs (A49).
func (e *SpecError) Plain() string { return e.Field + ": " + e.plain }

// Error returns field and reason as one line.
func (e *SpecError) Error() string { return e.Field + ": " + e.Reason }

func specError(field, format string, args ...any) error {
	plain := slices.Clone(args)
	for i := range plain {
		if _, ok := plain[i].(quoted); ok {
			plain[i] = `"…"`
		}
	}
	return &SpecError{field, fmt.Sprintf(format, args...), fmt.Sprintf(format, plain...)}
}

// quoted is a word of a policy file, quoted.
type quoted string

// quoteBrief quotes a word of a policy file for an error, cut where it is long.
func quoteBrief(word string) quoted {
	const most = 40
	if len(word) > most {
		word = word[:most] + "…"
	}
	return quoted(strconv.Quote(word))
}

// didYouMean offers the one of known that a word is nearest to, if any is near.
func didYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return ": did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}

// Nearest returns the one of known that is spelled most like word, or nothing
// where none is within a third of its length.
func Nearest(word string, known []string) string {
	best, found := len(word)/3+1, ""
	for _, k := range known {
		if d := distance(word, k); d < best {
			best, found = d, k
		}
	}
	return found
}

// distance is Levenshtein's, without regard to case.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i]|0x20 == b[j]|0x20 {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
