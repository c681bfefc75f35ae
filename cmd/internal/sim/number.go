package sim

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// number accepts a decimal as clients send it: a string or a JSON number. An
// exponent that would make it very long is no number of an order.
func number(v any) (*big.Rat, bool) {
	var s string
	switch n := v.(type) {
	case json.Number:
		s = string(n)
		if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok {
			if e, err := strconv.Atoi(exp); err != nil || e < -40 || e > 40 {
				return nil, false
			}
		}
	case string:
		s = n
		if !regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`).MatchString(s) {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}

// decimal is a number of this package's own source.
func decimal(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("sim: not a number: " + s) // unreachable: they are constants
	}
	return r
}

// digits writes a number with no more places than it needs, 18 at most.
func digits(r *big.Rat) json.Number {
	s := r.FloatString(18)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		s = "0"
	}
	return json.Number(s)
}

func plus(a, b *big.Rat) *big.Rat  { return new(big.Rat).Add(a, b) }
func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func size(a *big.Rat) *big.Rat     { return new(big.Rat).Abs(a) }
func zero() *big.Rat               { return new(big.Rat) }
