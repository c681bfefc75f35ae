package policy

import (
	"errors"
	"math/bits"
)

// Decimal is an exact decimal number with up to 18 digits before the point and 18
// after it; sums and products may be larger, and stop at about 3.4·10^20. The zero
// Decimal is 0. It is compared with Cmp; there is one zero, without a sign.
type Decimal struct {
	hi, lo uint64 // magnitude times 10^18
	neg    bool
}

// places is how many digits stand after the point, and one is the 1 of that scale.
const (
	places = 18
	one    = 1_000_000_000_000_000_000
)

// maxDecimal is where sums and products stop.
var maxDecimal = Decimal{hi: 1<<64 - 1, lo: 1<<64 - 1}

// NewDecimal is a whole number.
func NewDecimal(n uint64) Decimal {
	hi, lo := bits.Mul64(n, one)
	return Decimal{hi: hi, lo: lo}
}

// ParseDecimal reads -?(0|[1-9]\d{0,17})(\.\d{1,18})? and nothing else: no plus, no
// exponent, no space, no other digits than 0 to 9 (A32). Nothing is rounded.
func ParseDecimal[T ~string | ~[]byte](s T) (d Decimal, ok bool) {
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	whole, n := digits(s, i)
	if n == 0 || n > places || s[i] == '0' && n > 1 {
		return Decimal{}, false
	}
	neg := i == 1
	i += n
	var fraction uint64
	if i < len(s) {
		if s[i] != '.' {
			return Decimal{}, false
		}
		fraction, n = digits(s, i+1)
		if n == 0 || n > places || i+1+n != len(s) {
			return Decimal{}, false
		}
		fraction *= pow10(places - n)
	}
	return newDecimal(whole, fraction, neg), true
}

// ParseNumber reads a JSON number that ParseDecimal would take, or one as
// JavaScript prints small and large ones: 1.5e-7, 1e+21. One whose exact value a
// Decimal from a text could not hold is refused.
func ParseNumber[T ~string | ~[]byte](s T) (Decimal, bool) {
	e := -1
	for i := range len(s) {
		if s[i] == 'e' {
			e = i
		}
	}
	if e < 0 {
		return ParseDecimal(s)
	}
	if len(s) < e+3 || s[e+1] != '-' && s[e+1] != '+' {
		return Decimal{}, false
	}
	exponent, n := digits(s, e+2)
	if n == 0 || n > 3 || e+2+n != len(s) || s[e+2] == '0' {
		return Decimal{}, false
	}
	first := 0
	if s[0] == '-' {
		first = 1
	}
	mantissa, ok := ParseDecimal(s[:e])
	if !ok || s[first] == '0' || e > first+1 && s[first+1] != '.' { // one digit, not 0, before the point
		return Decimal{}, false
	}
	return mantissa.shift(int(exponent), s[e+1] == '-')
}

// shift moves the point, and fails where a digit would be lost.
func (d Decimal) shift(n int, right bool) (Decimal, bool) {
	for range n {
		if d.IsZero() {
			return d, true
		}
		if right {
			hi, r := d.hi/10, d.hi%10
			lo, r := bits.Div64(r, d.lo, 10)
			if r != 0 {
				return Decimal{}, false
			}
			d.hi, d.lo = hi, lo
			continue
		}
		over, hi := bits.Mul64(d.hi, 10)
		carry, lo := bits.Mul64(d.lo, 10)
		hi, c := bits.Add64(hi, carry, 0)
		if over != 0 || c != 0 {
			return Decimal{}, false
		}
		d.hi, d.lo = hi, lo
	}
	limit := Decimal{}
	limit.hi, limit.lo = bits.Mul64(one, one)
	return d, d.CmpAbs(limit) < 0
}

// digits reads decimal digits from s[i] on and returns how many there were; beyond
// 18 the value means nothing.
func digits[T ~string | ~[]byte](s T, i int) (value uint64, n int) {
	for ; i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9'; n++ {
		value = value*10 + uint64(s[i+n]-'0')
	}
	return value, n
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

func newDecimal(whole, fraction uint64, neg bool) Decimal {
	d := NewDecimal(whole)
	var carry uint64
	d.lo, carry = bits.Add64(d.lo, fraction, 0)
	d.hi += carry
	d.neg = neg && !d.IsZero()
	return d
}

// IsZero says whether d is 0.
func (d Decimal) IsZero() bool { return d.hi == 0 && d.lo == 0 }

// IsNegative says whether d is below 0.
func (d Decimal) IsNegative() bool { return d.neg }

// IsPositive says whether d is above 0.
func (d Decimal) IsPositive() bool { return !d.neg && !d.IsZero() }

// Abs is d without its sign.
func (d Decimal) Abs() Decimal { d.neg = false; return d }

