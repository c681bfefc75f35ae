package bitfinex

// number goes past a number by RFC 8259 section 6: no leading zero or plus, digits
// on both sides of a point, any exponent. Whether it means an amount is not
// asked here. Where it returns false, pos is at the first byte that does not fit.
func (s *scanner) number() bool {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	leadingZero := s.peek() == '0'
	if n := s.digits(); n == 0 || leadingZero && n > 1 {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return false
		}
	}
	return true
}

// digits passes over digits and returns how many there were.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}
