package vault

import (
	"cmp"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/crash"
)

// auditor keeps the audit log of a vault, locked or not (P2). A log that cannot be
// opened is tried again whenever it is needed: nothing is signed until it can.
type auditor struct {
	options audit.Options
	log     atomic.Pointer[audit.Log]

	mu     sync.Mutex // opening
	opened func(*audit.Log)
	fault  error // why the log is not open
	tried  time.Time
	closed bool
	// opening is closed when the opening that is under way has ended; nil for none.
	opening chan struct{}

	ratchets ratchets
}

const (
	auditRetry = time.Second // before another try
	auditWait  = time.Second // for the disk, which may hang
)

// open opens the log, unless it is open, or was tried just now.
func (a *auditor) open() (*audit.Log, error) {
	if l := a.log.Load(); l != nil {
		return l, nil
	}
	done := a.begin()
	timer := time.NewTimer(auditWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		return nil, errors.New("the audit log cannot be opened: the disk does not answer")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.log.Load(); l != nil {
		return l, nil
	}
	return nil, a.fault
}

// begin begins to open the log, unless that is under way, and returns what is closed
// when it has ended.
func (a *auditor) begin() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opening != nil {
		return a.opening
	}
	done := make(chan struct{})
	switch {
	case a.log.Load() != nil:
		close(done)
	case a.closed:
		a.fault = audit.ErrClosed
		close(done)
	case a.fault != nil && time.Since(a.tried) < auditRetry:
		close(done)
	default:
		a.opening = done
		go a.finish(done)
	}
	return done
}

func (a *auditor) finish(done chan struct{}) {
	l, err := audit.Open(a.options)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opening = nil
	a.settleMu(l, err)
	close(done)
}

// settleMu takes a log into use, unless the vault was closed meanwhile.
func (a *auditor) settleMu(l *audit.Log, err error) {
	a.tried, a.fault = time.Now(), err
	switch {
	case err != nil:
	case a.closed:
		_ = l.Close() // nothing was written to it
	default:
		a.log.Store(l)
		a.opened(l)
	}
}

// reopen goes on behind what is missing or damaged.
func (a *auditor) reopen(above uint64) (*audit.Log, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.log.Swap(nil); l != nil {
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	o := a.options
	o.Accept, o.Above = true, above
	l, err := audit.Open(o)
	a.settleMu(l, err)
	return l, err
}

// synced is the newest record that is known to be on disk; zero where none is.
func (a *auditor) synced() audit.Position {
	if l := a.log.Load(); l != nil {
		return l.Synced()
	}
	return audit.Position{}
}

// problem says why no record can be written, empty where it can. It does not wait for
// the disk.
func (a *auditor) problem() string {
	if l := a.log.Load(); l != nil {
		if err := cmp.Or(l.Fault(), l.Failed()); err != nil {
			return err.Error()
		}
		return ""
	}
	if !a.mu.TryLock() {
		return "the audit log is being opened"
	}
	defer a.mu.Unlock()
	if a.fault != nil {
		return a.fault.Error()
	}
	return ""
}

// note writes a record that nobody waits for, if there is a log.
func (a *auditor) note(r *audit.Record) {
	if l := a.log.Load(); l != nil {
		l.Note(r)
	}
}

// close ends the log, and wipes what tags it.
func (a *auditor) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	defer a.ratchets.destroy()
	if l := a.log.Swap(nil); l != nil {
		return l.Close()
	}
	return nil
}

// auditDir is where the log of a vault file is.
func auditDir(vaultFile string) string { return filepath.Join(filepath.Dir(vaultFile), "audit") }

// auditError gives an error of the log its kind.
func auditError(op string, err error) *Error {
	var damaged *audit.DamagedError
	if errors.As(err, &damaged) {
		return fail(op, KindTampered, "%w", err).
			hint("put the audit folder back as it was, or: vaultctl unlock --accept-rollback")
	}
	return fail(op, KindCannotWrite, "%w", err).hint("free space or mend the disk under it; signing goes on by itself")
}

// newAuditor makes the auditor of a vault and opens its log, if that can be.
func (v *Vault) newAuditor(o Options) {
	v.audit.opened = v.logOpened
	v.audit.options = audit.Options{
		Dir: auditDir(o.Path), Synced: o.Synced, Keep: o.Keep, Now: clock.Wall,
		Checkpoint: v.keepCheckpoint,
		Point:      crash.Point,
		Alert:      v.alert,
	}
	if _, err := v.audit.open(); err != nil {
		v.log.Error("the audit log cannot be opened; nothing will be signed", "error", err)
	}
}
