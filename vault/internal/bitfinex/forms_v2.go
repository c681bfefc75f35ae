package bitfinex

import "bfxvault/vault/policy"

// Lists of fields that several endpoints share. Sources: docs.bitfinex.com/reference,
// and what ccxt, bfx-api-node-rest, bfx-api-node-models and bitfinex-api-py send.
var (
	submitForm = &form{
		action: policy.Submit, needs: setOf(slotType, slotSymbol, slotAmount),
		fields: []field{
			{"type", isType, slotType},
			{"symbol", isPair, slotSymbol},
			{"amount", isAmount, slotAmount},
			{"price", isNumber, slotPrice},
			{"flags", isFlags, slotFlags},
			{"cid", isOrderID, slotCID},
			{"meta", isMeta, slotNone},
			{"lev", isLev, slotLeverage},
			{"price_trailing", isNumber, slotTrailing},
			{"price_aux_limit", isNumber, slotAux},
			{"price_oco_stop", isNumber, slotStop},
			{"cid_oco", isOrderID, slotStopCID},
			{"gid", isOrderID, slotNone},
			{"tif", isMoment, slotNone},
		},
	}
	updateForm = &form{
		action: policy.Update, closing: closeTarget,
		fields: []field{
			{"id", isOrderID, slotID},
			{"amount", isAmount, slotAmount},
			{"price", isNumber, slotPrice},
			{"flags", isFlags, slotFlags},
			{"cid", isOrderID, slotCID},
			{"cid_date", isDate, slotDay},
			{"delta", isAmount, slotDelta},
			{"meta", isMeta, slotNone},
			{"lev", isLev, slotLeverage},
			{"price_trailing", isNumber, slotTrailing},
			{"price_aux_limit", isNumber, slotAux},
			{"price_oco_stop", isNumber, slotStop}, // of bfx-api-node-models' update
			{"gid", isOrderID, slotNone},
			{"tif", isMoment, slotNone},
		},
	}
	cancelForm = &form{
		action: policy.Retract, closing: closeTarget,
		fields: []field{
			{"id", isOrderID, slotID},
			{"cid", isOrderID, slotCID},
			{"cid_date", isDate, slotDay},
			{"cidDate", isDate, slotDayAgain}, // ccxt leaves it beside the other
		},
	}
	cancelMultiForm = &form{
		action: policy.Retract, closing: closeList,
		fields: []field{
			{"id", isOrderIDs, slotList},
			{"cid", isCIDs, slotList},
			{"gid", isOrderIDs, slotList},
			{"all", isBit, slotList},
		},
	}
	idForm      = &form{action: policy.Retract, needs: setOf(slotID), fields: []field{{"id", isOrderID, slotID}}}
	convertForm = &form{fields: []field{{"baseCcy", isWord, slotNone}, {"convertCcy", isWord, slotNone}}}
	textIDForm  = &form{fields: []field{{"id", isText, slotNone}}}
)

// metaFields are the members of an order's meta object.
var metaFields = []field{
	{"aff_code", isWord, slotAffCode},
	{"protect_selfmatch", isBit, slotNone},
	{"make_visible", isBit, slotNone},
}

// algoFields are those of a recurring order. Whether its amount is in the base or the
// quote currency depends: it is not handed to the rules, so those for amounts refuse.
var algoFields = []field{
	{"algoOrderId", isAnything, slotNone},
	{"alias", isText, slotNone},
	{"_symbol", isPair, slotSymbol},
	{"currency", isMoney, slotNone},
	{"action", isWord, slotNone},
	{"amount", isAmount, slotNone},
	{"recurrence", isWord, slotNone},
	{"startedAt", isAnything, slotNone},
	{"endedAt", isAnything, slotNone},
	{"endless", isBit, slotNone},
}

