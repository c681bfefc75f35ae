package vault

import (
	"fmt"
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
	AlertWithdraw   = "may_withdraw"     // an API key may move funds at Bitfinex, and was not declared to
	AlertUnfinished = "unfinished"       // an operation was begun, and its outcome is not recorded
)

// maxAlerts is how many are remembered; the log has all.
const maxAlerts = 32

// alerts remembers the newest, and those that wait for the log to be opened.
type alerts struct {
	mu       sync.Mutex
	list     []Alert
	unlogged []Alert
	floods   map[string]*flood // by name: many wrong proofs are not many alerts
}

// next says whether to tell of an alert, and how many of its name nobody was told of.
func (a *alerts) next(name string) (tell bool, skipped int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.floods[name] == nil {
		if a.floods == nil {
			a.floods = make(map[string]*flood)
		}
		a.floods[name] = new(flood)
	}
	return a.floods[name].next(unixNow())
}

func (a *alerts) add(alert Alert, logged bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = newest(append(a.list, alert))
	if !logged {
		a.unlogged = newest(append(a.unlogged, alert))
	}
}

func newest(list []Alert) []Alert { return list[max(0, len(list)-maxAlerts):] }

func (a *alerts) all() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Alert(nil), a.list...)
}

// takeUnlogged hands out what waits for the log.
func (a *alerts) takeUnlogged() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.unlogged
	a.unlogged = nil
	return list
}

// alert tells the owner: in the log, in the status, and in the audit log. It waits for
// nothing. More than ten of a name in a second are counted.
func (v *Vault) alert(name, detail string) {
	tell, skipped := v.alerts.next(name)
	if !tell {
		return
	}
	if skipped > 0 {
		detail += fmt.Sprintf(" (and %d before it)", skipped)
	}
	l := v.audit.log.Load()
	logged := l != nil && l.Note(v.alertRecord(name, detail))
	v.alerts.add(Alert{time.Now().Unix(), name, detail}, logged)
	v.log.Warn("alert", "alert", name, "detail", detail)
}

func (v *Vault) alertRecord(name, detail string) *audit.Record {
	return &audit.Record{Op: "alert", Alert: name, Detail: detail, Revision: v.revision()}
}

// revision is that of the file, as far as it is known.
func (v *Vault) revision() uint64 {
	if u := v.current.Load(); u != nil {
		return u.revision.Load()
	}
	return 0
}

// logOpened writes what has waited for the log, and reports what a crash has left
// unfinished. Whether it was made, the vault file says: the log says that nobody was
// told.
func (v *Vault) logOpened(l *audit.Log) {
	for _, alert := range v.alerts.takeUnlogged() {
		l.Note(v.alertRecord(alert.Name, alert.Detail))
	}
	for seq, op := range l.Unfinished() {
		l.Note(&audit.Record{Op: op, Phase: audit.Outcome, Of: seq, Decision: audit.Unknown})
		detail := fmt.Sprintf("%s, begun with record %d, was cut off: look whether it was done", op, seq)
		l.Note(v.alertRecord(AlertUnfinished, detail))
		v.alerts.add(Alert{time.Now().Unix(), AlertUnfinished, detail}, true)
		v.log.Warn("alert", "alert", AlertUnfinished, "detail", detail)
	}
}
