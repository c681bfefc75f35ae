package vault

import (
	"slices"

	"bfxvault/vault/policy"
)

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

// scopesOf lists the scopes by what it takes to write with them
// (docs.bitfinex.com/reference/key-permissions). A transfer to another account asks for
// wallets, and not for withdraw.
var scopesOf = map[policy.Class][]string{
	policy.Trade:    {"orders", "positions"},
	policy.Funding:  {"funding"},
	policy.Withdraw: {"withdraw", "ui_withdraw", "wallets", "eaas_withdraw", "eaas_deposit"},
	policy.Settings: {"settings", "account", "bfxpay"},
}

// classOfScope is what a scope may do where it may write; zero where that is not known.
func classOfScope(name string) policy.Class {
	for class, names := range scopesOf {
		if slices.Contains(names, name) {
			return class
		}
	}
	return 0
}
