package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/standin"
	"bfxvault/vault/internal/store"
)

// IssueStandIn gives a bot a stand-in credential for its grant on an API key. Without a
// secret it brings back the one with that id, which was recalled or waits after a restore.
type IssueStandIn struct {
	Bot, Label string
	ID         string // "bfxv_" and 32 of a-z and 0-9
	Secret     Sealed // 43 printable ASCII characters; the zero value to bring one back
	UID        *uint32
	Expires    int64 // unix seconds; 0 for never
}

// Purpose is what the secret is sealed for.
func (r IssueStandIn) Purpose() Operation {
	uid := []byte{}
	if r.UID != nil {
		uid = u32(*r.UID)
	}
	return operation("IssueStandIn", []byte(r.Bot), []byte(r.Label), []byte(r.ID), uid, binary.BigEndian.AppendUint64(nil, uint64(r.Expires)))
}

// Operation is what a proof is made for: the sealed secret included.
func (r IssueStandIn) Operation() Operation {
	digest := sha256.Sum256(r.Secret.Box)
	return r.Purpose().with(digest[:])
}

// StandIn is a stand-in credential without its secret.
type StandIn struct {
	ID, Bot, Label string
	UID            *uint32 // nil for any
	// Unix seconds; 0 for never.
	Created, Expires, LastUsed, Recalled int64
	// Suspended is set where it waits for IssueStandIn, as after a restore.
	Suspended bool
}

// maxStandIns is how many stand-in credentials a bot has at most, recalled ones included.
const maxStandIns = 64

// IssueStandIn gives a bot a stand-in credential, or brings one back. It widens. Errors:
// KindNotFound for bot, grant or the one to bring back, KindExists for the id, KindInvalid.
func (v *Vault) IssueStandIn(ctx context.Context, by Operator, r IssueStandIn, p Proof) (revision uint64, err error) {
	const op = "bot issue"
	if !isStandInID(r.ID) {
		return 0, fail(op, KindInvalid, "the id of a stand-in credential is %q and 32 of a-z and 0-9", StandInPrefix)
	}
	if r.Expires < 0 || r.Expires != 0 && r.Expires <= clock.Wall().Unix() {
		return 0, fail(op, KindInvalid, "a stand-in credential expires in the future")
	}
	var in intake
	defer in.end()
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		switch {
		case s.bots[r.Bot] == nil:
			return nil, noBot(op)
		case s.bots[r.Bot].grants[r.Label] == nil:
			return nil, fail(op, KindNotFound, "that bot has no grant on that API key").hint("vaultctl grant %s LABEL", r.Bot)
		}
		if len(r.Secret.Box) == 0 {
			return u.reissueMu(op, s, r, &in)
		}
		if s.standIns[r.ID] != nil {
			return nil, fail(op, KindExists, "there is a stand-in credential with that id")
		}
		if len(s.standInsOf(r.Bot)) >= maxStandIns {
			return nil, fail(op, KindInvalid, "a bot has %d stand-in credentials at most, recalled ones included", maxStandIns).
				hint("vaultctl bot issue %s --again ID brings one back", r.Bot)
		}
		if err := in.open(v, u, op, by, r.Secret, r.Purpose()); err != nil {
			return nil, err
		}
		if len(in.secret) != standInSecret {
			return nil, fail(op, KindInvalid, "the secret of a stand-in credential has %d characters", standInSecret)
		}
		return issueMu(op, s, r, &in)
	})
}

// issueMu absorbs the secret of a new stand-in credential.
func issueMu(op string, s *snapshot, r IssueStandIn, in *intake) ([]change, error) {
	states, err := in.absorb(op)
	if err != nil {
		return nil, err
	}
	si := &standIn{id: r.ID, shown: &standin.Memory{}, used: &atomic.Int64{}, states: states}
	si.record = record.StandIn{Bot: r.Bot, Label: r.Label, UID: r.UID, Created: unixNow(), Expires: r.Expires}
	stored := in.change(place{store.Secrets, r.ID})
	stored.made = in.kept
	more, err := si.store(op, s)
	return append(more, stored), err
}

