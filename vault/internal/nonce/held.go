package nonce

import (
	"fmt"
	"time"
)

// Reason says why an API key does not sign until somebody accepts its clock.
type Reason string

// The reasons of a [HeldError].
const (
	// MarkMissing: no mark is there, so what was used is not known (A42).
	MarkMissing Reason = "its nonce mark is missing"
	// ClockBehind: the wall clock shows a time before this program was released.
	ClockBehind Reason = "the clock is before the release date of this program"
	// ClockFarAhead: the wall clock is more than 400 days past the mark, and a
	// nonce of that size would burn the API key if the clock is wrong.
	ClockFarAhead Reason = "the clock is more than 400 days past its last use"
)

const maxPause = 400 * 24 * time.Hour

// HeldError says that the nonces of an API key wait for `nonce accept`.
type HeldError struct {
	Reason Reason
	Mark   RequestNonce // as persisted; 0 if missing
	Wall   time.Time
}

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the API key is held: %s (mark %d, clock %s)", e.Reason, e.Mark, e.Wall.UTC().Format(time.RFC3339))
}

// CheckMark decides at unlock whether an API key may sign: mark is its persisted
// mark, 0 if there is none, wall the time of day, released the date compiled into
// the program. The error is a *[HeldError].
func CheckMark(mark RequestNonce, wall, released time.Time) error {
	held := func(r Reason) error { return &HeldError{Reason: r, Mark: mark, Wall: wall} }
	switch {
	case mark == 0:
		return held(MarkMissing)
	case wall.Before(released):
		return held(ClockBehind)
	case mark <= Max && wall.Add(-maxPause).After(time.UnixMicro(int64(mark))):
		return held(ClockFarAhead)
	}
	return nil
}
