package bitfinex_test

import (
	"strings"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

// parse reads a request to REST v2 into a fresh policy.Request.
func parse(path string, body []byte) (policy.Request, error) {
	var r policy.Request
	err := bitfinex.Parse(&r, path, body)
	return r, err
}

// parseV1 reads a request to REST v1 likewise.
func parseV1(path string, params []byte) (policy.Request, error) {
	var r policy.Request
	err := bitfinex.ParseV1(&r, path, params)
	return r, err
}

// parseAny calls the parser of the path's version.
func parseAny(path, body string) (policy.Request, error) {
	if strings.HasPrefix(path, "v1/") {
		return parseV1(path, []byte(body))
	}
	return parse(path, []byte(body))
}

// leasts has, for each write that needs fields, the least body that it takes.
var leasts = map[string]string{
	"v2/auth/w/order/submit":                 `{"type":"LIMIT","symbol":"tBTCUSD","amount":"1"}`,
	"v2/auth/w/order/update":                 `{"id":1}`,
	"v2/auth/w/order/cancel":                 `{"id":1}`,
	"v2/auth/w/order/cancel/multi":           `{"all":1}`,
	"v2/auth/w/order/multi":                  `{"ops":[["on",{"type":"LIMIT","symbol":"tBTCUSD","amount":"1"}]]}`,
	"v2/auth/w/ext/recurring-ao/create":      `{"_symbol":"tBTCUSD"}`,
	"v2/auth/w/position/claim":               `{"id":1}`,
	"v2/auth/w/position/increase":            `{"symbol":"tBTCUSD","amount":"1"}`,
	"v2/auth/w/position/update/funding/type": `{"symbol":"tBTCUSD"}`,
	"v2/auth/w/deriv/collateral/set":         `{"symbol":"tBTCF0:USTF0"}`,
	"v2/auth/w/deriv/collateral/limits":      `{"symbol":"tBTCF0:USTF0"}`,
	"v2/auth/w/funding/offer/submit":         `{"symbol":"fUSD","amount":"1"}`,
	"v2/auth/w/funding/offer/cancel":         `{"id":1}`,
	"v2/auth/w/funding/close":                `{"id":1}`,
	"v2/auth/w/funding/auto":                 `{"currency":"USD"}`,
	"v2/auth/w/transfer":                     `{"currency":"USD","amount":"1"}`,
	"v2/auth/w/withdraw":                     `{"method":"bitcoin","amount":"1"}`,
	"v1/order/new":                           `{"symbol":"btcusd","amount":"1","side":"buy","type":"limit"}`,
	"v1/order/new/multi":                     `{"orders":[{"symbol":"btcusd","amount":"1","side":"buy","type":"limit"}]}`,
	"v1/order/cancel/replace":                `{"order_id":1,"symbol":"btcusd","amount":"1","side":"buy","type":"limit"}`,
	"v1/order/cancel":                        `{"order_id":1}`,
	"v1/order/cancel/multi":                  `{"order_ids":[1]}`,
	"v1/offer/new":                           `{"currency":"usd","amount":"1","direction":"lend"}`,
	"v1/offer/cancel":                        `{"offer_id":1}`,
	"v1/swap/close":                          `{"swap_id":1}`,
	"v1/position/claim":                      `{"position_id":1}`,
	"v1/transfer":                            `{"currency":"usd","amount":"1"}`,
	"v1/withdraw":                            `{"withdraw_type":"bitcoin","amount":"1"}`,
}

// leastOf returns the least body that an endpoint takes.
func leastOf(pattern string) string {
	if body, ok := leasts[pattern]; ok {
		return body
	}
	return "{}"
}

// parsePath parses a path with the least body of the endpoint that it is.
func parsePath(path string) (policy.Request, error) { return parseAny(path, leastOf(path)) }
