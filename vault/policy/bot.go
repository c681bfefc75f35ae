package policy

import "strings"

// The roles of vaultproxy itself. It is believed about which user a request comes from,
// and which ids Bitfinex has given to orders.
const (
	// RoleProxy needs a uid that no other bot has: another could say so in its place.
	RoleProxy = "proxy"
	// RoleProxySameUID goes without one, to try it out.
	RoleProxySameUID = "proxy-insecure-same-uid"
)

// IsProxy says whether a role is one of vaultproxy's.
func IsProxy(role string) bool { return role == RoleProxy || role == RoleProxySameUID }

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
	if b.Role != "" && !IsProxy(b.Role) {
		return specError("role", `must be "proxy", "proxy-insecure-same-uid", or left out`)
	}
	if IsProxy(b.Role) && len(b.Match) == 0 {
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
