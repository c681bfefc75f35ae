package main

import (
	"errors"
	"fmt"
	"strings"

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
}

// Error is the message.
func (f *failure) Error() string { return f.message }

func usagef(format string, args ...any) error {
	return &failure{code: exitUsage, reason: "USAGE", message: fmt.Sprintf(format, args...), hint: "vaultctl help"}
}

func usageError(err error) error { return usagef("%v", err) }

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
	case "USAGE", "INVALID":
		return exitUsage
	case "LOCKED", "NOT_INITIALISED":
		return exitLocked
	case "NO_GRANT", "SEVERAL_BOTS_MATCH", "DENIED", "MALFORMED":
		return exitDenied
	case "UNREACHABLE":
		return exitUnreachable
	case "TAMPERED", "ROLLBACK", "UNKNOWN_FORMAT":
		return exitTampered
	}
	return exitFailed
}

// toFailure reads an error that came from vaultd, or from cobra.
func toFailure(err error) *failure {
	s, ok := status.FromError(err)
	if !ok {
		if strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag") {
			return &failure{code: exitUsage, reason: "USAGE", message: err.Error(), hint: "vaultctl help"}
		}
		return failed("FAILED", "%v", err)
	}
	f := &failure{reason: "FAILED", message: s.Message()}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == api.Domain {
			f.reason, f.hint = info.GetReason(), info.GetMetadata()["hint"]
		}
	}
	if f.reason == "FAILED" && s.Code() == codes.Unavailable {
		f.reason, f.message = "UNREACHABLE", "vaultd is not reachable: "+s.Message()
		f.hint = "start vaultd, or name its folder with --dir"
	}
	f.code = exitOf(f.reason)
	return f
}

// is says whether an error has a reason.
func is(err error, reason string) bool {
	var f *failure
	if !errors.As(err, &f) {
		f = toFailure(err)
	}
	return f.reason == reason
}
