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

// class is how a kind of error looks from outside.
type class struct {
	code   codes.Code
	reason string
}

// classOf is the one table of error kinds, codes and reasons.
func classOf(kind vault.Kind) class {
	switch kind {
	case vault.KindUninitialised:
		return class{codes.FailedPrecondition, "NOT_INITIALISED"}
	case vault.KindInitialised:
		return class{codes.AlreadyExists, "ALREADY_INITIALISED"}
	case vault.KindLocked:
		return class{codes.FailedPrecondition, "LOCKED"}
	case vault.KindWrongPassphrase:
		return class{codes.Unauthenticated, "WRONG_PASSPHRASE"}
	case vault.KindStaleOneShot:
		return class{codes.Aborted, "STALE"}
	case vault.KindNoGrant:
		return class{codes.PermissionDenied, "NO_GRANT"}
	case vault.KindAmbiguous:
		return class{codes.PermissionDenied, "SEVERAL_BOTS_MATCH"}
	case vault.KindDenied:
		return class{codes.PermissionDenied, "DENIED"}
	case vault.KindUnknownOrder:
		return class{codes.PermissionDenied, "UNKNOWN_ORDER"}
	case vault.KindLimited:
		return class{codes.ResourceExhausted, "LIMITED"}
	case vault.KindMalformed:
		return class{codes.InvalidArgument, "MALFORMED"}
	case vault.KindInvalid:
		return class{codes.InvalidArgument, "INVALID"}
	case vault.KindNotFound:
		return class{codes.NotFound, "NOT_FOUND"}
	case vault.KindExists:
		return class{codes.AlreadyExists, "ALREADY_EXISTS"}
	case vault.KindBusy:
		return class{codes.ResourceExhausted, "BUSY"}
	case vault.KindNonceHeld:
		return class{codes.FailedPrecondition, "NONCE_HELD"}
	case vault.KindNonceExhausted:
		return class{codes.FailedPrecondition, "NONCE_EXHAUSTED"}
	case vault.KindMemoryLimit:
		return class{codes.FailedPrecondition, "MEMLOCK_LIMIT"}
	case vault.KindCannotWrite:
		return class{codes.Unavailable, "CANNOT_WRITE"}
	case vault.KindTampered:
		return class{codes.DataLoss, "TAMPERED"}
	case vault.KindRollback:
		return class{codes.DataLoss, "ROLLBACK"}
	case vault.KindVersion:
		return class{codes.DataLoss, "UNKNOWN_FORMAT"}
	case vault.KindInternal:
	}
	return class{codes.Internal, "INTERNAL"}
}

// toStatus is what the other side gets of an error: its message, where that says
// something to a caller, with reason, rule, field and hint as details. The cause
// of an internal error goes to the log under an id that the caller is told.
func toStatus(log *slog.Logger, err error) *status.Status {
	var e *vault.Error
	if !errors.As(err, &e) {
		e = &vault.Error{Op: "serve", Kind: vault.KindInternal, Err: err}
	}
	c := classOf(e.Kind)
	info := &errdetails.ErrorInfo{Reason: c.reason, Domain: Domain, Metadata: metadata(e)}
	if c.code == codes.Internal {
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
	return with(status.New(c.code, e.Error()), details...)
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
