//go:build !bfxvault_testhooks

// Package crash names the points that lie between two steps of one change: call
// [Point] there.
//
// Builds with the tag bfxvault_testhooks die at the point that a test names; in the
// ordinary build a point is nothing at all.
//
// Promise: P7, P2: whatever the point, the next start finds the old state or the new
// one.
package crash

// Point is where a crash may come.
func Point(string) {}
