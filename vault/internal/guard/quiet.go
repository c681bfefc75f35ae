package guard

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Quiet runs f, which handles secrets in the clear, so that none of them ends up
// where the runtime and the kernel keep registers. A signal (the runtime sends
// itself one to preempt) copies all registers to the thread's signal stack, where
// they stay until the next one; memmove and the assembly of hashes and ciphers work
// in vector registers, and leave there what they worked on. So f runs with signals
// blocked, and [Scrub] follows. That costs two system calls. f should not wait for
// others: the garbage collector may be waiting for it. What f's own calls leave
// deeper than 4096 bytes below is not cleared. Calls may be nested.
func Quiet(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	Scrub() // the stack grows now or not at all: growing would leave a copy
	var blocked, before unix.Sigset_t
	for i := range blocked.Val {
		blocked.Val[i] = ^blocked.Val[i]
	}
	// A fault in f shall still be a panic.
	for _, fault := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP} {
		blocked.Val[0] &^= 1 << (fault - 1)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, &before); err != nil {
		panic("guard: " + err.Error()) // unreachable: the arguments are right
	}
	defer func() {
		Scrub()
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	}()
	f()
}

// scrubbed is how far down the stack Scrub reaches, in bytes: further than the
// frames of a compression function, a cipher or a curve.
const scrubbed = 4096

// Scrub clears what functions that have returned left on the stack below the
// caller, and in vector registers.
//
//go:noinline
func Scrub() {
	var below [scrubbed]byte
	// memmove takes 256 bytes through all 16 vector registers of amd64 at once.
	move(below[:256], below[256:512])
}

//go:noinline
func move(dst, src []byte) { copy(dst, src) }
