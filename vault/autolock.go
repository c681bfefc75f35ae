package vault

import (
	"sync/atomic"
	"time"

	"bfxvault/vault/internal/nonce"
)

// AutoLock says when a vault locks by itself. Zero is never.
//
// Time is counted by the clock of request nonces, which nobody can set and which goes on
// while the machine sleeps: a suspend of less than a minute may not count.
type AutoLock struct {
	// Idle is for how long it may stay unlocked after the last signature that was given,
	// change that was made, or unlock. What only asks, and what is refused, is no use of a
	// vault (A59).
	Idle time.Duration
	// Max is for how long it may stay unlocked at all.
	Max time.Duration
}

// idling is what an unlocked vault knows of its use.
type idling struct {
	limits AutoLock
	began  time.Time    // of the unlock, by the steady clock
	last   atomic.Int64 // nanoseconds from there to the last use
	timer  atomic.Pointer[time.Timer]
}

const (
	// grain is how much later a use has to be than the last one to be noted, so that many
	// signers do not write to one place.
	grain = 50 * time.Millisecond
	// nap is how long a timer runs at the most: timers stand still while a machine sleeps.
	nap = 30 * time.Second
)

// use notes a use.
func (i *idling) use(now time.Time) {
	if i.limits.Idle == 0 {
		return
	}
	if at := int64(now.Sub(i.began)); at > i.last.Load()+int64(grain) {
		i.last.Store(at)
	}
}

// ends is when the vault locks, and why; a zero time for never.
func (i *idling) ends() (at time.Time, why Cause) {
	if i.limits.Max > 0 {
		at, why = i.began.Add(i.limits.Max), CauseMax
	}
	if i.limits.Idle > 0 {
		idle := i.began.Add(time.Duration(i.last.Load()) + i.limits.Idle)
		if at.IsZero() || idle.Before(at) {
			return idle, CauseIdle
		}
	}
	return at, why
}

// over says whether its time is over, and why.
func (i *idling) over(now time.Time) (why Cause, over bool) {
	at, why := i.ends()
	return why, !at.IsZero() && !now.Before(at)
}

// steady is the time that auto-lock goes by, read off a signature's clock where that is
// the same.
func (u *unlocked) steady(c *nonce.Clock, r nonce.Reading) time.Time {
	if c != u.clock { // the API key's nonces were accepted after the unlock
		r = u.clock.Read()
	}
	return r.Steady
}

// used notes a use of the vault just now.
func (u *unlocked) used() { u.idling.use(u.clock.Read().Steady) }

// locks is when the vault locks unless it is used, by the wall clock of now, in unix
// seconds; 0 for never.
func (u *unlocked) locks() int64 {
	at, _ := u.idling.ends()
	if at.IsZero() {
		return 0
	}
	now := u.clock.Read()
	return now.Wall.Add(at.Sub(now.Steady)).Unix()
}

// watchIdling locks a vault whose time is over, and looks again later at one whose time
// is not.
func (v *Vault) watchIdling(u *unlocked) {
	at, _ := u.idling.ends()
	now := u.clock.Read().Steady
	why, over := u.idling.over(now)
	switch {
	case at.IsZero(), v.current.Load() != u:
	case over:
		v.lock(u, why, Operator{})
	default:
		u.idling.timer.Store(time.AfterFunc(min(at.Sub(now), nap), func() { v.watchIdling(u) }))
	}
}

// stopIdling ends the watch. One that is looking just now ends by itself.
func (u *unlocked) stopIdling() {
	if t := u.idling.timer.Load(); t != nil {
		t.Stop()
	}
}
