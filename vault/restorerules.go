package vault

import (
	"bytes"
	"encoding/binary"
	"maps"
	"time"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/nonce"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
	"bfxvault/vault/release"
)

// restoreAhead is how far request nonces move on: further than any mark of which an
// older file does not know is ahead of the clock (P6).
const restoreAhead = 2 * time.Minute

// restoreRules makes of the contents of a file that may be older than what was signed
// the contents that may be signed with, and returns what to write before anything is
// (A42, A43): every bot is suspended, no version of an API key is active, nothing of the
// day's limits is left, no order is known, and request nonces go on ahead of the clock. A
// request nonce that the clock cannot be believed for stays held back.
func (c *contents) restoreRules(op string, now policy.Now) (changes []change, err error) {
	for _, part := range []func(string, policy.Now) ([]change, error){
		c.suspendBots, c.suspendStandIns, c.stageVersions, c.spendLimits, c.forgetOrders, c.moveMarks,
	} {
		more, err := part(op, now)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	c.restored = now.Wall.Unix()
	return append(changes, sealedChange(store.Settings, restored, binary.BigEndian.AppendUint64(nil, uint64(c.restored)))), nil
}

func (c *contents) suspendBots(op string, now policy.Now) (changes []change, err error) {
	for _, name := range sortedKeys(c.bots) {
		rec := c.bots[name]
		if rec.Removed != 0 || rec.Suspended != 0 {
			continue
		}
		rec.Suspended = max(1, now.Wall.Unix())
		more, err := recordChange(op, store.Bots, name, rec)
		if err != nil {
			return nil, err
		}
		c.bots[name] = rec
		changes = append(changes, more...)
	}
	return changes, nil
}

// suspendStandIns lets stand-in credentials wait for `bot issue`: each may have been recalled
// since.
func (c *contents) suspendStandIns(op string, now policy.Now) (changes []change, err error) {
	for _, id := range sortedKeys(c.standIns) {
		rec := c.standIns[id]
		if !isGood(&rec) {
			continue
		}
		rec.Suspended = max(1, now.Wall.Unix())
		more, err := recordChange(op, store.StandIns, id, rec)
		if err != nil {
			return nil, err
		}
		c.standIns[id] = rec
		changes = append(changes, more...)
	}
	return changes, nil
}

// stageVersions leaves no version that signs for bots: each may have been revoked since.
// What was active is staged, and what was retiring has retired, so that of two staged
// versions the older one is what was active (toPromote).
func (c *contents) stageVersions(op string, now policy.Now) (changes []change, err error) {
	for _, label := range sortedKeys(c.keys) {
		rec := c.keys[label]
		if !stage(rec.Versions, now.Wall.Unix()) {
			continue
		}
		more, err := recordChange(op, store.Keys, label, rec)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// stage changes the states of versions, and says whether it did.
func stage(versions []record.KeyVersion, now int64) (changed bool) {
	for i := range versions {
		switch v := &versions[i]; {
		case v.State == record.Active:
			v.State, v.Verified, changed = record.Staged, record.Verified{}, true // what it may do may have changed since
		case v.State == record.Retiring && v.Retires > now:
			v.Retires, changed = now, true
		}
	}
	return changed
}

// spendLimits also spends those of grants that were revoked: one that comes back finds
// it so.
func (c *contents) spendLimits(op string, now policy.Now) (changes []change, err error) {
	keys := maps.Clone(c.limits)
	for key := range c.grants {
		keys[key] = c.limits[key]
	}
	for _, key := range sortedKeys(keys) {
		spent, err := limits.SpendDay(c.limits[key], now)
		if err != nil {
			return nil, tampered(op, place{store.Limits, key})
		}
		if !bytes.Equal(spent, c.limits[key]) {
			changes = append(changes, sealedChange(store.Limits, key, spent))
		}
		c.limits[key] = spent
	}
	return changes, nil
}

// forgetOrders goes for every API key, and for those that only their orders are left of.
func (c *contents) forgetOrders(op string, now policy.Now) (changes []change, err error) {
	labels := make(map[string]bool)
	for label := range c.orders {
		labels[label] = true
	}
	for label := range c.keys {
		labels[label] = true
	}
	for _, label := range sortedKeys(labels) {
		kept, err := limits.Forget(label, c.orders[label], now)
		if err != nil {
			return nil, tampered(op, place{store.Orders, label})
		}
		for _, key := range sortedKeys(c.orders[label]) {
			if _, ok := kept[key]; !ok {
				changes = append(changes, change{place: place{store.Orders, key}, remove: true})
			}
		}
		for _, key := range sortedKeys(kept) {
			changes = append(changes, sealedChange(store.Orders, key, kept[key]))
		}
		c.orders[label] = kept
	}
	return changes, nil
}

// moveMarks leaves a mark that holds its API key back as it is: the operator decides
// about the clock first (A44), and `nonce accept` takes the time from there.
func (c *contents) moveMarks(_ string, now policy.Now) (changes []change, err error) {
	for _, id := range sortedKeys(c.marks) {
		mark := nonce.RequestNonce(c.marks[id])
		if mark > nonce.Max || nonce.CheckMark(mark, now.Wall, release.Month()) != nil {
			continue
		}
		mark = max(mark, nonce.RequestNonce(now.Wall.UnixMicro())) + nonce.RequestNonce(restoreAhead.Microseconds())
		mark = min(mark, nonce.Max)
		c.marks[id] = uint64(mark)
		changes = append(changes, markChange(id, mark))
	}
	return changes, nil
}
