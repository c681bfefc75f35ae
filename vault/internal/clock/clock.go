//go:build !bfxvault_testhooks

// Package clock reads the two clocks that request nonces go by: the wall clock,
// which a person or a time server may set, and the time since boot, which
// nobody can.
//
// Builds with the tag bfxvault_testhooks read both through files that a test writes; the ordinary build has no such door.
package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Wall is the wall clock.
func Wall() time.Time { return time.Now() }

// Boot is CLOCK_BOOTTIME: the time since boot, suspend included.
func Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock: the kernel has no CLOCK_BOOTTIME: " + err.Error()) // unreachable: Linux 2.6.39 and later have it
	}
	return time.Duration(ts.Nano())
}
