package client

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// domain is the domain of vaultd's google.rpc.ErrorInfo.
const domain = "bfxvault"

// Reason returns vaultd's reason for an error, such as "LOCKED" or "DENIED", and
// "" for an error that has none. It looks through wrapped errors, such as the
// *url.Error of an http.Client.
func Reason(err error) string { return info(err).GetReason() }

// Rule returns the rule of the policy that a request was denied by, in the words of the
// policy file, and "" for an error that names none.
func Rule(err error) string { return info(err).GetMetadata()["rule"] }

// Text is what vaultd says of an error, in a sentence; that of err itself where it is not
// vaultd's.
func Text(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}

// RetryAfter is how long vaultd says to wait before the same request may pass, 0 where it
// does not say: then until the day ends (UTC), or not at all.
func RetryAfter(err error) time.Duration {
	retry := detail(err, func(*errdetails.RetryInfo) bool { return true })
	return retry.GetRetryDelay().AsDuration()
}

func info(err error) *errdetails.ErrorInfo {
	return detail(err, func(i *errdetails.ErrorInfo) bool { return i.GetDomain() == domain })
}

// detail is the first of an error's details that is of a type, and fits; nil for none.
func detail[T any](err error, fits func(*T) bool) *T {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	for _, d := range s.Details() {
		if found, ok := d.(*T); ok && fits(found) {
			return found
		}
	}
	return nil
}
