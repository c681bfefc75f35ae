package vault

import (
	"context"
	"errors"

	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// Bot is a registered program with its grants.
type Bot struct {
	Name    string
	Match   []policy.Match
	Role    string
	Grants  []Grant
	Created int64 // unix seconds
	// Suspended is since when nothing is signed for it, unix seconds; 0 while it is
	// not suspended.
	Suspended int64
	// LastUsed is when a signature was given to it, unix seconds; 0 for not since the
	// unlock.
	LastUsed int64
	// Removed is when it was removed, unix seconds; 0 while it stands.
	Removed int64
	// Former are grants that were taken away, as they were.
	Former []Grant
}

// Left is what a grant may still spend.
type Left = limits.Left

// Grant is the use of one API key.
type Grant struct {
	Spec    policy.GrantSpec
	Left    Left
	Created int64 // unix seconds
	Revoked int64 // unix seconds; 0 while it stands
}

// AddBot registers a program, without any grant. It widens. A name that stands is
// KindExists; a removed one starts empty. A selector that cannot be checked here is
// KindInvalid, with the reason.
func (v *Vault) AddBot(ctx context.Context, by Operator, r AddBot, p Proof) (revision uint64, err error) {
	const op = "bot add"
	if err := checkName(op, "bot name", r.Name); err != nil {
		return 0, err
	}
	return v.change(ctx, op, by, r.Operation(), p, func(_ *unlocked, s *snapshot) ([]change, error) {
		if err := v.checkBots(op, map[string]policy.BotSpec{r.Name: {Match: r.Match, Role: r.Role}}); err != nil {
			return nil, err
		}
		if s.bots[r.Name] != nil {
			return nil, fail(op, KindExists, "there is a bot of that name").hint("vaultctl bot list")
		}
		b := newBot(r.Name, record.Bot{Match: r.Match, Role: r.Role, Created: unixNow()})
		s.addBot(b)
		return b.change(op, 0)
	})
}

// checkBots refuses bots that could not be told from others (P4). What a machine can
// check depends on few things: each is asked once.
func (v *Vault) checkBots(op string, bots map[string]policy.BotSpec) error {
	type question struct {
		uid                   uint32
		hasUID, unit, program bool
	}
	asked := make(map[question]error)
	for _, name := range sortedKeys(bots) {
		spec := bots[name]
		if err := spec.Check(); err != nil {
			return specError(op, err)
		}
		for _, m := range spec.Match {
			q := question{hasUID: m.UID != nil, unit: m.Unit != "", program: m.Exe != "" || m.SHA256 != nil}
			if m.UID != nil {
				q.uid = *m.UID
			}
			err, known := asked[q]
			if !known || q.unit { // units are looked at one by one
				err = v.checkable(m)
				asked[q] = err
			}
			if err != nil {
				return fail(op, KindInvalid, "this match cannot be checked here: %w", err)
			}
		}
	}
	return nil
}

// specError gives an error of a bot or grant as it is spelled its kind. What is answered
// repeats no word of it (A49).
func specError(op string, err error) *Error {
	var spec *policy.SpecError
	if !errors.As(err, &spec) {
		return fail(op, KindInvalid, "%w", err)
	}
	e := fail(op, KindInvalid, "%s", spec.Plain())
	e.Field = spec.Field
	return e
}

// record is what is written of a bot. removed is when it was removed, unix seconds; zero
// while it stands.
func (b *bot) record(removed int64) record.Bot {
	return record.Bot{Match: b.match, Role: b.role, Created: b.created, Suspended: b.suspended, Removed: removed}
}

// change makes the change that writes a bot's record.
func (b *bot) change(op string, removed int64) ([]change, error) {
	return recordChange(op, store.Bots, b.name, b.record(removed))
}

func (g *grant) record(revoked int64) record.Grant {
	return record.Grant{Grant: g.spec, Created: g.created, Revoked: revoked}
}

// change makes the change that writes a grant's record.
func (g *grant) change(op string, revoked int64) ([]change, error) {
	return recordChange(op, store.Grants, grantKey(g.bot, g.spec.Key), g.record(revoked))
}

// RemoveBot removes a bot and its grants, and leaves a sealed trace of each. It
// narrows.
func (v *Vault) RemoveBot(ctx context.Context, by Operator, name string) (revision uint64, err error) {
	const op = "bot remove"
	return v.change(ctx, op, by, operation("RemoveBot", []byte(name)), Proof{}, func(_ *unlocked, s *snapshot) ([]change, error) {
		b := s.bots[name]
		if b == nil {
			return nil, noBot(op)
		}
		return s.dropBot(op, b)
	})
}

// dropBot removes a bot and its grants, and returns what to write.
func (s *snapshot) dropBot(op string, b *bot) ([]change, error) {
	now := s.nextRemoval(b.name)
	s.removeBot(b.name)
	s.gone.bots[b.name] = b.record(now)
	changes, err := b.change(op, now)
	if err != nil {
		return nil, err
	}
	recalled, err := s.recallAll(op, b.name, now)
	changes = append(changes, recalled...)
	for _, label := range sortedKeys(b.grants) {
		if err != nil {
			break
		}
		var more []change
		more, err = b.grants[label].change(op, now)
		s.gone.grants[grantKey(b.name, label)] = b.grants[label].record(now)
		changes = append(changes, more...)
	}
	return changes, err
}

// SetGrant gives a bot the use of an API key, in place of an earlier grant, of
// which it goes on counting what was spent. It widens. A rule that could not be
// enforced is KindInvalid.
func (v *Vault) SetGrant(ctx context.Context, by Operator, r SetGrant, p Proof) (revision uint64, err error) {
	const op = "grant"
	if len(r.Grant.Allow) == 0 {
		return 0, fail(op, KindInvalid, "a grant without any permission allows nothing").hint("--allow read,trade,cancel")
	}
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		if s.bots[r.Bot] == nil {
			return nil, noBot(op)
		}
		return u.setGrantMu(op, s, r.Bot, r.Grant)
	})
}

