package policy

import "strings"

// RoleProxy is the role of vaultproxy itself.
const RoleProxy = "proxy"

// IsName says whether a text can be a bot's name or an API key's label: 1 to 32 of a to
// z, 0 to 9 and "-", one spelling each, nothing to fold, escape or confuse (A29, A30).
func IsName(name string) bool {
	odd := strings.IndexFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
	return len(name) >= 1 && len(name) <= 32 && odd < 0
}

// Check refuses a bot that could not be stored safely, with a *SpecError. Its
// grants are checked by GrantSpec.Compile.
func (b *BotSpec) Check() error {
	if b.Role != "" && b.Role != RoleProxy {
		return specError("role", `must be "proxy" or left out`)
	}
	if b.Role == RoleProxy && len(b.Match) == 0 {
		return specError("role", `"proxy" needs a match: what vaultproxy says of others counts`)
	}
	for _, m := range b.Match {
		if err := m.Check(); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(b.Grants))
	for i := range b.Grants {
		key := b.Grants[i].Key
		if seen[key] {
			return specError("grants", "two grants on the API key %s: a bot has one for each", quoteBrief(key))
		}
		seen[key] = true
	}
	return nil
}
