//go:build bfxvault_testhooks

// Package crash names the points that lie between two steps of one change, and dies
// at the one that a test names.
package crash

import (
	"os"
	"syscall"
)

// Point kills this process as kill -9 does, where BFXVAULT_TEST_KILL names the point.
func Point(name string) {
	if os.Getenv("BFXVAULT_TEST_KILL") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // no step further
	}
}
