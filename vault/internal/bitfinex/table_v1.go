package bitfinex

import "bfxvault/vault/policy"

// endpointsV1 is the table of REST v1, which Bitfinex keeps alive for old clients.
// It never changes.
var endpointsV1 = [...]Endpoint{
	read("v1/account_infos", "account"),
	read("v1/balances", "wallets"),
	read("v1/credits", "funding"),
	read("v1/history", "history"),
	read("v1/history/movements", "history"),
	read("v1/margin_infos", "positions"),
	read("v1/mytrades", "orders"),
	read("v1/offer/status", "funding"),
	read("v1/offers", "funding"),
	read("v1/order/status", "orders"),
	read("v1/orders", "orders"),
	read("v1/orders/hist", "orders"),
	read("v1/positions", "positions"),
	read("v1/taken_funds", "funding"),
	read("v1/total_taken_funds", "funding"),
	write("v1/order/new", policy.Trade, "orders"),
	write("v1/order/new/multi", policy.Trade, "orders"),
	write("v1/order/cancel", policy.Cancel, "orders"),
	write("v1/order/cancel/all", policy.Cancel, "orders"),
	write("v1/order/cancel/multi", policy.Cancel, "orders"),
	write("v1/order/cancel/replace", policy.Trade, "orders"),
	write("v1/offer/new", policy.Funding, "funding"),
	write("v1/offer/cancel", policy.Cancel, "funding"),
	byName("v1/position/claim", policy.Trade, "positions"),
	write("v1/swap/close", policy.Funding, "funding"),
	byName("v1/deposit/new", policy.Settings, "wallets"),
	write("v1/transfer", policy.Withdraw, "wallets"),
	write("v1/withdraw", policy.Withdraw, "withdraw"),
	read("v1/account_security", "account?"),
	read("v1/key_info", "any"),
	read("v1/summary", "account"),
}
