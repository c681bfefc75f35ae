"""Writes down what bitfinex-api-py 3.0.5 sends.

The package is not installed here: the names of the fields, their order and what
becomes of None, bool, float and Decimal are those of the package (its
_utils/json_encoder.py and rest/_interfaces/rest_auth_endpoints.py), and the text is
Python's own json.dumps, as in the package. An absent body is sent as no bytes at
all, and one that is empty once None is dropped as {}.
"""

import datetime
import json
from decimal import Decimal

TODAY = datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def plain(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: v for k, v in ((k, plain(v)) for k, v in value.items()) if v is not None}
    return value


def post(grant, name, path, body=None, **more):
    text = json.dumps(plain(body)) if body else ""
    line = {"client": "bitfinex-api-py 3.0.5", "name": name, "grant": grant, "api": "v2", "path": "v2/auth/" + path,
            "body": text.replace(TODAY, "@TODAY@"), **more}
    print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def history(start=None, end=None, limit=None):
    return {"start": start, "end": end, "limit": limit}


# Reads.
post("reader", "get_user_info", "r/info/user")
post("reader", "get_login_history", "r/logins/hist")
post("reader", "get_wallets", "r/wallets")
post("reader", "get_balance_available_for_orders_or_offers", "calc/order/avail", {"symbol": "tBTCUSD", "type": "EXCHANGE", "dir": 1, "rate": "60000", "lev": None})
post("reader", "get_orders", "r/orders", {"id": None})
post("reader", "get_orders of a symbol", "r/orders/tBTCUSD", {"id": [95412102131]})
post("reader", "get_orders_history", "r/orders/hist", {"id": None, **history()})
post("reader", "get_orders_history of a symbol", "r/orders/tBTCUSD/hist", {"id": None, **history("1764000000000", None, 25)})
post("reader", "get_order_trades", "r/order/tBTCUSD:95412102131/trades")
post("reader", "get_trades_history", "r/trades/tBTCUSD/hist", {"sort": -1, **history("1764000000000", "1764086400000", 100)})
post("reader", "get_ledgers", "r/ledgers/USD/hist", {"category": 28, **history()})
post("reader", "get_base_margin_info", "r/info/margin/base")
post("reader", "get_symbol_margin_info", "r/info/margin/tBTCUSD")
post("reader", "get_all_symbols_margin_info", "r/info/margin/sym_all")
post("reader", "get_positions", "r/positions")
post("reader", "get_positions_history", "r/positions/hist", history(limit=10))
post("reader", "get_positions_snapshot", "r/positions/snap", history())
post("reader", "get_positions_audit", "r/positions/audit", {"ids": [142355652], **history()})
post("reader", "get_increase_position_info", "r/position/increase/info", {"symbol": "tBTCUSD", "amount": 0.0001})
post("reader", "get_derivative_position_collateral_limits", "calc/deriv/collateral/limit", {"symbol": "tBTCF0:USTF0"})
post("reader", "get_funding_offers", "r/funding/offers/fUSD")
post("reader", "get_funding_offers_history", "r/funding/offers/hist", history())
post("reader", "get_funding_loans", "r/funding/loans/fUSD")
post("reader", "get_funding_credits", "r/funding/credits")
post("reader", "get_funding_trades_history", "r/funding/trades/fUSD/hist", {"sort": None, **history(limit=5)})
post("reader", "get_funding_info", "r/info/funding/fUSD")
post("reader", "get_movements", "r/movements/BTC/hist", history())
post("reader", "get_invoices", "r/ext/pay/invoices", {"id": None, **history(limit=5)})


# Orders.
def order(type, symbol, amount, price, **more):
    body = {"type": type, "symbol": symbol, "amount": amount, "price": price}
    for name in ("lev", "price_trailing", "price_aux_limit", "price_oco_stop", "gid", "cid", "flags", "tif", "meta"):
        body[name] = more.get(name)
    return body


def submit(grant, name, *args, **more):
    post(grant, "submit_order " + name, "w/order/submit", order(*args, **more))


