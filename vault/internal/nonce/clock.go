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
	wall := c.wall()
	// The monotonic clock counts all of the time since boot but suspends, so what it
	// bears out, the time since boot does too. Asking that one is a system call, as
	// long as all else that a signature takes.
	if wall.Sub(c.startWall.Add(time.Since(c.started))) <= tolerance {
		return micros(wall), false
	}
	steady := c.startWall.Add(c.boot() - c.startBoot)
	if wall.Sub(steady) > tolerance {
		return micros(steady), true
	}
	return micros(wall), false
}

func micros(t time.Time) RequestNonce { return RequestNonce(max(0, t.UnixMicro())) }
