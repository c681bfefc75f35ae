package sim

import "strings"

// Scopes is a set of the permissions that a Bitfinex API key is made with, for
// reading or for writing (docs.bitfinex.com/reference/key-permissions).
type Scopes uint8

// The permissions, in the order in which auth/r/permissions lists them.
const (
	Account Scopes = 1 << iota
	History
	Orders
	Positions
	Funding
	Settings
	Wallets
	Withdraw

	All Scopes = 1<<iota - 1
)

// scopeNames returns the names of the permissions, lowest bit first.
func scopeNames() []string {
	return []string{"account", "history", "orders", "positions", "funding", "settings", "wallets", "withdraw"}
}

// permissions is the answer of auth/r/permissions: [[SCOPE, READ, WRITE], …].
func (k Key) permissions() []any {
	var rows []any
	for i, name := range scopeNames() {
		bit := Scopes(1) << i
		rows = append(rows, []any{name, flag(k.Read&bit != 0), flag(k.Write&bit != 0)})
	}
	return rows
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rule says what a path that begins with prefix needs. A rule that needs
// nothing is open to every API key.
type rule struct {
	prefix      string
	read, write Scopes
}

// permits reports whether the key's scopes cover the path, by the first rule
// that fits. What no rule knows is refused.
func (x *Exchange) permits(k Key, path string) bool {
	for _, r := range x.rules {
		if strings.HasPrefix(path, r.prefix) {
			return r.read&^k.Read == 0 && r.write&^k.Write == 0
		}
	}
	return false
}

// scopeRules is the exchange's own view of which permission an endpoint needs,
// first match wins. Bitfinex documents no scope per endpoint: this follows the
// families of paths, and is kept apart from the vault's table on purpose.
func scopeRules() []rule {
	return []rule{
		{"v2/auth/r/permissions", 0, 0},
		{"v2/auth/w/token", 0, 0}, // bounded by the caps that it asks for
		{"v2/auth/r/info/margin", Positions, 0},
		{"v2/auth/r/info/funding", Funding, 0},
		{"v2/auth/r/info/", Account, 0},
		{"v2/auth/r/summary", Account, 0},
		{"v2/auth/r/logins", Account, 0},
		{"v2/auth/r/audit", Account, 0},
		{"v2/auth/r/stats", Account, 0},
		{"v2/auth/r/pulse", Account, 0},
		{"v2/auth/r/ledgers", History, 0},
		{"v2/auth/r/movements", History, 0},
		{"v2/auth/r/wallets", Wallets, 0},
		{"v2/auth/r/deposit", Wallets, 0},
		{"v2/auth/r/ext/invoice", Wallets, 0},
		{"v2/auth/r/ext/wallets", Wallets, 0},
		{"v2/auth/r/order", Orders, 0}, // and orders
		{"v2/auth/r/trades", Orders, 0},
		{"v2/auth/r/ext/recurring-ao", Orders, 0},
		{"v2/auth/calc/order", Orders, 0},
		{"v2/auth/r/position", Positions, 0}, // and positions
		{"v2/auth/calc/deriv", Positions, 0},
		{"v2/auth/r/funding", Funding, 0},
		{"v2/auth/r/alerts", Settings, 0},
		{"v2/auth/r/settings", Settings, 0},

		{"v2/auth/w/order/", 0, Orders},
		{"v2/auth/w/ext/recurring-ao", 0, Orders},
		{"v2/auth/w/position", 0, Positions},
		{"v2/auth/w/deriv/collateral/limits", Positions, 0}, // reads, for all its name
		{"v2/auth/w/deriv", 0, Positions},
		{"v2/auth/w/funding", 0, Funding},
		{"v2/auth/w/alert", 0, Settings},
		{"v2/auth/w/settings", 0, Settings},
		{"v2/auth/w/pulse", 0, Account},
		{"v2/auth/w/transfer", 0, Wallets},
		{"v2/auth/w/deposit", 0, Wallets},
		{"v2/auth/w/ext/wallets", 0, Withdraw},
		{"v2/auth/w/withdraw", 0, Withdraw},

		{"v1/key_info", 0, 0},
		{"v1/account_infos", Account, 0},
		{"v1/account_security", Account, 0},
		{"v1/summary", Account, 0},
		{"v1/history", History, 0},
		{"v1/balances", Wallets, 0},
		{"v1/transfer", 0, Wallets},
		{"v1/deposit", 0, Wallets},
		{"v1/withdraw", 0, Withdraw},
		{"v1/mytrades", Orders, 0},
		{"v1/orders", Orders, 0},
		{"v1/order/status", Orders, 0},
		{"v1/order/", 0, Orders},
		{"v1/margin_infos", Positions, 0},
		{"v1/positions", Positions, 0},
		{"v1/position/", 0, Positions},
		{"v1/credits", Funding, 0},
		{"v1/offers", Funding, 0},
		{"v1/offer/status", Funding, 0},
		{"v1/taken_funds", Funding, 0},
		{"v1/total_taken_funds", Funding, 0},
		{"v1/offer/", 0, Funding},
		{"v1/swap/", 0, Funding},
	}
}