submit("maker", "limit", "EXCHANGE LIMIT", "tBTCUSD", 0.0125, 59875.5)
submit("maker", "limit of texts", "EXCHANGE LIMIT", "tBTCUSD", "-0.25", "61234")
submit("maker", "limit of decimals", "EXCHANGE LIMIT", "tETHUSD", Decimal("1.2345678901"), Decimal("3012.30"))
submit("maker", "limit of a tiny float", "EXCHANGE LIMIT", "tETHUSD", 1e-7, 3000.0)
submit("maker", "limit of whole numbers", "EXCHANGE LIMIT", "tETHUSD", 2, 3000)
submit("maker", "limit hidden, by flags", "EXCHANGE LIMIT", "tBTCUSD", 0.1, 60000.5, flags=64)
submit("maker", "limit with cid and gid", "EXCHANGE LIMIT", "tBTCUSD", 0.1, 60000.5, gid=77, cid=1764043000001)
submit("maker", "limit with tif", "EXCHANGE LIMIT", "tBTCUSD", 0.1, 60000.5, tif="2027-01-31 23:59:59")
submit("maker", "limit with an affiliate code", "EXCHANGE LIMIT", "tBTCUSD", 0.1, 60000.5, meta={"aff_code": "AFFCODE1"})
submit("maker", "limit with an OCO stop", "EXCHANGE LIMIT", "tBTCUSD", -0.1, 61500.0, price_oco_stop="58000", flags=16384)
submit("maker", "stop limit", "EXCHANGE STOP LIMIT", "tBTCUSD", "-0.1", "58500", price_aux_limit="58400")
submit("maker", "IOC", "EXCHANGE IOC", "tBTCUSD", "0.1", "60100")
submit("maker", "FOK", "EXCHANGE FOK", "tBTCUSD", "0.1", "60100")
submit("taker", "market", "EXCHANGE MARKET", "tBTCUSD", 0.05, "0")
submit("taker", "stop", "EXCHANGE STOP", "tBTCUSD", -0.05, 55000)
submit("taker", "trailing stop", "EXCHANGE TRAILING STOP", "tBTCUSD", "-0.05", "0", price_trailing=250.25)
submit("leveraged", "derivative", "LIMIT", "tBTCF0:USTF0", "0.015", "60500", lev=10)
submit("leveraged", "derivative reduce only", "LIMIT", "tETHF0:USTF0", "-0.5", "3100", flags=1024, lev=5)
submit("leveraged", "margin market", "MARKET", "tBTCUSD", "0.015", "0")
submit("leveraged", "margin stop limit", "STOP LIMIT", "tBTCUSD", "0.015", "62000", price_aux_limit=62100.5)


def update(grant, name, id=None, **more):
    body = {"id": id}
    for field in ("amount", "price", "cid", "cid_date", "gid", "flags", "lev", "delta", "price_aux_limit", "price_trailing", "tif"):
        body[field] = more.pop(field, None)
    post(grant, "update_order " + name, "w/order/update", body, **more)


update("updater", "of amount and price", 95412102131, amount=0.02, price=59000.0)
update("updater", "by delta", 95412102131, delta=Decimal("-0.001"))
update("updater", "with flags and tif", 95412102131, flags=4096, tif="2027-01-31 23:59:59", price="59000")
update("updater", "with leverage and a group", 95412102131, lev=3, gid=77, price="59000")
update("updater", "with a distance", 95412102131, price_trailing=300.5)
update("updater", "with an auxiliary price", 95412102131, price_aux_limit="58000")
update("maker", "by cid", cid=1764043000001, cid_date=TODAY, price="60050", after=["submit_order limit with cid and gid"])
update("maker", "of the amount by cid", cid=1764043000001, cid_date=TODAY, amount=0.15, after=["submit_order limit with cid and gid"])

