//go:build bfxvault_testhooks

// Package clock reads the two clocks that request nonces go by, the wall clock
// through a file that a test writes.
package clock

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wall is the wall clock plus the offset in seconds that the file named by
// BFXVAULT_TEST_CLOCK holds. A missing file means no offset.
func Wall() time.Time {
	text, err := os.ReadFile(os.Getenv("BFXVAULT_TEST_CLOCK"))
	if err != nil {
		return time.Now()
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return time.Now() // a file that is being written
	}
	return time.Now().Add(time.Duration(seconds) * time.Second)
}

// Boot is CLOCK_BOOTTIME, which no test sets.
func Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock: the kernel has no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
