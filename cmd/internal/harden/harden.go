// Package harden closes a process to the other processes of its own uid.
//
// Call [Process] in the first line of main, before a secret is read or a thread
// is started for one.
//
// Traps: execve(2) makes a process dumpable again, so every program calls it for
// itself. Root can still read the memory. Afterwards /proc/self belongs to root:
// an ordinary user can no longer open its own /proc/self/mem or /proc/self/environ.
//
// Promise (P1): no core file, and no memory, environment, descriptor or
// executable of this process for other processes of the same uid (A55).
package harden

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Process makes this process undumpable and sets its limit for core files to 0,
// soft and hard. The first also stops ptrace, /proc/PID/mem and core dumps piped
// to a program, which the limit does not (core(5)). The error says which of the
// two failed; a caller that holds secrets must then not go on.
func Process() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("making the process undumpable: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("setting the limit for core files to 0: %w", err)
	}
	return nil
}
