package nonce

import "time"

// tolerance is how far the wall clock may get ahead of boot-time progress before
// it is no longer followed.
const tolerance = time.Minute

// Clock is the wall clock, for as long as it can be believed. It starts at an
// unlock, with the two clocks of that moment. Safe for concurrent use.
type Clock struct {
	wall      func() time.Time
	boot      func() time.Duration
	startWall time.Time
	startBoot time.Duration
	started   time.Time // by Go's monotonic clock, which nobody can set either
}

// NewClock starts a clock. wall is the time of day; boot counts steadily since
// some fixed moment, over suspends too (CLOCK_BOOTTIME), and nobody can set it.
func NewClock(wall func() time.Time, boot func() time.Duration) *Clock {
	// Round drops Go's own monotonic reading: with it, Sub would not see a step.
	return &Clock{wall: wall, boot: boot, startWall: wall().Round(0), startBoot: boot(), started: time.Now()}
}

// Now returns the time in microseconds. It is the wall clock, unless that has run
// ahead of boot-time progress since the start by more than 60 s: then it is the
// start plus that progress, and ahead is true: somebody should be told. A wall
// clock that runs behind is returned as it is; counters do not go back for it.
func (c *Clock) Now() (now RequestNonce, ahead bool) {
	r := c.Read()
	return r.RequestNonce(), r.Ahead
}

// Reading is the time by both clocks.
type Reading struct {
	// Wall is the time of day, and Steady the start plus what has passed since: by a
	// clock that nobody can set.
	Wall, Steady time.Time
	// Ahead is set where Wall has run ahead of Steady by more than 60 s.
	Ahead bool
}

// RequestNonce is the time that request nonces go by, in microseconds: the wall
// clock's, unless that has run ahead.
func (r Reading) RequestNonce() RequestNonce {
	if r.Ahead {
		return micros(r.Steady)
	}
	return micros(r.Wall)
}

// Read returns the time by both clocks.
func (c *Clock) Read() Reading {
	wall := c.wall()
	// The monotonic clock counts all of the time since boot but suspends, so what it
	// bears out, the time since boot does too. Asking that one is a system call, as
	// long as all else that a signature takes.
	awake := c.startWall.Add(time.Since(c.started))
	if off := wall.Sub(awake); off <= tolerance && off >= -tolerance {
		return Reading{Wall: wall, Steady: awake}
	}
	steady := c.startWall.Add(c.boot() - c.startBoot)
	return Reading{Wall: wall, Steady: steady, Ahead: wall.Sub(steady) > tolerance}
}

func micros(t time.Time) RequestNonce { return RequestNonce(max(0, t.UnixMicro())) }
