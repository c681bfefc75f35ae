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
		c := classOf(kind)
		if other, taken := reasons[c.reason]; taken {
			t.Errorf("kinds %d and %d share the reason %s", other, kind, c.reason)
		}
		reasons[c.reason] = kind
		if c.code == codes.OK || c.code == codes.Unknown || c.reason != strings.ToUpper(c.reason) {
			t.Errorf("kind %d is %v %q", kind, c.code, c.reason)
		}
	}
	if c := classOf(vault.KindVersion + 1); c.code != codes.Internal {
		t.Errorf("a kind that nobody knows is %v: add the new kind to the table and to this test", c.code)
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
