package vault

import (
	"slices"
	"strings"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/policy"
)

// Status is what anybody on admin.sock may know in any state.
type Status struct {
	State    State
	VaultID  []byte // 16 bytes; nil unless unlocked
	Problem  string // what keeps the vault from being used; empty when nothing does
	Keys     int
	Bots     int
	Grants   int
	Since    int64  // unix seconds of the unlock
	Memory   string // "memfd_secret" or "memguard"
	Alerts   []string
	Revision uint64
	Recent   []Alert // since the start of the daemon, oldest first
	// AuditProblem says why no record can be written, and so nothing be signed; empty
	// where it can.
	AuditProblem string
	// Synced is the newest record of the audit log that is on disk.
	Synced audit.Position
	Setup  Setup
	// AutoLock is the setting; Locks is when the vault locks by itself if it is not used,
	// unix seconds, 0 for never or while locked.
	AutoLock AutoLock
	Locks    int64
	// LockedAt and LockedBy are of the last lock since the start of the daemon: unix
	// seconds, and a Cause; 0 and empty for none.
	LockedAt int64
	LockedBy Cause
	// PanicCancels says whether Panic may cancel all orders without a proof.
	PanicCancels bool
}

// Setup is what only this process knows of how it is set up, in any state.
type Setup struct {
	Memory string // "memfd_secret" or "memguard": what this kernel has
	// RLIMIT_MEMLOCK in bytes, and what of it is in use; no limit is 2^64-1.
	MemlockLimit, MemlockUsed uint64
	// Synced is whether a signature waits until its audit record is on disk.
	Synced bool
	// Whether an anchor, and the system journal, are told how new the vault is.
	Anchor, Journal bool
}

// setupNow is the setup with what changes of it.
func (v *Vault) setupNow() Setup {
	s := v.setup
	s.MemlockLimit, s.MemlockUsed = guard.Lockable()
	return s
}

// Status reports the state of the vault. It takes no lock and never waits for
// the disk while unlocked.
func (v *Vault) Status() Status {
	s := Status{Recent: v.alerts.all(), AuditProblem: v.audit.problem(), Synced: v.audit.synced(), AutoLock: v.autoLock, Setup: v.setupNow()}
	u := v.current.Load()
	if last := v.locked.Load(); last != nil {
		s.LockedAt, s.LockedBy = last.at, last.why
	}
	if u == nil {
		state, problem := v.state()
		s.State = state
		if problem != nil {
			s.Problem = problem.Err.Error()
		}
		return s
	}
	snapshot := u.snapshot.Load()
	s.State, s.VaultID, s.Revision = Unlocked, slices.Clone(u.id[:]), u.revision.Load()
	s.PanicCancels = snapshot.panicCancels
	s.Keys, s.Bots = len(snapshot.keys), len(snapshot.bots)
	s.Since, s.Memory, s.Locks = u.since.Unix(), string(u.slab.Backend()), u.locks()
	for _, b := range snapshot.bots {
		s.Grants += len(b.grants)
	}
	if u.clockAhead.Load() {
		s.Alerts = append(s.Alerts, "the wall clock ran ahead of the time since boot: request nonces go by the latter until the next unlock")
	}
	for _, label := range snapshot.held() {
		s.Alerts = append(s.Alerts, "request nonces of "+label+" are held back: vaultctl nonce accept "+label)
	}
	return s
}

// Self is what a caller may know of itself.
type Self struct {
	Unit, Exe string // empty where they cannot be told
	Bots      []Bot  // those that match, by name
}

// WhoAmI reports which bots a caller is, and their grants. A caller that is
// nobody gets an empty list.
func (v *Vault) WhoAmI(c Caller) (Self, error) {
	u, err := v.unlocked("whoami")
	if err != nil {
		return Self{}, v.veil(err)
	}
	s := u.snapshot.Load()
	caller := lazyCaller{process: c.Process, known: policy.Caller{UID: c.UID, GID: c.GID}}
	caller.ask(&policy.Match{Unit: "?", Exe: "?"})
	self := Self{Unit: caller.known.Unit, Exe: caller.known.Exe}
	for _, list := range s.candidates(&caller) {
		for _, b := range list {
			known := slices.ContainsFunc(self.Bots, func(other Bot) bool { return other.Name == b.name })
			if !known && caller.is(b) {
				self.Bots = append(self.Bots, u.view(s, b))
			}
		}
	}
	slices.SortFunc(self.Bots, func(a, b Bot) int { return strings.Compare(a.Name, b.Name) })
	return self, nil
}
