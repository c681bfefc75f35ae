package vault

import (
	"context"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// Bot is a registered program with its grants.
type Bot struct {
	Name    string
	Match   policy.Match
	Grants  []Grant
	Created int64 // unix seconds
}

// Grant is the use of one API key.
type Grant struct {
	Label string
	Allow policy.Class
}

// AddBot registers a program, without any grant. It widens. A name that stands is
// KindExists; a removed one starts empty.
func (v *Vault) AddBot(ctx context.Context, by Operator, r AddBot, p Proof) (revision uint64, err error) {
	const op = "bot add"
	if err := checkName(op, "bot name", r.Name); err != nil {
		return 0, err
	}
	if err := r.Match.Check(); err != nil {
		return 0, fail(op, KindInvalid, "%w", err)
	}
	return v.change(ctx, op, by, r.Operation(), p, func(_ *unlocked, s *snapshot) ([]change, error) {
		if s.bots[r.Name] != nil {
			return nil, fail(op, KindExists, "there is a bot of that name").hint("vaultctl bot list")
		}
		rec := record.Bot{UID: r.Match.UID, GID: r.Match.GID, Exe: r.Match.Exe, Created: unixNow()}
		s.addBot(newBot(r.Name, rec))
		text, err := record.Append(nil, rec)
		return recordChange(op, store.Bots, r.Name, text, err)
	})
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
		s.removeBot(name)
		text, err := record.Append(nil, record.Bot{
			UID: b.match.UID, GID: b.match.GID, Exe: b.match.Exe, Created: b.created, Removed: unixNow(),
		})
		changes, err := recordChange(op, store.Bots, name, text, err)
		for _, label := range sortedKeys(b.grants) {
			if err != nil {
				break
			}
			var more []change
			more, err = revokeChange(op, name, label, b.grants[label])
			changes = append(changes, more...)
		}
		return changes, err
	})
}

// SetGrant gives a bot the use of an API key, in place of an earlier grant. It
// widens.
func (v *Vault) SetGrant(ctx context.Context, by Operator, r SetGrant, p Proof) (revision uint64, err error) {
	const op = "grant"
	if r.Allow == 0 {
		return 0, fail(op, KindInvalid, "a grant without any permission allows nothing").hint("--allow read,trade,cancel")
	}
	return v.change(ctx, op, by, r.Operation(), p, func(_ *unlocked, s *snapshot) ([]change, error) {
		if s.bots[r.Bot] == nil {
			return nil, noBot(op)
		}
		if s.keys[r.Label] == nil {
			return nil, noKey(op)
		}
		b := s.bots[r.Bot].withGrants()
		b.grants[r.Label] = &policy.Grant{Allow: r.Allow}
		s.addBot(b)
		text, err := record.Append(nil, record.Grant{Allow: r.Allow.Words(), Created: unixNow()})
		return recordChange(op, store.Grants, grantKey(r.Bot, r.Label), text, err)
	})
}

// RevokeGrant takes a grant away. It narrows.
func (v *Vault) RevokeGrant(ctx context.Context, by Operator, name, label string) (revision uint64, err error) {
	const op = "revoke"
	return v.change(ctx, op, by, operation("RevokeGrant", []byte(name), []byte(label)), Proof{}, func(_ *unlocked, s *snapshot) ([]change, error) {
		if s.bots[name] == nil {
			return nil, noBot(op)
		}
		b := s.bots[name].withGrants()
		g := b.grants[label]
		if g == nil {
			return nil, fail(op, KindNotFound, "that bot has no grant on that API key").
				hint("vaultctl bot list")
		}
		delete(b.grants, label)
		s.addBot(b)
		return revokeChange(op, name, label, g)
	})
}

func revokeChange(op, name, label string, g *policy.Grant) ([]change, error) {
	now := unixNow()
	text, err := record.Append(nil, record.Grant{Allow: g.Allow.Words(), Created: now, Revoked: now})
	return recordChange(op, store.Grants, grantKey(name, label), text, err)
}

func grantKey(bot, label string) string { return bot + "/" + label }

// Bots lists the bots by name.
func (v *Vault) Bots() ([]Bot, error) {
	u, err := v.unlocked("bot list")
	if err != nil {
		return nil, err
	}
	s := u.snapshot.Load()
	list := make([]Bot, 0, len(s.bots))
	for _, name := range sortedKeys(s.bots) {
		list = append(list, s.bots[name].view())
	}
	return list, nil
}

// Bot shows one bot.
func (v *Vault) Bot(name string) (Bot, error) {
	const op = "bot show"
	u, err := v.unlocked(op)
	if err != nil {
		return Bot{}, err
	}
	b := u.snapshot.Load().bots[name]
	if b == nil {
		return Bot{}, noBot(op)
	}
	return b.view(), nil
}

func (b *bot) view() Bot {
	view := Bot{Name: b.name, Match: b.match, Created: b.created}
	for _, label := range sortedKeys(b.grants) {
		view.Grants = append(view.Grants, Grant{Label: label, Allow: b.grants[label].Allow})
	}
	return view
}

func noBot(op string) *Error {
	return fail(op, KindNotFound, "there is no bot of that name").hint("vaultctl bot list")
}
