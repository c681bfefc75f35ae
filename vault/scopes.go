package vault

import "bfxvault/vault/policy"

// Compared is what Bitfinex grants to a version of an API key, held against what the API
// key was declared to do.
type Compared struct {
	Beyond  policy.Class // granted, and not declared
	Missing policy.Class // declared, and not granted
	Moves   []string     // the scopes that move value, where Withdraw is in Beyond
	Unknown []string     // scopes that may write, of which this program does not know what
}

// Compare compares declared permissions with scopes.
func Compare(declared policy.Class, scopes []Scope) (c Compared) {
	var granted policy.Class
	for _, s := range scopes {
		if s.Read {
			granted |= policy.Read
		}
		if !s.Write {
			continue
		}
		class := classOfScope(s.Name)
		granted |= class
		switch {
		case class == 0:
			c.Unknown = append(c.Unknown, s.Name)
		case class == policy.Withdraw && declared&policy.Withdraw == 0:
			c.Moves = append(c.Moves, s.Name)
		}
	}
	c.Beyond, c.Missing = granted&^declared, declared&^granted
	return c
}

// classOfScope is what a scope may do where it may write
// (docs.bitfinex.com/reference/key-permissions); zero where that is not known. A transfer to
// another account asks for wallets, and not for withdraw.
func classOfScope(name string) policy.Class {
	switch name {
	case "orders", "positions":
		return policy.Trade
	case "funding":
		return policy.Funding
	case "withdraw", "ui_withdraw", "wallets", "eaas_withdraw", "eaas_deposit":
		return policy.Withdraw
	case "settings", "account", "bfxpay":
		return policy.Settings
	}
	return 0
}
