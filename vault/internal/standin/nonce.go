package standin

import (
	"errors"
	"strconv"
	"time"
)

// Window is by how much a client's clock may differ from ours.
const Window = time.Minute

// Bitfinex's clients give the time since 1970 in milliseconds (ccxt) or microseconds (the
// rest): thirteen digits until the year 2286, or sixteen.
const (
	milliseconds = 13
	microseconds = 16
)

var errNonce = errors.New("the nonce is no time in milliseconds or microseconds")

// ParseNonce reads a nonce: thirteen decimal digits of milliseconds, or sixteen of
// microseconds.
func ParseNonce(text string) (time.Time, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case err != nil, text[0] == '0', text[0] == '+':
	case len(text) == milliseconds:
		return time.UnixMilli(int64(n)), nil
	case len(text) == microseconds:
		return time.UnixMicro(int64(n)), nil
	}
	return time.Time{}, errNonce
}
