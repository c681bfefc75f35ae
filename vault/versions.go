package vault

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/policy"
	"bfxvault/vault/release"
)

// apiKey is an API key: what its versions share, and those of them that can sign. All
// are keys of one account at Bitfinex.
type apiKey struct {
	label  string
	record record.Key
	orders *limits.Orders // that were signed with it, whatever the version
	clock  *nonce.Clock
	// active signs for bots; nil where nothing is signed for them.
	active *version
	// live are the versions with mid-states: active, staged, and retiring while their
	// grace lasts. One whose grace has ended may still be in it, with its gate shut.
	live []*version
}

// version is one pair of API key and API secret that can sign.
type version struct {
	number  uint32
	id      string // Bitfinex's public id
	counter *nonce.Counter
	held    string // why its request nonces wait; empty when they do not
	states  *midStates
}

// midStates are what a version signs with. Whoever uses them is inside the gate, so that
// their slot goes to nobody else before the last use has ended (P3).
type midStates struct {
	slab *guard.Slab
	slot int
	gate *guard.Gate
	over sync.Once
	// timer ends them once their grace is over; nil where they have none. Under Vault.mu.
	timer *time.Timer
}

func newMidStates(slab *guard.Slab, slot int) *midStates {
	return &midStates{slab: slab, slot: slot, gate: guard.NewGate(func() {})}
}

// end lets no further use begin, waits for those of the moment, which wait for nothing,
// and wipes. Before that it calls last, which is then the only user; nil for nothing.
// Where they have ended already, or do so just now, last is not called.
func (m *midStates) end(last func()) {
	m.gate.Shut()
	m.gate.Wait()
	m.over.Do(func() {
		defer m.slab.Free(m.slot)
		if last != nil {
			last()
		}
	})
}

// retireMu ends the mid-states when the grace is over, in a time from now.
func (m *midStates) retireMu(grace time.Duration) {
	m.keepMu()
	m.timer = time.AfterFunc(grace, func() { m.end(nil) })
}

// keepMu ends the grace of mid-states that are to go on. It is false where it is over.
func (m *midStates) keepMu() bool {
	if m.timer == nil {
		return true
	}
	kept := m.timer.Stop()
	if kept {
		m.timer = nil
	}
	return kept
}

// enter registers a use of the version. The caller calls leave, and waits for no
// disk in between.
func (ver *version) enter() bool { return ver.states.gate.Enter() }
func (ver *version) leave()      { ver.states.gate.Leave() }

// ended says whether no signature of the version may leave any more.
func (ver *version) ended() bool { return !ver.states.gate.Open() }

// newKey makes the versions of an API key that can sign do so. A mark that is missing, or
// a clock that cannot be believed, holds request nonces back (A42, A44).
func (u *unlocked) newKey(label string, rec record.Key, c *contents) (k *apiKey, ok bool) {
	k = &apiKey{label: label, record: rec, clock: u.clock}
	now := clock.Wall()
	for i, v := range rec.Versions {
		if v.Version == 0 || i > 0 && v.Version <= rec.Versions[i-1].Version {
			return nil, false
		}
		slot, absorbed := c.secrets[secretKey(label, v.Version)]
		switch {
		case !known(v.State), !absorbed:
			return nil, false
		case slot == notAbsorbed:
			continue
		case !absorbs(&v, now): // its grace has ended since it was read
			u.slab.Free(slot)
			continue
		}
		ver := &version{number: v.Version, id: v.APIKey, states: newMidStates(u.slab, slot)}
		ver.counter, ver.held = u.counterMu(v.APIKey, nonce.RequestNonce(c.marks[v.APIKey]))
		k.live = append(k.live, ver)
		switch {
		case v.State == record.Active && k.active != nil:
			return nil, false
		case v.State == record.Active:
			k.active = ver
		case v.State == record.Retiring:
			ver.states.retireMu(time.Unix(v.Retires, 0).Sub(now))
		}
	}
	orders, err := u.ledger.Orders(label, c.orders[label])
	k.orders = orders
	return k, err == nil && len(rec.Versions) > 0
}

