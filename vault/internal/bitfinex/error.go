package bitfinex

import "strconv"

// SyntaxError says why a request was refused. It names a place and a rule, and
// never repeats a byte of the request, so it may be logged and sent (P1, A49).
type SyntaxError struct {
	Field  string // "path", "body", "params", or the field of the body as it is documented
	Offset int    // the byte of path, body or params at which the rule was broken; 0 where the whole is meant
	Reason string // the rule, one of a fixed set of texts
}

// Error returns field, offset and reason as one line.
func (e *SyntaxError) Error() string {
	return e.Field + ": byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
