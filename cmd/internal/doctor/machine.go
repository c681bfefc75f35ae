package doctor

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine grades what a vault cannot do anything about: the kernel and its settings. root
// is where they are read, "/" of the machine itself.
func Machine(root string) []Finding {
	return []Finding{clock(), pinning(), tracing(root), swap(root)}
}

// clock looks at whether the time is one that a server vouches for: request nonces, expiry
// and hours of grants go by it.
func clock() Finding {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		return Finding{"clock", Unseen, "the kernel does not say whether the clock is synchronised: " + err.Error(), ""}
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		return Finding{"clock", Weak, "the clock is not synchronised: request nonces, expiry and hours of grants go by it", "timedatectl set-ntp true"}
	}
	return Finding{"clock", Secure, "the clock is synchronised", ""}
}

// pinning tries whether the kernel can say for certain which process calls.
func pinning() Finding {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Finding{"kernel", Unseen, "no socket to try the kernel with: " + err.Error(), ""}
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	pidfd, err := unix.GetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		return Finding{"kernel", Weak, "this kernel cannot say for certain which process calls, so matches by unit, exe and sha256 are refused", "Linux 6.5 or later; until then a user for each bot"}
	}
	unix.Close(pidfd)
	return Finding{"kernel", Secure, "the kernel says for certain which process calls", ""}
}

// tracing looks at Yama (Documentation/admin-guide/LSM/Yama.rst).
func tracing(root string) Finding {
	text, err := os.ReadFile(root + "/proc/sys/kernel/yama/ptrace_scope")
	const says = "any program may look into others of its user, bots among them"
	if err != nil {
		return Finding{"tracing", Weak, says + ": this kernel has no Yama", "a user for each bot"}
	}
	switch scope := strings.TrimSpace(string(text)); scope {
	case "0":
		return Finding{"tracing", Weak, says, "sysctl -w kernel.yama.ptrace_scope=1, and a file in /etc/sysctl.d for the next start"}
	case "1", "2", "3":
		return Finding{"tracing", Secure, "programs may not look into others of their user", ""}
	default: // unknown means no
		return Finding{"tracing", Unseen, fmt.Sprintf("whether programs may look into others of their user: Yama says %q", scope), ""}
	}
}
