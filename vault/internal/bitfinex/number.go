package bitfinex

// number reads a number by RFC 8259 section 6: no leading zero or plus, digits
// on both sides of a point, any exponent. Whether it means an amount is not
// asked here.
func (s *scanner) number() error {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	leadingZero := s.peek() == '0'
	if n := s.digits(); n == 0 || leadingZero && n > 1 {
		return s.fault("has a number that is not JSON")
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.fault("has a number that is not JSON")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.fault("has a number that is not JSON")
		}
	}
	return nil
}

// digits passes over digits and returns how many there were.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// peek returns the byte at hand, 0 at the end of the data.
func (s *scanner) peek() byte {
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}
