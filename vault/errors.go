package vault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong, as far as a caller can act on it. Transports map it
// to their own codes in exactly one table.
type Kind uint8

// The kinds of error. Every error that leaves this package is an *Error with one
// of them.
const (
	KindInternal        Kind = iota // a fault of ours; details stay in the log
	KindUninitialised               // there is no vault yet: init
	KindInitialised                 // there is one already
	KindLocked                      // unlock first
	KindWrongPassphrase             // the KEK opens no slot, or a proof does not verify
	KindStaleOneShot                // a sealed box or proof that was used, is too old, or belongs to another connection
	KindNoGrant                     // unknown bot, unknown label or no grant: one answer for all
	KindAmbiguous                   // several bots match and none was named
	KindDenied                      // the grant does not allow it
	KindUnknownOrder                // an update of an order that the vault knows nothing of
	KindLimited                     // the grant has spent what it may, for now
	KindMalformed                   // a request to sign that was not fully understood
	KindInvalid                     // an admin argument that cannot be stored
	KindNotFound                    // no such label, bot or grant
	KindExists                      // the name is taken
	KindBusy                        // too much of one caller is under way
	KindNonceHeld                   // request nonces are held back until accepted
	KindNonceExhausted              // request nonces of this API key have reached Bitfinex's limit
	KindMemoryLimit                 // RLIMIT_MEMLOCK is too low
	KindCannotWrite                 // the vault file cannot be written
	KindTampered                    // the vault file is not what was written
	KindRollback                    // the vault file is older than one seen before
	KindHumanOnly                   // after a panic: a keyfile opens nothing
	KindConfigLaxer                 // config.toml is laxer than at the last unlock
	KindVersion                     // the vault file has a format that this version does not know
)

// Reason is the word that a kind of error has on the wire and, in lower case, in the audit
// log: UPPER_SNAKE. A kind that is not known is internal.
func (k Kind) Reason() string {
	switch k {
	case KindUninitialised:
		return "NOT_INITIALISED"
	case KindInitialised:
		return "ALREADY_INITIALISED"
	case KindLocked:
		return "LOCKED"
	case KindWrongPassphrase:
		return "WRONG_PASSPHRASE"
	case KindStaleOneShot:
		return "STALE"
	case KindNoGrant:
		return "NO_GRANT"
	case KindAmbiguous:
		return "SEVERAL_BOTS_MATCH"
	case KindDenied:
		return "DENIED"
	case KindUnknownOrder:
		return "UNKNOWN_ORDER"
	case KindLimited:
		return "LIMITED"
	case KindMalformed:
		return "MALFORMED"
	case KindInvalid:
		return "INVALID"
	case KindNotFound:
		return "NOT_FOUND"
	case KindExists:
		return "ALREADY_EXISTS"
	case KindBusy:
		return "BUSY"
	case KindNonceHeld:
		return "NONCE_HELD"
	case KindNonceExhausted:
		return "NONCE_EXHAUSTED"
	case KindMemoryLimit:
		return "MEMLOCK_LIMIT"
	case KindCannotWrite:
		return "CANNOT_WRITE"
	case KindTampered:
		return "TAMPERED"
	case KindRollback:
		return "ROLLBACK"
	case KindHumanOnly:
		return "HUMAN_ONLY"
	case KindConfigLaxer:
		return "CONFIG_LAXER"
	case KindVersion:
		return "UNKNOWN_FORMAT"
	case KindInternal:
	}
	return "INTERNAL"
}

// Error is what every operation of this package fails with.
type Error struct {
	// Op is the operation, such as "sign" or "key add".
	Op   string
	Kind Kind
	// Rule and Field say, for KindDenied and KindMalformed, what refused.
	Rule, Field string
	// RetryAfter says, for KindLimited, when it is worth another try; zero is not
	// before a new day, or never.
	RetryAfter time.Duration
	// Hint says what to do next; empty where the message says it.
	Hint string
	// Err is the cause. Its text holds no secret and nothing of a request's body.
	Err error
}

// Error is the operation and the cause.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this package, and KindInternal for
// every other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

func fail(op string, kind Kind, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, Err: fmt.Errorf(format, args...)}
}

func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}
