package vault

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// snapshot is what signing reads: immutable once stored. A change makes a new one
// that shares what did not change, so that the cost of signing is flat from one
// API key and bot to ten thousand.
type snapshot struct {
	keys  map[string]*apiKey // by label
	ids   map[string]string  // API key id → label, of every version
	bots  map[string]*bot    // by name
	byUID map[uint32][]*bot  // those of which a match names a uid
	// Those of which a match names no uid: by unit, and those that name none either.
	byUnit map[string][]*bot
	other  []*bot
	gone   gone
	// standIns are stand-in credentials by id, those that are good for nothing included.
	standIns map[string]*standIn
	// panicCancels: a panic may cancel all orders without a proof.
	panicCancels bool
}

// bot is a registered program with its grants by label.
type bot struct {
	name    string
	match   []policy.Match
	role    string
	created int64
	// suspended is since when nothing is signed for it, unix seconds; 0 for not.
	suspended int64
	grants    map[string]*grant // by label; put adds one
}

// grant is the use of one API key: as it was spelled, as it decides, and what it has
// spent.
type grant struct {
	bot     string
	denials *denials
	usage   *usage // of the bot: all of its grants share it
	spec    policy.GrantSpec
	rules   *policy.Grant
	meter   *limits.Meter
	created int64
}

func newSnapshot() *snapshot {
	return &snapshot{
		keys: map[string]*apiKey{}, ids: map[string]string{},
		bots: map[string]*bot{}, byUID: map[uint32][]*bot{}, byUnit: map[string][]*bot{},
		gone: newGone(), standIns: map[string]*standIn{},
	}
}

// buildSnapshot makes the first snapshot of an unlock. What contradicts itself is
// tampering: every record was written by this program.
func (v *Vault) buildSnapshot(op string, u *unlocked, c *contents) (*snapshot, error) {
	s := newSnapshot()
	for key, spent := range c.limits {
		// Also those of grants that were revoked: one that comes back finds it spent.
		if _, err := u.ledger.Meter(key, spent, nowOf(u.clock), false); err != nil {
			return nil, tampered(op, place{store.Limits, key})
		}
	}
	for label, rec := range c.keys {
		k, ok := u.newKey(label, rec, c)
		if !ok || !s.addKey(k) {
			return nil, tampered(op, place{store.Keys, label})
		}
	}
	for name, rec := range c.bots {
		if rec.Removed == 0 {
			s.addBot(newBot(name, rec))
		} else {
			s.gone.bots[name] = rec
		}
	}
	for key, rec := range c.grants {
		if rec.Revoked != 0 {
			s.gone.grants[key] = rec
			continue
		}
		name, label, _ := strings.Cut(key, "/")
		g, err := u.newGrantMu(name, rec.Grant, rec.Created, nowOf(u.clock), false)
		if err != nil || rec.Grant.Key != label || s.bots[name] == nil || s.keys[label] == nil {
			return nil, tampered(op, place{store.Grants, key})
		}
		s.bots[name].put(g)
	}
	for id, rec := range c.standIns {
		si, ok := u.newStandIn(id, rec, c)
		if !ok {
			return nil, tampered(op, place{store.StandIns, id})
		}
		s.standIns[id] = si
	}
	return s, nil
}

// newGrantMu makes a grant decide from now on. fresh is one that is made while
// unlocked; others begin with empty token buckets, so that a restart regains nothing
// (A40).
func (u *unlocked) newGrantMu(bot string, spec policy.GrantSpec, created int64, now policy.Now, fresh bool) (*grant, error) {
	rules, err := spec.Compile(u.named)
	if err != nil {
		return nil, err
	}
	key := grantKey(bot, spec.Key)
	meter := u.ledger.Known(key)
	if meter == nil {
		if meter, err = u.firstMeter(key, now, fresh); err != nil {
			return nil, err
		}
	}
	return &grant{bot: bot, spec: spec, rules: rules, meter: meter, created: created, denials: &denials{}, usage: u.usageOf(bot, nil)}, nil
}

// firstMeter is the meter of a grant of which nothing is known. On the day of a restore it
// may have been given, and spent, after the file was copied: nothing of that day is left
// (A43).
func (u *unlocked) firstMeter(key string, now policy.Now, fresh bool) (*limits.Meter, error) {
	var spent []byte
	if u.restored != 0 && dayOf(u.restored) == dayOf(now.Wall.Unix()) {
		var err error
		if spent, err = limits.SpendDay(nil, now); err != nil {
			return nil, err
		}
	}
	return u.ledger.Meter(key, spent, now, fresh)
}

// dayOf is the day of a time in unix seconds, by which daily limits go.
func dayOf(unix int64) int64 { return unix / (24 * 60 * 60) }

func newBot(name string, rec record.Bot) *bot {
	return &bot{
		name: name, match: rec.Match, role: rec.Role, created: rec.Created, suspended: rec.Suspended,
		grants: map[string]*grant{},
	}
}

// clone is a copy whose maps may be changed before it is stored. Bots are shared:
// to change one, put a copy in its place.
func (s *snapshot) clone() *snapshot {
	return &snapshot{
		keys: maps.Clone(s.keys), ids: maps.Clone(s.ids), bots: maps.Clone(s.bots),
		byUID: maps.Clone(s.byUID), byUnit: maps.Clone(s.byUnit), other: slices.Clone(s.other),
		gone: s.gone.clone(), standIns: maps.Clone(s.standIns), panicCancels: s.panicCancels,
	}
}

// addBot adds a bot, in place of one of its name.
func (s *snapshot) addBot(b *bot) {
	s.removeBot(b.name)
	s.bots[b.name] = b
	delete(s.gone.bots, b.name)
	for _, m := range b.match {
		switch {
		case m.UID != nil:
			s.byUID[*m.UID] = with(s.byUID[*m.UID], b)
		case m.Unit != "":
			s.byUnit[m.Unit] = with(s.byUnit[m.Unit], b)
		default:
			s.other = with(s.other, b)
		}
	}
}

func (s *snapshot) removeBot(name string) {
	b := s.bots[name]
	if b == nil {
		return
	}
	delete(s.bots, name)
	for _, m := range b.match {
		switch {
		case m.UID != nil:
			without(s.byUID, *m.UID, b)
		case m.Unit != "":
			without(s.byUnit, m.Unit, b)
		default:
			s.other = slices.DeleteFunc(slices.Clone(s.other), func(x *bot) bool { return x == b })
		}
	}
}

// with is a list with b in it once. The list that it came from stays as it is: an
// older snapshot may have it.
func with(list []*bot, b *bot) []*bot {
	if slices.Contains(list, b) {
		return list
	}
	return append(slices.Clip(list), b)
}

func without[K comparable](lists map[K][]*bot, key K, b *bot) {
	lists[key] = slices.DeleteFunc(slices.Clone(lists[key]), func(x *bot) bool { return x == b })
	if len(lists[key]) == 0 {
		delete(lists, key)
	}
}

// withGrants is a copy of the bot whose grants may be changed.
func (b *bot) withGrants() *bot {
	copied := *b
	copied.grants = maps.Clone(b.grants)
	return &copied
}

// held lists the labels whose request nonces are held back, sorted.
func (s *snapshot) held() []string {
	var labels []string
	for label, k := range s.keys {
		if slices.ContainsFunc(k.live, func(ver *version) bool { return ver.held != "" && !ver.ended() }) {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return labels
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func countBucket(raw map[place][]byte, bucket string) (n int) {
	for p := range raw {
		if p.bucket == bucket {
			n++
		}
	}
	return n
}