// setGrantMu puts a grant into the snapshot and returns what to write.
func (u *unlocked) setGrantMu(op string, s *snapshot, name string, spec policy.GrantSpec) ([]change, error) {
	if s.keys[spec.Key] == nil {
		return nil, noKey(op)
	}
	g, err := u.newGrantMu(name, spec, unixNow(), nowOf(s.keys[spec.Key].clock), true)
	if err != nil {
		return nil, specError(op, err)
	}
	b := s.bots[name].withGrants()
	b.put(g)
	s.addBot(b)
	delete(s.gone.grants, grantKey(name, spec.Key))
	return g.change(op, 0)
}

// RevokeGrant takes a grant away. It narrows.
func (v *Vault) RevokeGrant(ctx context.Context, by Operator, name, label string) (revision uint64, err error) {
	const op = "revoke"
	return v.change(ctx, op, by, operation("RevokeGrant", []byte(name), []byte(label)), Proof{}, func(_ *unlocked, s *snapshot) ([]change, error) {
		if s.bots[name] == nil {
			return nil, noBot(op)
		}
		if s.bots[name].grants[label] == nil {
			return nil, fail(op, KindNotFound, "that bot has no grant on that API key").
				hint("vaultctl bot list")
		}
		return s.dropGrant(op, name, label)
	})
}

// dropGrant takes a grant out of the snapshot and returns what to write.
func (s *snapshot) dropGrant(op, name, label string) ([]change, error) {
	b := s.bots[name].withGrants()
	g := b.grants[label]
	delete(b.grants, label)
	s.addBot(b)
	now := unixNow()
	s.gone.grants[grantKey(name, label)] = g.record(now)
	return g.change(op, now)
}

func grantKey(bot, label string) string { return bot + "/" + label }

// Bots lists the bots by name; removed are those that were.
func (v *Vault) Bots(removed bool) ([]Bot, error) {
	u, err := v.unlocked("bot list")
	if err != nil {
		return nil, err
	}
	s := u.snapshot.Load()
	if removed {
		list := make([]Bot, 0, len(s.gone.bots))
		for _, name := range sortedKeys(s.gone.bots) {
			list = append(list, s.gone.viewOfRemoved(name))
		}
		return list, nil
	}
	list := make([]Bot, 0, len(s.bots))
	for _, name := range sortedKeys(s.bots) {
		list = append(list, u.view(s, s.bots[name]))
	}
	return list, nil
}

// Bot shows one bot, also one that was removed.
func (v *Vault) Bot(name string) (Bot, error) {
	const op = "bot show"
	u, err := v.unlocked(op)
	if err != nil {
		return Bot{}, err
	}
	s := u.snapshot.Load()
	if b := s.bots[name]; b != nil {
		return u.view(s, b), nil
	}
	if s.gone.bots[name].Removed == 0 {
		return Bot{}, noBot(op)
	}
	return s.gone.viewOfRemoved(name), nil
}

func (u *unlocked) view(s *snapshot, b *bot) Bot {
	view := Bot{Name: b.name, Match: b.match, Role: b.role, Created: b.created, Suspended: b.suspended}
	view.Former, view.LastUsed = s.gone.viewOfFormer(b.name), u.usageOf(b.name, nil).last.Load()
	for _, label := range sortedKeys(b.grants) {
		g := b.grants[label]
		view.Grants = append(view.Grants, Grant{
			Spec: g.spec, Created: g.created, Left: g.meter.Left(&g.rules.Limits, nowOf(s.keys[label].clock)),
		})
	}
	return view
}

func noBot(op string) *Error {
	return fail(op, KindNotFound, "there is no bot of that name").hint("vaultctl bot list")
}
