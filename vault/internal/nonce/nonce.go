// Package nonce gives out Bitfinex's request nonces: microseconds, 16 digits,
// always rising, each only once.
//
// Start with one [Clock] and one [Book] per unlock, and one [Counter] per version
// of an API key from [Book.Counter]; check a key's mark with [CheckMark] before.
// Signing is then counter.Next(clock.Now()).
//
// Traps:
//   - Two counters for one API key would give the same number twice. The vault
//     keeps an API key id once, and makes its counter once.
//   - A counter starts at the persisted mark, so a fresh API key needs a mark of
//     its own: the time when it was added.
//   - The bare word nonce means nothing in this project: this is the request
//     nonce, not the random bytes of a sealing.
//
// Promise (P6): a number is given out only after a mark at or above it has been
// persisted, and after a restart the numbers go on above the mark. So none
// repeats and none goes back, whatever crashes, and a crash only skips numbers. A
// wall clock that leaps ahead while the vault is unlocked is not followed (A44),
// and a loop of crashes moves a key ahead by a second each, not by a minute.
package nonce

import "errors"

// RequestNonce is Bitfinex's number: microseconds since 1970, and more where the
// counter has run ahead of the clock.
type RequestNonce uint64

const (
	// Min is the first number with 16 digits; shorter ones would let the border
	// between path and nonce move in what is signed (A36).
	Min RequestNonce = 1_000_000_000_000_000
	// Max is the largest number that Bitfinex accepts, 2^53-1 (16 digits, too).
	Max RequestNonce = 1<<53 - 1
)

const second RequestNonce = 1_000_000

var (
	// ErrExhausted: all numbers up to [Max] are used. The API key is burnt.
	ErrExhausted = errors.New("no request nonce is left for this API key")
	// ErrStopped: the book was stopped; the vault is locking.
	ErrStopped = errors.New("request nonces are stopped")
)
