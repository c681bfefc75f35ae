package vault

import (
	"strings"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/crash"
)

// recorded makes a change between two records: its intent is on disk before it is
// begun, its outcome before it is acknowledged. Where the outcome cannot be written
// the change stands all the same, and the next start reports the intent.
func (v *Vault) recorded(op string, by Operator, o Operation, u *unlocked, make func() error) error {
	l, err := v.audit.open()
	if err != nil {
		return auditError(op, err)
	}
	intent, err := l.Append(&audit.Record{
		Op: op, Phase: audit.Intent, Process: by.Process, Target: o.target(), Revision: u.revision.Load(),
	}, true)
	if err != nil {
		return auditError(op, err)
	}
	crash.Point("intent written")
	failed := make()
	crash.Point("change made")
	outcome := audit.Record{Op: op, Phase: audit.Outcome, Of: intent, Process: by.Process, Decision: audit.Done, Revision: u.revision.Load()}
	if failed != nil {
		outcome.Decision, outcome.Rule = audit.Failed, kindWord(failed)
	}
	if _, err := l.Append(&outcome, true); err != nil && failed == nil {
		e := auditError(op, err)
		e.Err = &madeError{e.Err}
		return e
	}
	crash.Point("outcome written")
	if failed == nil {
		u.used()
	}
	return failed
}

// madeError says that a change was made and its outcome could not be recorded.
type madeError struct{ err error }

func (e *madeError) Error() string { return "it was done, but not recorded: " + e.err.Error() }

func (e *madeError) Unwrap() error { return e.err }

// attempted records an operation of the operator's that changed nothing. More than ten
// in a second are counted: whoever may connect to admin.sock could fill the disk.
func (v *Vault) attempted(op string, by Operator, err error) {
	write, skipped := v.attempts.next(unixNow())
	if !write {
		return
	}
	r := audit.Record{Op: op, Process: by.Process, Decision: audit.Failed, Rule: kindWord(err), Revision: v.revision()}
	if skipped > 0 {
		r.Count, r.Detail = uint64(skipped), "so many before it were not written"
	}
	v.audit.note(&r)
}

// kindWord is a kind of error as records spell it.
func kindWord(err error) string {
	kind := KindOf(err)
	if kind == KindInternal {
		return "failed"
	}
	return strings.ToLower(kind.Reason())
}
