package vault

import "bfxvault/vault/audit"

// Cause is why a vault was locked, as the record of it and the status say.
type Cause string

// The causes of a lock.
const (
	CauseOperator Cause = "operator"
	CauseSignal   Cause = "signal"
	CauseIdle     Cause = "idle"
	CauseMax      Cause = "max_unlock"
	CausePanic    Cause = "panic"
	CauseFault    Cause = "fault" // of ours, in a call
	CauseEnd      Cause = "end"   // of the daemon
)

// locking is the last lock since the start of the daemon.
type locking struct {
	at  int64 // unix seconds
	why Cause
}

// Lock is LockFor where the daemon ends.
func (v *Vault) Lock() (already bool) { return v.LockFor(CauseEnd, Operator{}) }

// LockFor wipes all key material and says whether the vault was locked before. by is who
// asked for it, where somebody did. It waits for the uses of the moment, and a quarter of
// a second at most for the disk: after it returns nothing is signed and nothing is left
// (P5), also where another call has locked the vault, or is about to.
func (v *Vault) LockFor(why Cause, by Operator) (already bool) {
	for {
		u := v.current.Load()
		if u == nil {
			v.locks.Lock() // whoever locks it has wiped it then
			defer v.locks.Unlock()
			return true
		}
		if v.lock(u, why, by) {
			return false
		}
	}
}

// lock locks what was unlocked by one unlock, unless another call has.
func (v *Vault) lock(u *unlocked, why Cause, by Operator) bool {
	v.locks.Lock()
	defer v.locks.Unlock()
	if v.current.Load() != u {
		return false
	}
	v.locked.Store(&locking{unixNow(), why}) // who sees it locked sees why
	v.current.Store(nil)
	u.stopIdling()
	u.drain()
	u.destroy()
	v.log.Info("locked", "why", why)
	v.audit.note(&audit.Record{
		Op: "lock", Process: by.Process, Decision: audit.Done, Rule: string(why), Revision: u.revision.Load(),
	})
	return true
}
