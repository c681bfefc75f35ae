package vault

import (
	"sync"
	"time"

	"bfxvault/vault/audit"
)

// Alert is something that an owner wants to know at once.
type Alert struct {
	Time   int64  // unix seconds
	Name   string // one of the Alert… words
	Detail string
}

// The alerts, besides those of the log itself (audit.AlertDisk, audit.AlertRecovered).
const (
	AlertProof      = "wrong_proof"      // a passphrase or a proof was wrong
	AlertClock      = "clock_ahead"      // the wall clock ran ahead of the time since boot
	AlertRollback   = "rolled_back"      // the vault file or the log is older than one known before
	AlertFirstUse   = "first_use"        // a bot's first use of an endpoint or a symbol
	AlertDenials    = "burst_of_denials" // many requests of one bot were denied
	AlertUnfinished = "unfinished"       // an operation was begun, and its outcome is not recorded
)

// maxAlerts is how many are remembered; the log has all.
const maxAlerts = 32

// alerts remembers the newest.
type alerts struct {
	mu   sync.Mutex
	list []Alert
}

func (a *alerts) add(name, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list) == maxAlerts {
		a.list = append(a.list[:0], a.list[1:]...)
	}
	a.list = append(a.list, Alert{time.Now().Unix(), name, detail})
}

func (a *alerts) newest() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Alert(nil), a.list...)
}

// alert tells the owner: in the log, in the status, and in the audit log.
func (v *Vault) alert(name, detail string) {
	v.alerts.add(name, detail)
	v.log.Warn("alert", "alert", name, "detail", detail)
	if l := v.audit.log.Load(); l != nil {
		l.Note(&audit.Record{Op: "alert", Alert: name, Detail: detail, Revision: v.revision()})
	}
}

// revision is that of the file, as far as it is known.
func (v *Vault) revision() uint64 {
	if u := v.current.Load(); u != nil {
		return u.revision.Load()
	}
	return 0
}