// reissueMu brings back a stand-in credential that was recalled, or waits. Its grant stays.
func (u *unlocked) reissueMu(op string, s *snapshot, r IssueStandIn, in *intake) ([]change, error) {
	old := s.standIns[r.ID]
	if old == nil || old.record.Bot != r.Bot || old.record.Label != r.Label {
		return nil, fail(op, KindNotFound, "there is no such stand-in credential of that bot and API key").hint("vaultctl bot stand-ins %s", r.Bot)
	}
	si := *old
	si.record.UID, si.record.Expires, si.record.Recalled, si.record.Suspended = r.UID, r.Expires, 0, 0
	return si.useMu(op, u, s, in)
}

// useMu makes a stand-in credential one that signs, as its record says, and returns what to
// write.
func (si *standIn) useMu(op string, u *unlocked, s *snapshot, in *intake) ([]change, error) {
	if si.states == nil && isGood(&si.record) {
		slot, err := u.absorbStoredMu(op, place{store.Secrets, si.id})
		if err != nil {
			return nil, err
		}
		in.unlocked = u
		si.states = in.hold(slot)
	}
	changes, err := si.store(op, s)
	if err == nil {
		changes[0].made = in.kept
	}
	return changes, err
}

// store puts a stand-in credential into a snapshot, and returns what to write.
func (si *standIn) store(op string, s *snapshot) ([]change, error) {
	s.standIns[si.id] = si
	return recordChange(op, store.StandIns, si.id, si.record)
}

// RecallStandIn ends a stand-in credential at once. It narrows: IssueStandIn brings it
// back. One that was recalled stays so. Errors: KindNotFound.
func (v *Vault) RecallStandIn(ctx context.Context, by Operator, bot, id string) (revision uint64, err error) {
	const op = "bot recall"
	return v.change(ctx, op, by, operation("RecallStandIn", []byte(bot), []byte(id)), Proof{}, func(_ *unlocked, s *snapshot) ([]change, error) {
		si := s.standIns[id]
		switch {
		case si == nil || si.record.Bot != bot:
			return nil, fail(op, KindNotFound, "that bot has no such stand-in credential").hint("vaultctl bot list, then vaultctl bot stand-ins NAME")
		case si.record.Recalled != 0:
			return nil, nil
		}
		return si.recall(op, s, unixNow())
	})
}

// recall makes a stand-in credential good for nothing, as of a time, and returns what to
// write.
func (si *standIn) recall(op string, s *snapshot, now int64) ([]change, error) {
	copied := *si
	copied.record.Recalled, copied.states = now, nil
	changes, err := copied.store(op, s)
	if err == nil && si.states != nil {
		changes[0].made = func() { si.states.end(nil) }
	}
	return changes, err
}

// StandIns lists the stand-in credentials of a bot, or of all where none is named, by id.
func (v *Vault) StandIns(bot string) ([]StandIn, error) {
	const op = "bot stand-ins"
	u, err := v.unlocked(op)
	if err != nil {
		return nil, err
	}
	s := u.snapshot.Load()
	if bot != "" && s.bots[bot] == nil {
		return nil, noBot(op)
	}
	list := make([]StandIn, 0, len(s.standIns))
	for _, si := range s.standInsOf(bot) {
		r := si.record
		list = append(list, StandIn{
			ID: si.id, Bot: r.Bot, Label: r.Label, UID: r.UID, Created: r.Created, Expires: r.Expires,
			LastUsed: si.used.Load(), Recalled: r.Recalled, Suspended: r.Suspended != 0,
		})
	}
	return list, nil
}

// standInsOf are those of a bot, or all, by id.
func (s *snapshot) standInsOf(bot string) (list []*standIn) {
	for _, id := range sortedKeys(s.standIns) {
		if si := s.standIns[id]; bot == "" || si.record.Bot == bot {
			list = append(list, si)
		}
	}
	return list
}

// recallAll recalls the stand-in credentials of a bot that is removed: another one of its
// name gets none of them.
func (s *snapshot) recallAll(op, bot string, now int64) (changes []change, err error) {
	for _, si := range s.standInsOf(bot) {
		if si.record.Recalled != 0 {
			continue
		}
		more, err := si.recall(op, s, now)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// reuseAllMu brings back the stand-in credentials that were recalled with their bot.
func (u *unlocked) reuseAllMu(op string, s *snapshot, bot string, removed int64, in *intake) (changes []change, err error) {
	for _, old := range s.standInsOf(bot) {
		if old.record.Recalled != removed {
			continue
		}
		si := *old
		si.record.Recalled = 0
		more, err := si.useMu(op, u, s, in)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}