# Cancels.
post("canceller", "cancel_order", "w/order/cancel", {"id": 95412102131, "cid": None, "cid_date": None})
post("canceller", "cancel_order by cid", "w/order/cancel", {"id": None, "cid": 1764043000001, "cid_date": TODAY})
post("canceller", "cancel_order_multi", "w/order/cancel/multi", {"id": [95412102131, 95412102132], "cid": None, "gid": None, "all": None})
post("canceller", "cancel_order_multi by cid", "w/order/cancel/multi", {"id": None, "cid": [[1764043000001, "2026-11-24"]], "gid": None, "all": None})
post("canceller", "cancel_order_multi by group", "w/order/cancel/multi", {"id": None, "cid": None, "gid": [77], "all": None})
post("canceller", "cancel_order_multi of all", "w/order/cancel/multi", {"id": None, "cid": None, "gid": None, "all": True})


# Funding.
def offer(name, *values, flags=None):
    body = dict(zip(("type", "symbol", "amount", "rate", "period"), values))
    post("lender", "submit_funding_offer " + name, "w/funding/offer/submit", {**body, "flags": flags})


offer("limit", "LIMIT", "fUSD", "150.5", 0.00041, 2)
offer("hidden", "LIMIT", "fUST", 200.0, "0.0002", 30, flags=64)
offer("by FRR", "FRRDELTAVAR", "fUSD", Decimal("300"), "0.00005", 120)
post("lender", "cancel_funding_offer", "w/funding/offer/cancel", {"id": 41237920})
post("lender", "cancel_all_funding_offers", "w/funding/offer/cancel/all", {"currency": "USD"})
post("lender", "toggle_auto_renew", "w/funding/auto", {"status": True, "currency": "USD", "amount": "150", "rate": 0, "period": 2})
post("keeper", "toggle_auto_renew off", "w/funding/auto", {"status": False, "currency": "USD", "amount": None, "rate": None, "period": None})
post("keeper", "submit_funding_close", "w/funding/close", {"id": 41237920})
post("keeper", "toggle_keep_funding", "w/funding/keep", {"type": "credit", "id": [2323, 2324], "changes": None})
post("keeper", "toggle_keep_funding with changes", "w/funding/keep", {"type": "loan", "id": None, "changes": {2323: 1, 2324: 2}})

# Positions, money and merchants.
post("positions", "claim_position", "w/position/claim", {"id": 142355652, "amount": 0.05})
post("positions", "increase_position", "w/position/increase", {"symbol": "tBTCUSD", "amount": "0.0001"})
post("positions", "set_derivative_position_collateral", "w/deriv/collateral/set", {"symbol": "tBTCF0:USTF0", "collateral": 112.5})
post("mover", "transfer_between_wallets", "w/transfer", {"from": "exchange", "to": "margin", "currency": "ETH", "currency_to": "ETH", "amount": 0.5})
post("treasurer", "submit_wallet_withdrawal", "w/withdraw", {"wallet": "exchange", "method": "bitcoin", "address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "amount": 0.01})
post("settings", "get_deposit_address", "w/deposit/address", {"wallet": "exchange", "method": "bitcoin", "op_renew": False})
post("settings", "generate_deposit_invoice", "w/deposit/invoice", {"wallet": "exchange", "currency": "LNX", "amount": 0.001})
post("settings", "submit_invoice", "w/ext/pay/invoice/create", {"amount": 10.5, "currency": "USD", "orderId": "order-1", "customerInfo": {"nationality": "DE", "fullName": "Zoë"}, "payCurrencies": ["BTC", "ETH"], "duration": 86400, "webhook": "https://shop.example/hook", "redirectUrl": None})
post("settings", "complete_invoice", "w/ext/pay/invoice/complete", {"id": "1b2c", "payCcy": "BTC", "depositId": 1357996, "ledgerId": None})
post("settings", "expire_invoice", "w/ext/pay/invoice/expire", {"id": "1b2c"})
post("settings", "add_currency_conversion", "w/ext/pay/settings/convert/create", {"baseCcy": "BTC", "convertCcy": "USD"})
post("settings", "remove_currency_conversion", "w/ext/pay/settings/convert/remove", {"baseCcy": "BTC", "convertCcy": "USD"})
post("settings", "set_merchant_settings", "w/ext/pay/settings/set", {"key": "bfx_pay_preferred_fiat", "val": "EUR"})
