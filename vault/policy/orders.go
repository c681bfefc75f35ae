package policy

// OrderType is a set of order types, one bit each.
type OrderType uint16

// orderTypes gives each order type its word, lowest bit first. Source:
// docs.bitfinex.com/docs/abbreviations-glossary.
var orderTypes = [...]string{
	"LIMIT", "MARKET", "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC",
	"EXCHANGE LIMIT", "EXCHANGE MARKET", "EXCHANGE STOP", "EXCHANGE STOP LIMIT",
	"EXCHANGE TRAILING STOP", "EXCHANGE FOK", "EXCHANGE IOC",
}

// Types whose price stays open: what they trade at is what the market offers.
const openTypes OrderType = 1<<1 | 1<<2 | 1<<4 | 1<<8 | 1<<9 | 1<<11

// stopOf is the type of the stop that an OCO order of type t brings along.
func (t OrderType) stopOf() OrderType {
	const spot = 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12 | 1<<13
	if t&spot != 0 {
		return 1 << 9
	}
	return 1 << 2
}

// stopLimits carry their limit in the auxiliary price.
const stopLimits OrderType = 1<<3 | 1<<10

// ParseOrderType returns the one bit of an order type as Bitfinex writes it.
func ParseOrderType[T ~string | ~[]byte](word T) (OrderType, bool) {
	for i, known := range orderTypes {
		if string(word) == known {
			return 1 << i, true
		}
	}
	return 0, false
}

// IsOpen says whether the price of such an order stays open.
func (t OrderType) IsOpen() bool { return t&openTypes != 0 }

// String is the word of a single type.
func (t OrderType) String() string {
	for i, word := range orderTypes {
		if t == 1<<i {
			return word
		}
	}
	return "unknown"
}

// Flags is Bitfinex's set of order flags.
type Flags uint32

// The flags that are known (bfx-api-node-models, Order.flags). Any other is refused
// by the parser.
const (
	FlagHidden     Flags = 64
	FlagClose      Flags = 512
	FlagReduceOnly Flags = 1024
	FlagPostOnly   Flags = 4096
	FlagOCO        Flags = 16384
	FlagNoVarRates Flags = 524288

	KnownFlags = FlagHidden | FlagClose | FlagReduceOnly | FlagPostOnly | FlagOCO | FlagNoVarRates
)

type flagName struct {
	word string
	flag Flags
}

// flagNames are the words of a policy file.
var flagNames = [...]flagName{
	{"hidden", FlagHidden},
	{"close", FlagClose},
	{"reduce_only", FlagReduceOnly},
	{"post_only", FlagPostOnly},
	{"oco", FlagOCO},
	{"no_var_rates", FlagNoVarRates},
}

// Words lists the flags of a set by name.
func (f Flags) Words() []string {
	words := []string{}
	for _, known := range flagNames {
		if f&known.flag != 0 {
			words = append(words, known.word)
		}
	}
	return words
}

// Currencies splits a symbol: a pair of six letters three and three, a longer one
// at its colon, a funding symbol into its one currency, with no quote. Anything
// else is not understood.
func Currencies(symbol []byte) (base, quote []byte, ok bool) {
	if len(symbol) < 4 {
		return nil, nil, false
	}
	name := symbol[1:]
	if symbol[0] == 'f' {
		return name, nil, true
	}
	if symbol[0] != 't' {
		return nil, nil, false
	}
	for i, c := range name {
		if c == ':' {
			return name[:i], name[i+1:], i > 0 && i+1 < len(name)
		}
	}
	if len(name) != 6 {
		return nil, nil, false
	}
	for _, c := range name {
		if c < 'A' || c > 'Z' {
			return nil, nil, false
		}
	}
	return name[:3], name[3:], true
}

// isDerivative says whether a symbol is a perpetual future, as tBTCF0:USTF0.
func isDerivative(symbol []byte) bool {
	base, quote, ok := Currencies(symbol)
	return !ok || hasF0(base) || hasF0(quote)
}

func hasF0(currency []byte) bool {
	n := len(currency)
	return n > 2 && currency[n-2] == 'F' && currency[n-1] == '0'
}
