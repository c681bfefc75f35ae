package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"bfxvault/vault"
)

// Domain is the domain of every google.rpc.ErrorInfo of bfxvault.
const Domain = "bfxvault"

// codeOf is the one table of error kinds and codes. A kind that it does not know is
// internal.
func codeOf(kind vault.Kind) codes.Code {
	switch kind {
	case vault.KindUninitialised, vault.KindLocked, vault.KindNonceHeld, vault.KindNonceExhausted, vault.KindMemoryLimit,
		vault.KindHumanOnly, vault.KindConfigLaxer:
		return codes.FailedPrecondition
	case vault.KindInitialised, vault.KindExists:
		return codes.AlreadyExists
	case vault.KindWrongPassphrase:
		return codes.Unauthenticated
	case vault.KindStaleOneShot:
		return codes.Aborted
	case vault.KindNoGrant, vault.KindAmbiguous, vault.KindDenied, vault.KindUnknownOrder:
		return codes.PermissionDenied
	case vault.KindLimited, vault.KindBusy:
		return codes.ResourceExhausted
	case vault.KindMalformed, vault.KindInvalid:
		return codes.InvalidArgument
	case vault.KindNotFound:
		return codes.NotFound
	case vault.KindCannotWrite:
		return codes.Unavailable
	case vault.KindTampered, vault.KindRollback, vault.KindVersion:
		return codes.DataLoss
	case vault.KindInternal:
	}
	return codes.Internal
}

// toStatus is what the other side gets of an error: its message, where that says
// something to a caller, with reason, rule, field and hint as details. The cause
// of an internal error goes to the log under an id that the caller is told.
func toStatus(log *slog.Logger, err error) *status.Status {
	var e *vault.Error
	if !errors.As(err, &e) {
		e = &vault.Error{Op: "serve", Kind: vault.KindInternal, Err: err}
	}
	code := codeOf(e.Kind)
	info := &errdetails.ErrorInfo{Reason: e.Kind.Reason(), Domain: Domain, Metadata: metadata(e)}
	if code == codes.Internal {
		id := correlationID()
		log.Error("internal error", "id", id, "op", e.Op, "error", e.Err)
		return internal(id)
	}
	details := []protoadapt.MessageV1{info}
	if e.Field != "" {
		details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: e.Field, Description: e.Err.Error()},
		}})
	}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	return with(status.New(code, e.Error()), details...)
}

func metadata(e *vault.Error) map[string]string {
	m := make(map[string]string, 3)
	for name, value := range map[string]string{"hint": e.Hint, "rule": e.Rule, "field": e.Field} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

func internal(id string) *status.Status {
	return with(status.New(codes.Internal, "internal error "+id),
		&errdetails.ErrorInfo{Reason: "INTERNAL", Domain: Domain, Metadata: map[string]string{"id": id}})
}

func with(s *status.Status, details ...protoadapt.MessageV1) *status.Status {
	detailed, err := s.WithDetails(details...)
	if err != nil {
		return s // unreachable: the code is not OK and the details marshal
	}
	return detailed
}

func correlationID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

// invalid is the error for a field that no domain value can hold.
func invalid(field, format string) error {
	return &vault.Error{Op: "read request", Kind: vault.KindInvalid, Field: field, Err: errors.New(format)}
}
