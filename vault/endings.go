package vault

import (
	"context"
	"strings"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// RetireKey lets a version of an API key end after a grace, in which it signs what is
// under way. It narrows: a version that is retiring already ends no later than it would
// have. Errors: KindNotFound, KindInvalid.
func (v *Vault) RetireKey(ctx context.Context, by Operator, r RetireKey) (number uint32, revision uint64, err error) {
	const op = "key retire"
	if err := checkGrace(op, r.Grace); err != nil {
		return 0, 0, err
	}
	revision, err = v.change(ctx, op, by, r.Operation(), Proof{}, func(_ *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		if number = r.Version; number == 0 {
			number = old.newest(record.Active)
		}
		k := old.clone()
		rec, ver := k.find(number), k.liveOne(number)
		switch {
		case rec == nil || ver == nil:
			return nil, noVersion(op, r.Label)
		case rec.State == record.Retiring && clock.Wall().Unix()+int64(r.Grace) >= rec.Retires:
			return nil, nil
		}
		made := k.retire(ver, r.Grace)
		s.keys[r.Label] = k
		return k.changeThen(op, made)
	})
	return number, revision, err
}

// Revoked is what RevokeKey reports.
type Revoked struct {
	Revision uint64
	// Burns are what outdates the signatures that bots hold back; Unburnt are the versions
	// for which there is none.
	Burns   []SignedRequest
	Unburnt []Unburnt
	// Unrecorded is why the outcome could not be recorded; nil where it was. What is
	// above holds all the same.
	Unrecorded error
}

// RevokeKey ends versions of an API key at once: after it returns none of their signatures
// leaves, and each has signed a last read, whose request nonce is above all that anybody can
// have got of it. Versions that had retired, or were revoked before, sign one as well: what
// bots hold of them may still be good, and the read of an earlier revoke may not have
// arrived. It narrows: the secrets stay sealed in the file, and PromoteKey brings a version
// back. It is a change: where the disk hangs it fails or waits, and nothing has ended; a lock
// and a panic wait for no disk. Errors: KindNotFound.
func (v *Vault) RevokeKey(ctx context.Context, by Operator, r RevokeKey) (done Revoked, err error) {
	const op = "key revoke"
	var e *revoking
	made := false
	done.Revision, err = v.change(ctx, op, by, r.Operation(), Proof{}, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		k := old.clone()
		e = &revoking{unlocked: u, key: k}
		if changed, err := e.planMu(op, r.Version); err != nil || !changed {
			made = err == nil
			return nil, err
		}
		s.keys[r.Label] = k
		return k.changeThen(op, func() {
			made = true
			for _, ver := range e.versions {
				ver.states.gate.Shut()
			}
		})
	})
	if !made {
		if e != nil {
			e.undo()
		}
		return done, err
	}
	if done.Unrecorded = err; err != nil {
		done.Revision = e.unlocked.revision.Load()
	}
	done.Burns, done.Unburnt = v.burn(by, e)
	return done, nil
}

// revoking is what a revoke ends.
type revoking struct {
	unlocked *unlocked
	key      *apiKey
	versions []*version // that sign a last read
	recalled []*version // those of them that had ended
	unburnt  []Unburnt
}

// planMu marks what is to be revoked, one version or all, and says whether anything
// changes by that.
func (e *revoking) planMu(op string, number uint32) (changed bool, err error) {
	now := clock.Wall().Unix()
	for i := range e.key.record.Versions {
		rec := &e.key.record.Versions[i]
		if number != 0 && rec.Version != number {
			continue
		}
		ver := e.key.liveOne(rec.Version)
		if ver == nil {
			if ver, err = e.unlocked.recallMu(op, e.key, rec); err != nil {
				e.unburnt = append(e.unburnt, Unburnt{e.key.label, rec.Version, reasonOf(err)})
			} else {
				e.recalled = append(e.recalled, ver)
			}
		}
		if ver != nil {
			e.versions = append(e.versions, ver)
		}
		if rec.State == record.Revoked {
			continue
		}
		rec.State, rec.Retires, rec.Revoked, changed = record.Revoked, 0, now, true
		if ver != nil && ver == e.key.active {
			e.key.active = nil
		}
	}
	if number != 0 && e.key.find(number) == nil {
		return false, noVersion(op, e.key.label)
	}
	return changed, nil
}

