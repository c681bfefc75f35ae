package policy

import "slices"

// RoleProxy is the role of vaultproxy itself.
const RoleProxy = "proxy"

// Check refuses a bot that could not be stored safely, with a *SpecError. Its
// grants are checked by GrantSpec.Compile.
func (b *BotSpec) Check() error {
	if b.Role != "" && b.Role != RoleProxy {
		return specError("role", `must be "proxy" or left out`)
	}
	if b.Role == RoleProxy {
		return specError("role", `"proxy" is not supported yet: leave it out`)
	}
	for _, m := range b.Match {
		if err := m.Check(); err != nil {
			return err
		}
	}
	for i, g := range b.Grants {
		if slices.ContainsFunc(b.Grants[:i], func(other GrantSpec) bool { return other.Key == g.Key }) {
			return specError("grants", "two grants on the API key %s: a bot has one for each", quoteBrief(g.Key))
		}
	}
	return nil
}
