package bitfinex

import "bfxvault/vault/policy"

// orderFieldsV1 are those of a new order. Sources: docs.bitfinex.com/v1/reference,
// and what bfx-api-node-rest and older ccxt send.
var orderFieldsV1 = []field{
	{"symbol", isPairV1, slotSymbol},
	{"amount", isPositive, slotAmount},
	{"price", isNumber, slotPrice},
	{"exchange", isWord, slotNone},
	{"side", isSideV1, slotSide},
	{"type", isTypeV1, slotType},
	{"is_hidden", isBit, slotHidden},
	{"is_postonly", isBit, slotPostOnly},
	{"post_only", isBit, slotPostOnly}, // of bfx-api-node-rest
	{"use_all_available", isOff, slotNone},
	{"ocoorder", isBit, slotOCO},
	{"buy_price_oco", isNumber, slotBuyStop},
	{"sell_price_oco", isNumber, slotSellStop},
	{"lev", isLev, slotLeverage},
}

// needsV1 is what a new order cannot do without. Not a price: one that is absent
// cannot be judged, as in REST v2.
var needsV1 = setOf(slotSymbol, slotAmount, slotSide, slotType)

var newOrderV1 = &form{action: policy.Submit, closing: closeOrderV1, needs: needsV1, fields: orderFieldsV1}

// formsV1 has the form of every write of REST v1, by pattern. It never changes.
var formsV1 = map[string]*form{
	"v1/order/new":       newOrderV1,
	"v1/order/new/multi": {needs: setOf(slotList), fields: []field{{"orders", isOrdersV1, slotList}}},
	"v1/order/cancel/replace": {
		action: policy.Submit, closing: closeOrderV1, needs: needsV1 | setOf(slotList),
		fields: append([]field{
			{"order_id", isOrderID, slotList},
			{"use_remaining", isOff, slotNone}, // would leave the amount unread
		}, orderFieldsV1...),
	},
	"v1/order/cancel":       {action: policy.Retract, needs: setOf(slotID), fields: []field{{"order_id", isOrderID, slotID}}},
	"v1/order/cancel/multi": {action: policy.Retract, needs: setOf(slotList), fields: []field{{"order_ids", isOrderIDs, slotList}}},
	"v1/order/cancel/all":   {action: policy.Retract},

	"v1/offer/new": {
		action: policy.Offer, closing: closeOfferV1, needs: setOf(slotSymbol, slotAmount, slotDirection),
		fields: []field{
			{"currency", isFundV1, slotSymbol},
			{"amount", isPositive, slotAmount},
			{"rate", isNumber, slotNone},
			{"period", isCount, slotNone},
			{"direction", isDirectionV1, slotDirection},
		},
	},
	"v1/offer/cancel": {action: policy.Retract, needs: setOf(slotID), fields: []field{{"offer_id", isOrderID, slotID}}},
	"v1/swap/close":   {needs: setOf(slotID), fields: []field{{"swap_id", isOrderID, slotID}}},

	"v1/position/claim": {needs: setOf(slotID), fields: []field{
		{"position_id", isOrderID, slotID}, {"amount", isAmount, slotAmount},
	}},
	"v1/deposit/new": {fields: []field{
		{"currency", isWord, slotNone},
		{"method", isWord, slotNone},
		{"wallet_name", isWord, slotNone},
		{"renew", isBit, slotNone},
	}},
	"v1/transfer": {action: policy.Transfer, closing: closeTransfer, needs: setOf(slotCurrency, slotAmount), fields: []field{
		{"amount", isPositive, slotAmount},
		{"currency", isMoneyV1, slotCurrency},
		{"walletfrom", isWord, slotFrom},
		{"walletto", isWord, slotTo},
		{"walletFrom", isWord, slotFrom}, // of bfx-api-node-rest
		{"walletTo", isWord, slotTo},
	}},
	"v1/withdraw": {action: policy.Withdrawal, closing: closeWithdraw, needs: setOf(slotMethod, slotAmount), fields: []field{
		{"withdraw_type", isMethod, slotMethod},
		{"withdrawType", isMethod, slotMethod}, // of bfx-api-node-rest
		{"walletselected", isWord, slotFrom},
		{"walletSelected", isWord, slotFrom},
		{"amount", isPositive, slotAmount},
		{"address", isWord, slotAddress},
		{"payment_id", isText, slotRouting},
	}},
}
