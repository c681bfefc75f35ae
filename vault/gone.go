package vault

import (
	"maps"
	"strings"

	"bfxvault/vault/internal/record"
)

// gone is what was taken away and can come back with a proof: whoever may connect to
// admin.sock may remove and revoke, and must not be able to make the operator's rules
// forgotten.
type gone struct {
	bots   map[string]record.Bot   // by name
	grants map[string]record.Grant // by bot "/" label
}

func newGone() gone { return gone{map[string]record.Bot{}, map[string]record.Grant{}} }

func (g gone) clone() gone { return gone{maps.Clone(g.bots), maps.Clone(g.grants)} }

// nextRemoval is when a bot goes: after whatever was taken of it before, even within the same
// second, so that it comes back with what went with it and no more.
func (s *snapshot) nextRemoval(name string) int64 {
	now := unixNow()
	for _, rec := range s.gone.former(name, func(record.Grant) bool { return true }) {
		now = max(now, rec.Revoked+1)
	}
	for _, si := range s.standInsOf(name) {
		now = max(now, si.record.Recalled+1)
	}
	return now
}

// with are the grants that went together with a bot, by label.
func (g gone) with(name string, removed int64) map[string]record.Grant {
	return g.former(name, func(rec record.Grant) bool { return rec.Revoked == removed })
}

// former are the grants that a bot had and has no more, by label.
func (g gone) former(name string, is func(record.Grant) bool) map[string]record.Grant {
	found := make(map[string]record.Grant)
	for key, rec := range g.grants {
		if label, ok := strings.CutPrefix(key, name+"/"); ok && is(rec) {
			found[label] = rec
		}
	}
	return found
}

// reviveMu brings a removed bot back, with the grants that went with it and whose API key
// still stands, and its stand-in credentials, and returns what to write.
func (u *unlocked) reviveMu(op string, s *snapshot, name string, in *intake) ([]change, error) {
	rec := s.gone.bots[name]
	b := newBot(name, record.Bot{Match: rec.Match, Role: rec.Role, Created: rec.Created})
	grants := s.gone.with(name, rec.Removed)
	s.addBot(b)
	changes, err := b.change(op, 0)
	for _, label := range sortedKeys(grants) {
		if err != nil || s.keys[label] == nil {
			continue
		}
		var more []change
		more, err = u.setGrantMu(op, s, name, grants[label].Grant)
		changes = append(changes, more...)
	}
	if err != nil {
		return nil, err
	}
	more, err := u.reuseAllMu(op, s, name, rec.Removed, in)
	return append(changes, more...), err
}

// viewOfRemoved is a bot that was removed, with the grants that it had.
func (g gone) viewOfRemoved(name string) Bot {
	rec := g.bots[name]
	return Bot{Name: name, Match: rec.Match, Role: rec.Role, Created: rec.Created, Removed: rec.Removed, Former: g.viewOfFormer(name)}
}

func (g gone) viewOfFormer(name string) (views []Grant) {
	former := g.former(name, func(record.Grant) bool { return true })
	for _, label := range sortedKeys(former) {
		rec := former[label]
		views = append(views, Grant{Spec: rec.Grant, Created: rec.Created, Revoked: rec.Revoked})
	}
	return views
}
