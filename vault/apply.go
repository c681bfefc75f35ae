package vault

import (
	"context"
	"reflect"
	"slices"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/policy"
)

// Policy returns all bots with their grants, as a policy file spells them.
func (v *Vault) Policy() (map[string]policy.BotSpec, error) {
	u, err := v.unlocked("policy show")
	if err != nil {
		return nil, err
	}
	s := u.snapshot.Load()
	bots := make(map[string]policy.BotSpec, len(s.bots))
	for name, b := range s.bots {
		bots[name] = b.spec()
	}
	return bots, nil
}

func (b *bot) spec() policy.BotSpec {
	spec := policy.BotSpec{Match: b.match, Role: b.role}
	for _, label := range sortedKeys(b.grants) {
		spec.Grants = append(spec.Grants, b.grants[label].spec)
	}
	return spec
}

// ApplyPolicy puts bots and grants in place of all that there are, in one
// transaction, or changes nothing. It widens. What stays as it was is not written,
// and what a grant has spent stays spent. A bot that it names is suspended no longer.
func (v *Vault) ApplyPolicy(ctx context.Context, by Operator, r ApplyPolicy, p Proof) (revision uint64, err error) {
	const op = "policy apply"
	for _, name := range sortedKeys(r.Bots) {
		if err := checkName(op, "bot name", name); err != nil {
			return 0, err
		}
	}
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		if err := v.checkBots(op, r.Bots); err != nil {
			return nil, err
		}
		var changes []change
		if !r.Merge {
			for _, name := range sortedKeys(s.bots) {
				if _, keep := r.Bots[name]; keep {
					continue
				}
				more, err := s.dropBot(op, s.bots[name])
				if err != nil {
					return nil, err
				}
				changes = append(changes, more...)
			}
		}
		for _, name := range sortedKeys(r.Bots) {
			more, err := u.applyBotMu(op, s, name, r.Bots[name], r.Merge)
			if err != nil {
				return nil, err
			}
			changes = append(changes, more...)
		}
		return changes, nil
	})
}

// applyBotMu makes one bot what its spec says, and returns what to write.
func (u *unlocked) applyBotMu(op string, s *snapshot, name string, spec policy.BotSpec, merge bool) (changes []change, err error) {
	old := s.bots[name]
	if old == nil || !reflect.DeepEqual(old.match, spec.Match) || old.role != spec.Role || old.suspended != 0 {
		b := newBot(name, record.Bot{Match: spec.Match, Role: spec.Role, Created: unixNow()})
		if old != nil {
			b.created = old.created
			for _, g := range old.grants {
				b.put(g)
			}
		}
		s.addBot(b)
		if changes, err = b.change(op, 0); err != nil {
			return nil, err
		}
	}
	for _, g := range spec.Grants {
		if have := s.bots[name].grants[g.Key]; have != nil && reflect.DeepEqual(have.spec, g) {
			continue
		}
		more, err := u.setGrantMu(op, s, name, g)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	if merge {
		return changes, nil
	}
	for _, label := range sortedKeys(s.bots[name].grants) {
		if slices.ContainsFunc(spec.Grants, func(g policy.GrantSpec) bool { return g.Key == label }) {
			continue
		}
		more, err := s.dropGrant(op, name, label)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}
