package main

import (
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bfxvault/api"
)

// The exit codes of vaultctl.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitLocked      = 3
	exitDenied      = 4
	exitUnreachable = 5
	exitTampered    = 6
)

// failure is an error as the user sees it.
type failure struct {
	code                  int
	reason, message, hint string
	more                  map[string]any // beside "error" in JSON
}

// Error is the message.
func (f *failure) Error() string { return f.message }

// reasonUsage is the reason of a command line that cannot be meant.
const reasonUsage = "USAGE"

func usagef(format string, args ...any) *failure { return failed(reasonUsage, format, args...) }

func failed(reason, format string, args ...any) *failure {
	return &failure{code: exitOf(reason), reason: reason, message: fmt.Sprintf(format, args...)}
}

// withHint says what to do next.
func (f *failure) withHint(format string, args ...any) *failure {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// exitOf is the one table of reasons and exit codes. A reason that is not in it
// is 1.
func exitOf(reason string) int {
	switch reason {
	case reasonUsage, "INVALID":
		return exitUsage
	case "LOCKED", "NOT_INITIALISED", "HUMAN_ONLY":
		return exitLocked
	case "NO_GRANT", "SEVERAL_BOTS_MATCH", "DENIED", "UNKNOWN_ORDER", "LIMITED", "MALFORMED", "BUSY":
		return exitDenied
	case "UNREACHABLE":
		return exitUnreachable
	case "TAMPERED", "ROLLBACK", "CONFIG_LAXER", "UNKNOWN_FORMAT", "UNEXPECTED":
		return exitTampered
	}
	return exitFailed
}

// toFailure gives every error its reason and exit code; those of vaultd bring a
// reason along.
func toFailure(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	s, ok := status.FromError(err)
	if !ok {
		return failed("FAILED", "%v", err)
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == api.Domain {
			return failed(info.GetReason(), "%s", s.Message()).withHint("%s", info.GetMetadata()["hint"])
		}
	}
	switch s.Code() {
	case codes.Unavailable:
		return failed("UNREACHABLE", "vaultd is not reachable: %s", s.Message()).
			withHint(hintStart)
	case codes.DeadlineExceeded:
		return failed("UNREACHABLE", "vaultd does not answer")
	case codes.Canceled:
		return interrupted()
	}
	return failed("FAILED", "%s", s.Message())
}

// interrupted is how a command ends that a signal told to.
func interrupted() *failure { return failed("INTERRUPTED", "interrupted") }

// is says whether an error has a reason.
func is(err error, reason string) bool { return toFailure(err).reason == reason }
