package policyfile

import (
	"fmt"
	"slices"

	"bfxvault/vault/policy"
)

// Advice says where a policy that is right may not be what was meant: rules that
// bound less than they seem to. One sentence each, bots by name.
func Advice(bots map[string]policy.BotSpec) []string {
	var advice []string
	for _, name := range names(bots) {
		for _, m := range bots[name].Match {
			if m.UID == nil && m.Unit == "" && (m.Exe != "" || m.SHA256 != nil) {
				advice = append(advice, name+": a match by exe or sha256 alone takes every script of an interpreter, and whatever is preloaded, for the bot: add uid or unit")
			}
		}
		for _, g := range bots[name].Grants {
			for _, sentence := range adviceOn(&g) {
				advice = append(advice, fmt.Sprintf("%s on %s: %s", name, g.Key, sentence))
			}
		}
	}
	return advice
}

func adviceOn(g *policy.GrantSpec) (advice []string) {
	allows := func(class string) bool { return slices.Contains(g.Allow, class) }
	switch {
	case !allows("trade"):
	case g.DailyNotional != nil && g.PriceBand == nil:
		advice = append(advice, "daily_notional goes by the price that an order names, and a sale at a price near zero counts as nothing: add price_band")
	case g.MaxNotional != nil && g.PriceBand == nil && g.MaxOrder == nil:
		advice = append(advice, "max_notional goes by the price that an order names, and a sale at a price near zero counts as nothing: add max_order or price_band")
	case g.Symbols == nil && g.MaxOrder == nil && g.MaxNotional == nil && g.DailyNotional == nil && g.PriceBand == nil:
		advice = append(advice, "trade without symbols, max_order, max_notional or price_band is any order in any pair")
	}
	if allows("withdraw") && (g.Withdraw == nil || g.Withdraw.Addresses == nil) {
		advice = append(advice, "withdraw without withdraw.addresses goes to any address, and transfers to any account")
	}
	return advice
}
