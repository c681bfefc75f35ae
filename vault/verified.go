package vault

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/policy"
)

const (
	maxScopes = 32 // lines of what an API key may do
	maxScope  = 32 // characters of each name
	// verifyAnew is after how many seconds the same answer is written again.
	verifyAnew = 60
)

// NoteVerified is what Bitfinex answered to a probe of a version of an API key.
type NoteVerified struct {
	Label   string
	Version uint32
	Scopes  []Scope
}

// Operation is what the records of it are made of.
func (r NoteVerified) Operation() Operation {
	return operation("NoteVerified", []byte(r.Label), u32(r.Version))
}

// NoteVerified stores what Bitfinex answered to a probe. It gives nothing and needs no
// proof. What may withdraw, and was not declared to, is an alert. The same answer is
// written once a minute at most, and no more than ten a second of any: KindBusy. Errors
// besides: KindNotFound, KindInvalid.
func (v *Vault) NoteVerified(ctx context.Context, by Operator, r NoteVerified) (revision uint64, err error) {
	const op = "key verify"
	if err := checkScopes(op, r.Scopes); err != nil {
		return 0, err
	}
	return v.change(ctx, op, by, r.Operation(), Proof{}, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		k := old.clone()
		rec := k.find(r.Version)
		if rec == nil {
			return nil, noVersion(op, r.Label)
		}
		noted := record.Verified{Time: clock.Wall().Unix()}
		for _, scope := range r.Scopes {
			noted.Scopes = append(noted.Scopes, record.Scope(scope))
		}
		if slices.Equal(noted.Scopes, rec.Verified.Scopes) && noted.Time < rec.Verified.Time+verifyAnew && noted.Time >= rec.Verified.Time {
			return nil, nil
		}
		if more, _ := v.answers.next(unixNow()); !more {
			return nil, fail(op, KindBusy, "too many answers within a second").hint("wait a second")
		}
		rec.Verified = noted
		s.keys[r.Label] = k
		return k.changeThen(op, func() { v.warnOfWithdraw(k, rec) })
	})
}

func checkScopes(op string, scopes []Scope) error {
	if len(scopes) == 0 || len(scopes) > maxScopes {
		return fail(op, KindInvalid, "what an API key may do is 1 to %d lines", maxScopes)
	}
	for _, scope := range scopes {
		for _, c := range scope.Name {
			if c != '_' && (c < 'a' || c > 'z') {
				return fail(op, KindInvalid, "a line of what an API key may do has a name of a-z and _")
			}
		}
		if n := len(scope.Name); n == 0 || n > maxScope {
			return fail(op, KindInvalid, "a line of what an API key may do has a name of 1 to %d characters", maxScope)
		}
	}
	return nil
}

// warnOfWithdraw tells the owner of what moves value beyond what was declared.
func (v *Vault) warnOfWithdraw(k *apiKey, rec *record.KeyVersion) {
	declared, _ := policy.ParseClasses(k.record.Permissions) // what cannot be read is nothing
	var scopes []Scope
	for _, s := range rec.Verified.Scopes {
		scopes = append(scopes, Scope(s))
	}
	if moves := Compare(declared, scopes).Moves; len(moves) > 0 {
		v.alert(AlertWithdraw, fmt.Sprintf("version %d of API key %s may move funds at Bitfinex (%s), and was not declared to",
			rec.Version, k.label, strings.Join(moves, ", ")))
	}
}
