//go:build bfxvault_testhooks

// Package clock reads the two clocks that request nonces go by, through files that a
// test writes.
package clock

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wall is the wall clock plus the seconds that it was set by, and that the machine slept:
// those that the files named by BFXVAULT_TEST_CLOCK and BFXVAULT_TEST_SLEPT hold.
func Wall() time.Time {
	return time.Now().Add(seconds("BFXVAULT_TEST_CLOCK") + seconds("BFXVAULT_TEST_SLEPT"))
}

// seconds are those in the file that a variable names; none where it is missing, or just
// being written.
func seconds(variable string) time.Duration {
	text, err := os.ReadFile(os.Getenv(variable))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Boot is CLOCK_BOOTTIME, plus the seconds that the machine slept.
func Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock: the kernel has no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(ts.Nano()) + seconds("BFXVAULT_TEST_SLEPT")
}
