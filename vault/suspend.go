package vault

import (
	"context"
	"slices"

	"bfxvault/vault/policy"
)

// EnableBot ends the suspension that a restore begins, and brings a bot back that was
// removed, with the grants and stand-in credentials that went with it. It widens. A bot that is not suspended stays
// as it is; one that never was is KindNotFound.
func (v *Vault) EnableBot(ctx context.Context, by Operator, r EnableBot, p Proof) (revision uint64, err error) {
	const op = "bot enable"
	var in intake
	defer in.end()
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.bots[r.Name]
		switch {
		case old == nil && s.gone.bots[r.Name].Removed != 0:
			if err := v.checkBots(op, map[string]policy.BotSpec{r.Name: {Match: s.gone.bots[r.Name].Match}}); err != nil {
				return nil, err
			}
			return u.reviveMu(op, s, r.Name, &in)
		case old == nil:
			return nil, noBot(op)
		case old.suspended == 0:
			return nil, nil
		}
		b := *old
		b.suspended, b.grants = 0, make(map[string]*grant, len(old.grants))
		for _, g := range old.grants {
			b.put(g)
		}
		s.addBot(&b)
		return b.change(op, 0)
	})
}

// Suspended lists the bots that are suspended, by name.
func (v *Vault) Suspended() ([]string, error) {
	u, err := v.unlocked("policy show")
	if err != nil {
		return nil, err
	}
	var names []string
	for name, b := range u.snapshot.Load().bots {
		if b.suspended != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// put adds a grant to a bot that is not stored yet, in place of one on the same API
// key. It is suspended where the bot is.
func (b *bot) put(g *grant) {
	copied := *g
	copied.rules = g.rules.Suspend(b.suspended != 0)
	b.grants[g.spec.Key] = &copied
}
