package api

import (
	"math"
	"os"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// Strict conversion between the wire and the domain. What a domain value cannot
// hold is refused here and nowhere else.

func toParams(p *pb.Argon2Params) (vault.Argon2Params, error) {
	if p.GetThreads() > math.MaxUint8 {
		return vault.Argon2Params{}, invalid("params.threads", "at most 255 lanes")
	}
	return vault.Argon2Params{Time: p.GetTime(), MemoryKiB: p.GetMemoryKib(), Threads: uint8(p.GetThreads())}, nil
}

func toSalt(b []byte) (salt [16]byte, err error) {
	if len(b) != len(salt) {
		return salt, invalid("salt", "a salt is 16 bytes")
	}
	return [16]byte(b), nil
}

func toSealed(s *pb.Sealed) (vault.Sealed, error) {
	const maxBox = 1 << 12
	if s == nil || len(s.Box) == 0 || len(s.Box) > maxBox {
		return vault.Sealed{}, invalid("sealed", "a sealed secret is 1 to 4096 bytes")
	}
	return vault.Sealed{ID: s.Id, Box: s.Box}, nil
}

func toProof(p *pb.Proof) (vault.Proof, error) {
	var proof vault.Proof
	if p == nil {
		return proof, invalid("proof", "this operation needs a proof")
	}
	if len(p.Mac) != len(proof.MAC) {
		return proof, invalid("proof.mac", "a proof is 32 bytes")
	}
	return vault.Proof{ID: p.Id, Slot: p.Slot, MAC: [32]byte(p.Mac)}, nil
}

func toClasses(field string, words []string) (policy.Class, error) {
	classes, err := policy.ParseClasses(words)
	if err != nil {
		return 0, invalid(field, "unknown permission: use read, trade, cancel, funding, withdraw, settings")
	}
	return classes, nil
}

func toMatches(list []*pb.Match) ([]policy.Match, error) {
	matches := make([]policy.Match, 0, len(list))
	for _, m := range list {
		match := policy.Match{UID: m.Uid, GID: m.Gid, Unit: m.GetUnit(), Exe: m.GetExe()}
		switch sum := m.GetSha256(); len(sum) {
		case 0:
		case len(policy.Digest{}):
			digest := policy.Digest(sum)
			match.SHA256 = &digest
		default:
			return nil, invalid("match.sha256", "a SHA-256 is 32 bytes")
		}
		matches = append(matches, match)
	}
	return matches, nil
}

// Matches are matches as the wire has them.
func Matches(list []policy.Match) []*pb.Match {
	matches := make([]*pb.Match, 0, len(list))
	for _, m := range list {
		match := &pb.Match{Uid: m.UID, Gid: m.GID, Unit: m.Unit, Exe: m.Exe}
		if m.SHA256 != nil {
			match.Sha256 = m.SHA256[:]
		}
		matches = append(matches, match)
	}
	return matches
}

func fromSlot(s vault.Slot) *pb.Slot {
	return &pb.Slot{
		Id: s.ID, Kind: s.Kind, Salt: s.Salt[:], Created: s.Created,
		Params: &pb.Argon2Params{Time: s.Params.Time, MemoryKib: s.Params.MemoryKiB, Threads: uint32(s.Params.Threads)},
	}
}

func fromSetup(s vault.Setup) *pb.Setup {
	return &pb.Setup{
		Uid: uint32(os.Geteuid()), Memory: s.Memory, MemlockLimit: s.MemlockLimit, MemlockUsed: s.MemlockUsed,
		Synced: s.Synced, Anchor: s.Anchor, Journal: s.Journal,
	}
}

func fromKey(k vault.APIKey) *pb.ApiKey {
	key := &pb.ApiKey{Label: k.Label, Permissions: k.Permissions.Words(), Bots: k.Bots}
	for _, v := range k.Versions {
		version := &pb.KeyVersion{
			Version: v.Version, ApiKey: v.APIKey, State: v.State, Created: v.Created, Held: v.Held,
			Retires: v.Retires, Verified: v.Verified,
		}
		for _, scope := range v.Scopes {
			version.Scopes = append(version.Scopes, &pb.Scope{Name: scope.Name, Read: scope.Read, Write: scope.Write})
		}
		key.Versions = append(key.Versions, version)
	}
	return key
}

func fromBot(b vault.Bot) *pb.Bot {
	bot := &pb.Bot{Name: b.Name, Matches: Matches(b.Match), Role: b.Role, Created: b.Created, Suspended: b.Suspended, Removed: b.Removed, LastUsed: b.LastUsed}
	for _, g := range b.Grants {
		bot.Grants = append(bot.Grants, fromGrant(g))
	}
	for _, g := range b.Former {
		bot.Former = append(bot.Former, fromGrant(g))
	}
	return bot
}

func fromGrant(g vault.Grant) *pb.Grant {
	return &pb.Grant{Spec: string(vault.GrantText(g.Spec)), Left: fromLeft(g.Left), Created: g.Created, Revoked: g.Revoked}
}

func fromBotGrants(b vault.Bot) *pb.BotGrants {
	bot := &pb.BotGrants{Bot: b.Name, Suspended: b.Suspended}
	for _, g := range b.Grants {
		bot.Grants = append(bot.Grants, &pb.UsableGrant{
			Label: g.Spec.Key, Allow: g.Spec.Allow, Spec: string(vault.GrantText(g.Spec)), Left: fromLeft(g.Left),
		})
	}
	return bot
}

func fromLeft(l vault.Left) *pb.Left {
	left := &pb.Left{Rate: l.Rate, CancelRate: l.CancelRate, DailyRequests: l.Requests}
	if !l.DayEnds.IsZero() {
		left.DayEnds = l.DayEnds.Unix()
	}
	for currency, value := range l.Notional {
		if left.DailyNotional == nil {
			left.DailyNotional = make(map[string]string, len(l.Notional))
		}
		left.DailyNotional[currency] = value.String()
	}
	return left
}
