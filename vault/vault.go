package vault

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// State is what a vault can be asked to do.
type State string

// The states of a vault.
const (
	Uninitialised State = "uninitialised" // Init
	Locked        State = "locked"        // Unlock
	Unlocked      State = "unlocked"      // everything else
)

// Options says where a vault is.
type Options struct {
	// Path is the vault file; its folder must exist.
	Path string
	// Log receives what the operator should know. Required.
	Log *slog.Logger
	// Checkable says why a match cannot be checked on this machine, by the credentials
	// that the kernel gives of a caller; nil where it can. Required.
	Checkable func(policy.Match) error
	// Synced makes every signature wait until its audit record is on disk.
	Synced bool
	// Keep says for how long segments of the audit log stay.
	Keep audit.Keep
	// Anchor is a file on other storage that notes how new the vault is; empty for none.
	Anchor string
	// AutoLock says when the vault locks by itself.
	AutoLock AutoLock
	// SignGroup and AdminGroup are who may connect to the sockets, empty for nobody else:
	// only to notice that they have changed.
	SignGroup, AdminGroup string
	// Journal is told how new the vault is, at every checkpoint. May be nil.
	Journal func(Mark)
}

// Vault is one vault file and, while unlocked, the key material in guarded
// memory. Its methods may be called from many goroutines.
type Vault struct {
	log       *slog.Logger
	checkable func(policy.Match) error
	store     *store.Store // nil where fault is set
	fault     *Error       // why the file cannot be used at all

	// initialised says that the file holds a vault. It is asked without the disk.
	initialised atomic.Bool

	// current is nil unless the vault is unlocked. Signing reads it and takes no
	// lock.
	current atomic.Pointer[unlocked]

	// locks is held while a lock wipes.
	locks sync.Mutex
	// humanOnly is set by a panic until a human unlocks: also where it could not be written.
	humanOnly bool                    // under locks
	locked    atomic.Pointer[locking] // the last one; nil for none
	autoLock  AutoLock
	settings  record.Settings
	// stops is held while one call signs the last requests and locks.
	stops sync.Mutex

	// mu serialises Init, Unlock and every change of the file. Lock does not take
	// it: a hung disk must not keep a vault from locking.
	mu     sync.Mutex
	closed bool // under mu: nothing is opened any more

	backups sync.Mutex // held while a backup is made or restored: each takes memory

	veiled    atomic.Int64 // unix seconds of the last refusal that was logged in full
	oneShots  oneShots
	penalties penalties
	audit     auditor
	anchor    anchor
	journal   func(Mark)
	setup     Setup
	alerts    alerts
	attempts  flood
	probes    flood
	answers   flood
}

// Open opens the vault file, or makes an empty one. A file that another process
// holds is an error. A damaged one is not: the vault then stands locked and says
// so to whoever asks, so that the operator is told by the tool at hand.
func Open(o Options) (*Vault, error) {
	if o.Path == "" || o.Log == nil || o.Checkable == nil {
		return nil, errors.New("vault: Options.Path, Options.Log and Options.Checkable are required")
	}
	v := &Vault{log: o.Log, checkable: o.Checkable, anchor: anchor{path: o.Anchor}, autoLock: o.AutoLock, settings: settingsOf(o), journal: o.Journal}
	v.setup = Setup{Memory: string(guard.Best()), Synced: o.Synced, Anchor: o.Anchor != "", Journal: o.Journal != nil}
	s, err := store.Open(o.Path)
	var revision uint64
	if err == nil {
		v.store = s
		revision, err = s.Revision()
	}
	switch {
	case err == nil:
		v.initialised.Store(revision > 0)
	case isDamage(err), errors.Is(err, store.ErrFormat):
		v.fault = storeError("open", err)
		o.Log.Error("the vault file cannot be used; nothing will be signed", "error", err)
	default:
		return nil, fmt.Errorf("vault: %w", err)
	}
	v.newAuditor(o)
	return v, nil
}

// Close locks the vault and closes its file. What was under way is refused or, if
// it was an unlock, undone. The keys are wiped before the disk is waited for.
func (v *Vault) Close() error {
	v.checkpoint()
	v.Lock()
	v.oneShots.destroy()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	v.Lock()
	err := v.audit.close()
	if v.store != nil {
		err = errors.Join(err, v.store.Close())
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// checkpointTime is how long the end of a daemon may wait for the disk before the keys
// are wiped.
const checkpointTime = 500 * time.Millisecond

// checkpoint writes down how far the audit log is, if the disk answers in time.
func (v *Vault) checkpoint() {
	l := v.audit.log.Load()
	if l == nil || v.current.Load() == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if at, err := l.Checkpoint(); err == nil {
			v.keepCheckpoint(at)
		}
	}()
	timer := time.NewTimer(checkpointTime)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// state is the state of the vault, and the error that keeps it from being used.
func (v *Vault) state() (State, *Error) {
	if v.current.Load() != nil {
		return Unlocked, nil
	}
	if v.fault != nil {
		return Locked, v.fault
	}
	if !v.initialised.Load() {
		return Uninitialised, nil
	}
	return Locked, nil
}

// unlocked returns what an operation needs of an unlocked vault, or the error
// that says why there is none.
func (v *Vault) unlocked(op string) (*unlocked, error) {
	if u := v.current.Load(); u != nil {
		return u, nil
	}
	switch state, problem := v.state(); {
	case problem != nil:
		return nil, problem.during(op)
	case state == Uninitialised:
		return nil, fail(op, KindUninitialised, "there is no vault yet").hint("vaultctl init")
	default:
		return nil, lockedError(op)
	}
}

func lockedError(op string) *Error {
	return fail(op, KindLocked, "the vault is locked").hint("vaultctl unlock")
}

// during returns the error as that of another operation.
func (e *Error) during(op string) *Error {
	copied := *e
	copied.Op = op
	return &copied
}

// isDamage says whether the file itself is at fault.
func isDamage(err error) bool {
	var damaged *store.DamagedError
	return errors.As(err, &damaged)
}

// storeError gives an error of the store its kind.
func storeError(op string, err error) *Error {
	switch {
	case isDamage(err):
		return fail(op, KindTampered, "%w", err).hint(restoreHint)
	case errors.Is(err, store.ErrFormat):
		return fail(op, KindVersion, "%w", err).hint("use the version of bfxvault that wrote it, or a newer one")
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrInDoubt):
		return fail(op, KindCannotWrite, "%w", err).hint("restart vaultd: it reads the file anew")
	}
	return fail(op, KindCannotWrite, "%w", err).hint("free space or mend the disk under it; nothing was changed")
}

const restoreHint = "keep the file: stop vaultd, move vault.db aside, start it again, and: vaultctl backup restore FILE"