// undo wipes what was recalled for a revoke that was not made.
func (e *revoking) undo() {
	for _, ver := range e.recalled {
		ver.states.end(nil)
	}
}

// burn has each version that is being revoked sign its last request, and wipes it.
func (v *Vault) burn(by Operator, e *revoking) (burns []SignedRequest, unburnt []Unburnt) {
	unburnt = e.unburnt
	for _, ver := range e.versions {
		err := error(fail("burn", KindLocked, "the vault was locked meanwhile"))
		ver.states.end(func() {
			var s SignedRequest
			if s, err = v.signFixed("burn", by, e.unlocked, e.key, ver, probe); err == nil {
				burns = append(burns, s)
			}
		})
		if err != nil {
			unburnt = append(unburnt, Unburnt{e.key.label, ver.number, reasonOf(err)})
		}
	}
	return burns, unburnt
}

// reasonOf is an error without its operation.
func reasonOf(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// Purged is what PurgeKey reports.
type Purged struct {
	Versions []uint32
	Gone     bool // none is left, and so the label is gone
	Revision uint64
}

// PurgeKey removes the secrets and records of versions that were revoked or whose grace is
// over. It widens: nothing brings them back. Where none is left the label goes, with what
// is remembered of its orders; the marks of request nonces stay (P6). Errors: KindNotFound,
// KindInvalid for a version that has not ended, or a label that bots hold grants on.
func (v *Vault) PurgeKey(ctx context.Context, by Operator, r PurgeKey, p Proof) (done Purged, err error) {
	const op = "key purge"
	done.Revision, err = v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		k := old.clone()
		kept := k.record.Versions[:0]
		var changes []change
		for _, rec := range old.record.Versions {
			if ended := k.hasEnded(&rec); !ended || r.Version != 0 && rec.Version != r.Version {
				if !ended && rec.Version == r.Version {
					return nil, fail(op, KindInvalid, "version %d of it is %s", rec.Version, rec.State).
						hint("first: vaultctl key revoke %s --version %d", r.Label, rec.Version)
				}
				kept = append(kept, rec)
				continue
			}
			done.Versions = append(done.Versions, rec.Version)
			delete(s.ids, rec.APIKey)
			changes = append(changes, change{place: place{store.Secrets, secretKey(r.Label, rec.Version)}, remove: true})
		}
		if len(done.Versions) == 0 {
			return nil, fail(op, KindNotFound, "no such version of that API key was revoked or has retired").
				hint("vaultctl key show %s", r.Label)
		}
		k.record.Versions = kept
		if len(kept) > 0 {
			s.keys[r.Label] = k
			more, err := k.change(op)
			return append(changes, more...), err
		}
		done.Gone = true
		more, err := u.dropKeyMu(op, s, k)
		return append(changes, more...), err
	})
	if err != nil {
		return Purged{}, err
	}
	return done, nil
}

// hasEnded says whether a version signs nothing any more.
func (k *apiKey) hasEnded(rec *record.KeyVersion) bool {
	return !absorbs(rec, clock.Wall()) && k.liveOne(rec.Version) == nil
}

// dropKeyMu removes a label of which no version is left.
func (u *unlocked) dropKeyMu(op string, s *snapshot, k *apiKey) ([]change, error) {
	if bots := s.holders()[k.label]; len(bots) > 0 {
		return nil, fail(op, KindInvalid, "%d bots hold a grant on that API key, of which no version would be left", len(bots)).
			hint("first: vaultctl revoke %s %s", bots[0], k.label)
	}
	delete(s.keys, k.label)
	changes := []change{{place: place{store.Keys, k.label}, remove: true, made: k.orders.End}}
	for p := range u.raw {
		if p.bucket == store.Orders && strings.HasPrefix(p.key, k.label+"/") {
			changes = append(changes, change{place: p, remove: true})
		}
	}
	return changes, nil
}
