package limits

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"bfxvault/vault/policy"
)

const version = 1

var errRecord = errors.New("the record is not one that this program writes")

// appendText appends a string of up to 255 bytes.
func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(append(dst, byte(len(s))), s...)
}

// appendDecimal appends a value without its sign.
func appendDecimal(dst []byte, d policy.Decimal) []byte {
	text, _ := d.Abs().MarshalText() // never fails
	if _, ok := policy.ParseDecimal(text); !ok {
		return append(dst, 0)
	}
	return appendText(dst, text)
}

// reader reads a record strictly: there is one way to write each, and the first
// deviation sticks.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() { r.rest, r.bad = nil, true }

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || size > 1 && r.rest[size-1] == 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// time reads seconds or days that leave room for sums.
func (r *reader) time() int64 {
	n := r.number()
	if n > math.MaxInt64/(4*secondsADay) {
		r.fail()
		return 0
	}
	return int64(n)
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// text is a part of the record.
func (r *reader) text() []byte {
	n := int(r.byte())
	if n > len(r.rest) {
		r.fail()
		return nil
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) decimal() policy.Decimal {
	s := r.text()
	if len(s) == 0 {
		return policy.NewDecimal(math.MaxUint64).MulUp(policy.NewDecimal(math.MaxUint64)) // the largest
	}
	d, ok := policy.ParseDecimal(s)
	if !ok || s[0] == '-' || slices.Contains(s, '.') && s[len(s)-1] == '0' {
		r.fail()
		return policy.Decimal{}
	}
	return d
}

func (r *reader) version() {
	if r.byte() != version {
		r.fail()
	}
}

// end is nil where all was read and nothing was wrong.
func (r *reader) end() error {
	if r.bad || len(r.rest) > 0 {
		return errRecord
	}
	return nil
}

// encodeMu writes the state as the flight will leave it.
func (m *Meter) encodeMu() []byte {
	n := 0
	for _, a := range m.accounts {
		if !a.flying.IsZero() {
			n++
		}
	}
	b := binary.AppendUvarint([]byte{version}, uint64(m.day))
	b = binary.AppendUvarint(b, uint64(n))
	for _, a := range m.accounts { // sorted by name
		if !a.flying.IsZero() {
			b = appendDecimal(appendText(b, a.name), a.flying)
		}
	}
	if m.closed {
		b = append(b, closedDay)
	}
	return b
}

// closedDay ends the record of a meter of whose day nothing is left.
const closedDay = 1

func (m *Meter) parse(stored []byte) error {
	r := &reader{rest: stored}
	r.version()
	m.day = r.time()
	for n := r.number(); n > 0 && !r.bad; n-- {
		a := &account{name: string(r.text()), spent: r.decimal()}
		a.reserved = a.spent
		if a.spent.IsZero() || len(m.accounts) > 0 && m.accounts[len(m.accounts)-1].name >= a.name {
			r.fail()
		}
		m.accounts = append(m.accounts, a)
	}
	if len(r.rest) > 0 {
		if m.closed = true; r.byte() != closedDay {
			r.fail()
		}
	}
	return r.end()
}