// Neg is d with the other sign.
func (d Decimal) Neg() Decimal { d.neg = !d.neg && !d.IsZero(); return d }

// Cmp is -1 where d is less than e, 0 where they are equal, 1 where it is more.
func (d Decimal) Cmp(e Decimal) int {
	switch {
	case d.neg && !e.neg:
		return -1
	case !d.neg && e.neg:
		return 1
	case d.neg:
		return e.CmpAbs(d)
	}
	return d.CmpAbs(e)
}

// CmpAbs compares without signs.
func (d Decimal) CmpAbs(e Decimal) int {
	switch {
	case d.hi < e.hi || d.hi == e.hi && d.lo < e.lo:
		return -1
	case d == e || d.hi == e.hi && d.lo == e.lo:
		return 0
	}
	return 1
}

// AddAbs is |d| + |e|, at most the largest Decimal.
func (d Decimal) AddAbs(e Decimal) Decimal {
	lo, carry := bits.Add64(d.lo, e.lo, 0)
	hi, over := bits.Add64(d.hi, e.hi, carry)
	if over != 0 {
		return maxDecimal
	}
	return Decimal{hi: hi, lo: lo}
}

// SubAbs is |d| - |e|, at least 0.
func (d Decimal) SubAbs(e Decimal) Decimal {
	if d.CmpAbs(e) <= 0 {
		return Decimal{}
	}
	lo, borrow := bits.Sub64(d.lo, e.lo, 0)
	hi, _ := bits.Sub64(d.hi, e.hi, borrow)
	return Decimal{hi: hi, lo: lo}
}

// MulUp is |d|·|e|, rounded up at the 18th place and at most the largest Decimal:
// what a request would cost is never taken for less than it is.
func (d Decimal) MulUp(e Decimal) Decimal {
	product := multiply(d, e)
	rest := product.divide(one)
	if product[3] != 0 || product[2] != 0 {
		return maxDecimal
	}
	result := Decimal{hi: product[1], lo: product[0]}
	if rest != 0 {
		return result.AddAbs(Decimal{lo: 1})
	}
	return result
}

// percentOf is |d|·|percent|/100, rounded down, at most the largest Decimal.
func (d Decimal) percentOf(percent Decimal) Decimal {
	product := multiply(d, percent)
	product.divide(one)
	product.divide(100)
	if product[3] != 0 || product[2] != 0 {
		return maxDecimal
	}
	return Decimal{hi: product[1], lo: product[0]}
}

// DivideUp is |d|/n, rounded up at the 18th place. n is above 0.
func (d Decimal) DivideUp(n uint64) Decimal {
	w := wide{d.lo, d.hi}
	if w.divide(n) != 0 {
		return Decimal{hi: w[1], lo: w[0]}.AddAbs(Decimal{lo: 1})
	}
	return Decimal{hi: w[1], lo: w[0]}
}

// wide is a number of 256 bits, lowest first.
type wide [4]uint64

func multiply(d, e Decimal) (w wide) {
	for i, a := range [2]uint64{d.lo, d.hi} {
		var carry uint64
		for j, b := range [2]uint64{e.lo, e.hi} {
			hi, lo := bits.Mul64(a, b)
			var c uint64
			lo, c = bits.Add64(lo, carry, 0)
			hi += c
			w[i+j], c = bits.Add64(w[i+j], lo, 0)
			carry = hi + c
		}
		w[i+2] = carry
	}
	return w
}

// divide divides in place and returns the remainder.
func (w *wide) divide(n uint64) (rest uint64) {
	for i := len(w) - 1; i >= 0; i-- {
		w[i], rest = bits.Div64(rest, w[i], n)
	}
	return rest
}

// String prints d so that ParseDecimal reads it back, without needless zeros.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append appends the number as String prints it.
func (d Decimal) Append(dst []byte) []byte {
	if d.neg {
		dst = append(dst, '-')
	}
	var reversed [40]byte
	n := 0
	w := wide{d.lo, d.hi}
	for n <= places || w != (wide{}) {
		reversed[n] = byte('0' + w.divide(10))
		n++
	}
	first := 0
	for first < places && reversed[first] == '0' {
		first++
	}
	for i := n - 1; i >= first; i-- {
		dst = append(dst, reversed[i])
		if i == places && first < places {
			dst = append(dst, '.')
		}
	}
	return dst
}

var errDecimal = errors.New("must be a decimal number such as 0.5, of up to 18 digits before and after the point")

// MarshalText prints d as String does.
func (d Decimal) MarshalText() ([]byte, error) { return d.Append(nil), nil }

// UnmarshalText reads what ParseDecimal reads.
func (d *Decimal) UnmarshalText(text []byte) error {
	v, ok := ParseDecimal(text)
	if !ok {
		return errDecimal
	}
	*d = v
	return nil
}
