package vault

import (
	"fmt"
	"time"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/record"
)

const (
	// RotateAfter is the age at which an API key should be rotated: what has leaked
	// unnoticed is good for as long as the API key is.
	RotateAfter = 90 * day
	// remindEvery is how often the log says so, while unlocked.
	remindEvery = day
	day         = 24 * time.Hour
)

// DaysSince is how many whole days have passed since a time in unix seconds: of the
// creation of an API key's version, its age. A time to come counts as now.
func DaysSince(unix int64, now time.Time) int {
	return int(max(now.Sub(time.Unix(unix, 0)), 0) / day)
}

// remind logs which API keys should be rotated, at the unlock and once a day until the
// lock: u.daily calls it.
func (v *Vault) remind(u *unlocked) {
	if v.current.Load() != u {
		return
	}
	s := u.snapshot.Load()
	for _, label := range sortedKeys(s.keys) {
		created, ok := s.keys[label].activeSince()
		if days := DaysSince(created, clock.Wall()); ok && days >= int(RotateAfter/day) {
			v.log.Warn(fmt.Sprintf("API key %s is %d days old: vaultctl key rotate %s", label, days, label))
		}
	}
	u.daily.Reset(remindEvery)
}

// activeSince is when the active version was stored; not ok where there is none.
func (k *apiKey) activeSince() (unix int64, ok bool) {
	for _, version := range k.record.Versions {
		if version.State == record.Active {
			return version.Created, true
		}
	}
	return 0, false
}
