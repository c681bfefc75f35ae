package api

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"bfxvault/vault"
)

// Every kind of error has a code and a reason of its own.
func TestEveryKindHasItsCodeAndReason(t *testing.T) {
	reasons := map[string]vault.Kind{}
	for kind := vault.KindInternal; kind <= vault.KindVersion; kind++ {
		code, reason := codeOf(kind), kind.Reason()
		if other, taken := reasons[reason]; taken {
			t.Errorf("kinds %d and %d share the reason %s", other, kind, reason)
		}
		reasons[reason] = kind
		if code == codes.OK || code == codes.Unknown || reason != strings.ToUpper(reason) {
			t.Errorf("kind %d is %v %q", kind, code, reason)
		}
	}
	if code := codeOf(vault.KindVersion + 1); code != codes.Internal {
		t.Errorf("a kind that nobody knows is %v: add the new kind to the table and to this test", code)
	}
}

// A49: what goes wrong inside stays in the log, under an id that the caller gets.
func TestAnInternalErrorSendsAnIdAndNothingElse(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, err := range []error{
		errors.New("the cause"),
		&vault.Error{Op: "sign", Kind: vault.KindInternal, Err: errors.New("the cause")},
	} {
		s := toStatus(logger, err)
		info := s.Details()[0].(*errdetails.ErrorInfo)
		id := info.GetMetadata()["id"]
		if s.Code() != codes.Internal || strings.Contains(s.String(), "cause") || s.Message() != "internal error "+id || id == "" {
			t.Errorf("the caller gets %v", s)
		}
		if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "the cause") {
			t.Errorf("the log has %q", log.String())
		}
	}
}