// formsV2 has the form of every write of REST v2, by pattern, but for those that no
// grant can allow. It never changes.
var formsV2 = map[string]*form{
	"v2/auth/w/order/submit":       submitForm,
	"v2/auth/w/order/update":       updateForm,
	"v2/auth/w/order/cancel":       cancelForm,
	"v2/auth/w/order/cancel/multi": cancelMultiForm,
	"v2/auth/w/order/multi":        {needs: setOf(slotList), fields: []field{{"ops", isOps, slotList}}},

	"v2/auth/w/ext/recurring-ao/create":               {action: policy.Algo, needs: setOf(slotSymbol), fields: algoFields},
	"v2/auth/w/ext/recurring-ao/update/{algoOrderId}": {action: policy.Algo, fields: algoFields},
	"v2/auth/w/ext/recurring-ao/cancel/{algoOrderId}": {action: policy.Retract},

	"v2/auth/w/position/claim": {needs: setOf(slotID), fields: []field{
		{"id", isOrderID, slotID}, {"amount", isAmount, slotAmount},
	}},
	"v2/auth/w/position/increase": {needs: setOf(slotSymbol, slotAmount), fields: []field{
		{"symbol", isPair, slotSymbol}, {"amount", isAmount, slotAmount},
	}},
	"v2/auth/w/position/update/funding/type": {needs: setOf(slotSymbol), fields: []field{
		{"symbol", isPair, slotSymbol}, {"type", isCount, slotNone},
	}},
	"v2/auth/w/deriv/collateral/set": {needs: setOf(slotSymbol), fields: []field{
		{"symbol", isPair, slotSymbol}, {"collateral", isNumber, slotNone},
	}},
	"v2/auth/w/deriv/collateral/limits": {needs: setOf(slotSymbol), fields: []field{{"symbol", isPair, slotSymbol}}},

	"v2/auth/w/funding/offer/submit": {action: policy.Offer, needs: setOf(slotSymbol, slotAmount), fields: []field{
		{"type", isWord, slotNone},
		{"symbol", isFund, slotSymbol},
		{"amount", isAmount, slotAmount},
		{"rate", isNumber, slotNone},
		{"period", isCount, slotNone},
		{"flags", isFlags, slotFlags},
		{"meta", isMeta, slotNone},
	}},
	"v2/auth/w/funding/offer/cancel": idForm,
	"v2/auth/w/funding/offer/cancel/all": {action: policy.Retract, fields: []field{
		{"currency", isFundMoney, slotSymbol},
	}},
	"v2/auth/w/funding/close": {needs: setOf(slotID), fields: []field{
		{"id", isOrderID, slotID}, {"type", isWord, slotNone},
	}},
	"v2/auth/w/funding/auto": {needs: setOf(slotSymbol), fields: []field{
		{"status", isBit, slotNone},
		{"currency", isFundMoney, slotSymbol},
		{"amount", isPositive, slotAmount},
		{"rate", isNumber, slotNone},
		{"period", isCount, slotNone},
	}},
	"v2/auth/w/funding/keep": {fields: []field{
		{"type", isWord, slotNone}, {"id", isOrderIDs, slotList}, {"changes", isObject, slotNone},
	}},

	"v2/auth/w/transfer": {action: policy.Transfer, closing: closeTransfer, needs: setOf(slotCurrency, slotAmount), fields: []field{
		{"from", isWord, slotFrom},
		{"to", isWord, slotTo},
		{"currency", isMoney, slotCurrency},
		{"currency_to", isMoney, slotNone},
		{"amount", isPositive, slotAmount},
		{"email_dst", isWord, slotExternal},
		{"user_id_dst", isAnything, slotExternal},
		{"tfaToken", isAnything, slotExternal},
	}},
	"v2/auth/w/withdraw": {action: policy.Withdrawal, closing: closeWithdraw, needs: setOf(slotMethod, slotAmount), fields: []field{
		{"wallet", isWord, slotFrom},
		{"method", isMethod, slotMethod},
		{"amount", isPositive, slotAmount},
		{"address", isWord, slotAddress},
		{"invoice", isText, slotRouting},
		{"payment_id", isText, slotRouting},
		{"fee_deduct", isBit, slotNone},
		{"note", isText, slotRouting},
		{"travel_rule_tos", isBit, slotNone},
		{"vasp_did", isText, slotNone},
		{"vasp_name", isText, slotNone},
		{"beneficiary_self", isBit, slotNone},
		{"dest_firstname", isText, slotNone},
		{"dest_lastname", isText, slotNone},
		{"dest_corp_name", isText, slotNone},
	}},
	"v2/auth/w/deposit/address": {fields: []field{
		{"wallet", isWord, slotNone}, {"method", isWord, slotNone}, {"op_renew", isBit, slotNone},
	}},
	"v2/auth/w/deposit/invoice": {fields: []field{
		{"wallet", isWord, slotNone}, {"currency", isMoney, slotNone}, {"amount", isPositive, slotNone},
	}},
	// Bitfinex documents neither: all their fields are unread.
	"v2/auth/w/ext/wallets/deposits/request":    {},
	"v2/auth/w/ext/wallets/withdrawals/request": {},

	"v2/auth/w/alert/set": {fields: []field{
		{"type", isWord, slotNone}, {"symbol", isEither, slotSymbol}, {"price", isNumber, slotNone},
	}},
	"v2/auth/w/alert/del": {fields: []field{
		{"symbol", isEither, slotSymbol}, {"price", isNumber, slotNone},
	}},
	"v2/auth/w/alert/price:{symbol}:{price}/del":  {},
	"v2/auth/w/alert/{type}:{symbol}:{price}/del": {},
	"v2/auth/w/settings/set":                      {fields: []field{{"settings", isObject, slotNone}}},
	"v2/auth/w/settings/del":                      {fields: []field{{"keys", isTexts, slotNone}}},
	"v2/auth/w/pulse/add": {fields: []field{
		{"title", isText, slotNone},
		{"content", isText, slotNone},
		{"parent", isText, slotNone},
		{"isPin", isBit, slotNone},
		{"isPublic", isBit, slotNone},
		{"disableComments", isBit, slotNone},
		{"attachments", isTexts, slotNone},
	}},
	"v2/auth/w/pulse/del": {fields: []field{{"pid", isText, slotNone}}},

	"v2/auth/w/ext/pay/invoice/create": {fields: []field{
		{"amount", isAmount, slotNone},
		{"currency", isMoney, slotNone},
		{"orderId", isText, slotNone},
		{"customerInfo", isObject, slotNone},
		{"payCurrencies", isTexts, slotNone},
		{"duration", isCount, slotNone},
		{"webhook", isText, slotNone},
		{"redirectUrl", isText, slotNone},
	}},
	"v2/auth/w/ext/pay/invoice/complete": {fields: []field{
		{"id", isText, slotNone},
		{"payCcy", isWord, slotNone},
		{"depositId", isCount, slotNone},
		{"ledgerId", isCount, slotNone},
	}},
	"v2/auth/w/ext/pay/invoice/expire":          textIDForm,
	"v2/auth/w/ext/pay/settings/convert/create": convertForm,
	"v2/auth/w/ext/pay/settings/convert/remove": convertForm,
	"v2/auth/w/ext/pay/settings/set": {fields: []field{
		{"key", isText, slotNone}, {"val", isAnything, slotNone},
	}},
}