func known(state string) bool {
	return slices.Contains([]string{record.Staged, record.Active, record.Retiring, record.Revoked}, state)
}

// counterMu is the counter of request nonces of an API key id, above mark where it is the
// first of this unlock: one for each id, so that two never give out the same number (P6).
// held is why it must give out none before its clock is accepted: also where its version
// was revoked or purged, and comes again.
func (u *unlocked) counterMu(id string, mark nonce.RequestNonce) (c *nonce.Counter, held string) {
	if c = u.counters[id]; c != nil {
		return c, u.heldBack[id]
	}
	if err := nonce.CheckMark(mark, clock.Wall(), release.Month()); err != nil {
		held = err.Error()
		u.heldBack[id] = held
	}
	c = u.book.Counter(id, mark)
	u.counters[id] = c
	return c, held
}

// addKey adds an API key, unless one of its ids stands in the vault.
func (s *snapshot) addKey(k *apiKey) bool {
	s.keys[k.label] = k
	for _, v := range k.record.Versions {
		if s.ids[v.APIKey] != "" {
			return false
		}
		s.ids[v.APIKey] = k.label
	}
	return true
}

// absorbs says whether a version is to have its mid-states: its secret stays sealed where
// it signs nothing any more.
func absorbs(v *record.KeyVersion, now time.Time) bool {
	switch v.State {
	case record.Staged, record.Active:
		return true
	case record.Retiring:
		return now.Unix() < v.Retires
	}
	return false
}

// signs says whether a version may sign a request that was admitted with it.
func (k *apiKey) signs(ver *version, now time.Time) bool {
	switch {
	case ver.ended():
		return false
	case ver == k.active:
		return true
	}
	rec := k.find(ver.number)
	return rec != nil && rec.State == record.Retiring && now.Unix() < rec.Retires && slices.Contains(k.live, ver)
}

// find is the record of a version, nil where there is none.
func (k *apiKey) find(number uint32) *record.KeyVersion {
	for i := range k.record.Versions {
		if k.record.Versions[i].Version == number {
			return &k.record.Versions[i]
		}
	}
	return nil
}

// liveOne is a version that can sign, nil where it cannot.
func (k *apiKey) liveOne(number uint32) *version {
	for _, ver := range k.live {
		if ver.number == number && !ver.ended() {
			return ver
		}
	}
	return nil
}

// newest is the highest number of a version in a state; 0 for none.
func (k *apiKey) newest(state string) (number uint32) {
	for _, v := range k.record.Versions {
		if v.State == state {
			number = max(number, v.Version)
		}
	}
	return number
}

// toPromote is the staged version that is meant where none is named, the oldest; 0 for
// none. Only a restore leaves two (stageVersions): what was active, and what was staged to
// take its place. The first is what brings the label back as it was.
func (k *apiKey) toPromote() uint32 {
	for _, v := range k.record.Versions {
		if v.State == record.Staged {
			return v.Version
		}
	}
	return 0
}

// shown is the version that stands for the label: the active one, or the one that would
// be promoted, or the newest.
func (k *apiKey) shown() *version {
	if k.active != nil || len(k.live) == 0 {
		return k.active
	}
	if ver := k.liveOne(k.toPromote()); ver != nil {
		return ver
	}
	return k.live[len(k.live)-1]
}

// inactive is the denial of whatever is asked of an API key without an active version.
func (k *apiKey) inactive() policy.Decision {
	switch {
	case k.newest(record.Staged) != 0:
		return policy.Inactive(policy.Staged)
	case k.newest(record.Retiring) != 0:
		return policy.Inactive(policy.Retired)
	}
	return policy.Inactive(policy.Revoked)
}

// clone is a copy whose versions may be changed before it is stored. The versions that
// can sign are shared: to change one, put a copy in its place.
func (k *apiKey) clone() *apiKey {
	copied := *k
	copied.record.Versions = slices.Clone(k.record.Versions)
	copied.live = slices.DeleteFunc(slices.Clone(k.live), (*version).ended)
	return &copied
}

func secretKey(label string, version uint32) string {
	return label + "/" + strconv.FormatUint(uint64(version), 10)
}
