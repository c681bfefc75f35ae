import ccxt from 'ccxt'
import { serve } from './server.mjs'

const toy = serve('ccxt 4.5.84')
const url = await toy.open()
const ex = new ccxt.bitfinex({ apiKey: 'key', secret: 'secret', enableRateLimit: false, urls: { api: { public: url, private: url, v1: url } } })
await ex.loadMarkets()
const { record, today } = toy
const since = 1764000000000

// Reads.
await record('reader', 'fetchBalance', () => ex.fetchBalance())
await record('reader', 'fetchBalance derivatives', () => ex.fetchBalance({ type: 'derivatives' }))
await record('reader', 'fetchOpenOrders', () => ex.fetchOpenOrders())
await record('reader', 'fetchOpenOrders of a symbol', () => ex.fetchOpenOrders('ETH/USD'))
await record('reader', 'fetchOpenOrder', () => ex.fetchOpenOrder('95412102131', 'BTC/USD'))
await record('reader', 'fetchClosedOrder', () => ex.fetchClosedOrder('95412102131', 'BTC/USD'))
await record('reader', 'fetchClosedOrders', () => ex.fetchClosedOrders())
await record('reader', 'fetchClosedOrders of a symbol', () => ex.fetchClosedOrders('BTC/USD', since, 50))
await record('reader', 'fetchClosedOrders until', () => ex.fetchClosedOrders('BTC/USD', since, 50, { until: since + 86400000 }))
await record('reader', 'fetchOrder', () => ex.fetchOrder('95412102131', 'BTC/USD'))
await record('reader', 'fetchOrderTrades', () => ex.fetchOrderTrades('95412102131', 'BTC/USD'))
await record('reader', 'fetchOrderTrades of a derivative', () => ex.fetchOrderTrades('95412102131', 'BTC/USDT:USDT'))
await record('reader', 'fetchMyTrades', () => ex.fetchMyTrades())
await record('reader', 'fetchMyTrades of a symbol', () => ex.fetchMyTrades('BTC/USD', since, 100))
await record('reader', 'fetchMyTrades of a derivative', () => ex.fetchMyTrades('BTC/USDT:USDT', since))
await record('reader', 'fetchLedger', () => ex.fetchLedger())
await record('reader', 'fetchLedger of a currency', () => ex.fetchLedger('BTC', since, 25))
await record('reader', 'fetchDepositsWithdrawals', () => ex.fetchDepositsWithdrawals())
await record('reader', 'fetchDepositsWithdrawals of a currency', () => ex.fetchDepositsWithdrawals('BTC', since, 10))
await record('reader', 'fetchPositions', () => ex.fetchPositions())
await record('reader', 'fetchTradingFees', () => ex.fetchTradingFees())
await record('reader', 'privatePostAuthRInfoMarginBase', () => ex.privatePostAuthRInfoMarginBase())
await record('reader', 'privatePostAuthRInfoMarginKey', () => ex.privatePostAuthRInfoMarginKey({ key: 'tBTCUSD' }))
await record('reader', 'privatePostAuthRPermissions', () => ex.privatePostAuthRPermissions())
await record('reader', 'privatePostAuthCalcOrderAvail', () => ex.privatePostAuthCalcOrderAvail({ symbol: 'tBTCUSD', dir: 1, rate: '60000', type: 'EXCHANGE' }))
await record('reader', 'privatePostAuthRFundingOffersSymbol', () => ex.privatePostAuthRFundingOffersSymbol({ symbol: 'fUSD' }))
await record('reader', 'privatePostAuthRPositionsAudit', () => ex.privatePostAuthRPositionsAudit({ id: [142355652], limit: 10 }))
await record('reader', 'privatePostAuthRSettings', () => ex.privatePostAuthRSettings({ keys: ['api:theme'] }))

// Orders with a price, on the spot market.
const order = (grant, name, ...args) => record(grant, 'createOrder ' + name, () => ex.createOrder(...args))
await order('maker', 'limit', 'BTC/USD', 'limit', 'buy', 0.0125, 59875.5)
await order('maker', 'limit sell', 'BTC/USD', 'limit', 'sell', 0.25, 61234)
await order('maker', 'limit of many digits', 'ETH/USD', 'limit', 'buy', 1.23456789, 3012.3456)
await order('maker', 'limit as texts', 'ETH/USD', 'limit', 'sell', '0.51', '3100.1')
await order('maker', 'limit of a tiny amount', 'BTC/USD', 'limit', 'buy', 0.00006, 60000)
await order('maker', 'limit with postOnly', 'BTC/USD', 'limit', 'buy', 0.1, 59000, { postOnly: true })
await order('maker', 'limit with timeInForce PO', 'BTC/USD', 'limit', 'sell', 0.1, 61900, { timeInForce: 'PO' })
await order('maker', 'limit with IOC', 'BTC/USD', 'limit', 'buy', 0.02, 60010, { timeInForce: 'IOC' })
await order('maker', 'limit with FOK', 'BTC/USD', 'limit', 'sell', 0.02, 59990, { timeInForce: 'FOK' })
await order('maker', 'limit with clientOrderId', 'BTC/USD', 'limit', 'buy', 0.03, 59900, { clientOrderId: 1764041001001 })
await order('maker', 'limit with clientOrderId as a text', 'BTC/USD', 'limit', 'buy', 0.03, 59900, { clientOrderId: '1764041001002' })
await order('maker', 'limit with cid', 'ETH/USD', 'limit', 'buy', 2, 2999.9, { cid: 1764041001003 })
await order('maker', 'limit with flags', 'BTC/USD', 'limit', 'buy', 0.05, 59800, { flags: 4160 })
await order('maker', 'limit with gid and meta', 'BTC/USD', 'limit', 'buy', 0.05, 59800, { gid: 77, meta: { aff_code: 'AFFCODE1' } })
await order('maker', 'limit with tif', 'BTC/USD', 'limit', 'buy', 0.05, 59800, { tif: '2027-01-31 23:59:59' })
await order('maker', 'stop limit', 'BTC/USD', 'limit', 'sell', 0.2, 58200, { triggerPrice: 58500 })
await order('maker', 'stop limit by stopPrice', 'ETH/USD', 'limit', 'buy', 1, 3080, { stopPrice: 3075.5 })
await order('maker', 'limit with an OCO stop', 'BTC/USD', 'limit', 'sell', 0.1, 61500, { flags: 16384, price_oco_stop: '58000' })
await record('maker', 'createOrders', () => ex.createOrders([
  { symbol: 'BTC/USD', type: 'limit', side: 'buy', amount: 0.01, price: 59500 },
  { symbol: 'BTC/USD', type: 'limit', side: 'sell', amount: 0.01, price: 60500, params: { postOnly: true } },
  { symbol: 'ETH/USD', type: 'limit', side: 'buy', amount: 0.3, price: 2990.5, params: { clientOrderId: 1764041001004 } }
]))

// Orders whose price stays open.
await order('taker', 'market', 'BTC/USD', 'market', 'buy', 0.015)
await order('taker', 'market sell', 'ETH/BTC', 'market', 'sell', 0.4)
await order('taker', 'market with a price that it leaves out', 'BTC/USD', 'market', 'sell', 0.015, 60000)
await order('taker', 'stop market', 'BTC/USD', 'market', 'sell', 0.015, undefined, { triggerPrice: 57000 })
await order('taker', 'trailing stop', 'BTC/USD', 'market', 'sell', 0.015, undefined, { trailingAmount: '500' })
await order('taker', 'trailing stop as a limit', 'BTC/USD', 'limit', 'sell', 0.015, 60000, { trailingAmount: '750.5' })
await record('taker', 'createOrders market', () => ex.createOrders([{ symbol: 'DOGE/USD', type: 'market', side: 'buy', amount: 120 }]))

// Margin and derivatives.
await order('leveraged', 'margin limit', 'BTC/USD', 'limit', 'buy', 0.1, 59900, { marginMode: 'cross' })
await order('leveraged', 'margin IOC', 'BTC/USD', 'limit', 'buy', 0.1, 59900, { marginMode: 'cross', timeInForce: 'IOC' })
await order('leveraged', 'swap limit', 'BTC/USDT:USDT', 'limit', 'buy', 0.1, 60000, { lev: 5 })
await order('leveraged', 'swap limit with the default leverage', 'BTC/USDT:USDT', 'limit', 'sell', 0.1, 60500)
await order('leveraged', 'swap limit reduceOnly', 'BTC/USDT:USDT', 'limit', 'sell', 0.1, 61000, { reduceOnly: true })
await order('leveraged', 'swap limit postOnly and reduceOnly', 'ETH/USDT:USDT', 'limit', 'sell', 1.5, 3100, { reduceOnly: true, postOnly: true, lev: 3 })
await order('leveraged', 'swap market', 'BTC/USDT:USDT', 'market', 'sell', 0.05, undefined, { lev: 10 })
await order('leveraged', 'swap stop', 'BTC/USDT:USDT', 'market', 'sell', 0.05, undefined, { triggerPrice: 58000, reduceOnly: true })
await order('leveraged', 'swap stop limit', 'BTC/USDT:USDT', 'limit', 'sell', 0.05, 57900, { triggerPrice: 58000 })
await order('leveraged', 'swap trailing stop', 'BTC/USDT:USDT', 'market', 'sell', 0.05, undefined, { trailingAmount: '450' })
await order('leveraged', 'swap FOK', 'ETH/USDT:USDT', 'limit', 'buy', 2, 2995.5, { timeInForce: 'FOK', lev: 2 })

// Updates. By an id that only the exchange gives out: under a grant without order rules.
await record('updater', 'editOrder', () => ex.editOrder('95412102131', 'BTC/USD', 'limit', 'buy', 0.02, 59000))
await record('updater', 'editOrder sell', () => ex.editOrder('95412102131', 'BTC/USD', 'limit', 'sell', 0.02, 61000.5))
await record('updater', 'editOrder of the price only', () => ex.editOrder('95412102132', 'BTC/USD', 'limit', 'buy', undefined, 59000))
await record('updater', 'editOrder postOnly', () => ex.editOrder('95412102131', 'BTC/USD', 'limit', 'buy', 0.02, 59000, { postOnly: true }))
await record('updater', 'editOrder with a trigger', () => ex.editOrder('95412102131', 'BTC/USD', 'limit', 'buy', 0.02, 59000, { triggerPrice: 59100 }))
await record('updater', 'editOrder with a distance', () => ex.editOrder('95412102131', 'BTC/USD', 'market', 'sell', 0.02, undefined, { trailingAmount: '300' }))
await record('updater', 'editOrder with leverage', () => ex.editOrder('95412102131', 'BTC/USDT:USDT', 'limit', 'buy', 0.02, 59000, { leverage: 3 }))
await record('updater', 'editOrder with delta', () => ex.editOrder('95412102131', 'BTC/USD', 'limit', 'buy', undefined, 59000, { delta: '0.001' }))

// Cancels.
await record('canceller', 'cancelOrder', () => ex.cancelOrder('95412102131', 'BTC/USD'))
await record('canceller', 'cancelOrder by clientOrderId', () => ex.cancelOrder('', 'BTC/USD', { clientOrderId: 1764041001001, cidDate: today }))
await record('canceller', 'cancelOrder by cid', () => ex.cancelOrder('', undefined, { cid: 1764041001003, cidDate: '2026-11-24' }))
await record('canceller', 'cancelAllOrders', () => ex.cancelAllOrders())
await record('canceller', 'cancelAllOrders of a symbol', () => ex.cancelAllOrders('BTC/USD'))
await record('canceller', 'cancelOrders', () => ex.cancelOrders(['95412102131', '95412102132', '95412102133']))
await record('canceller', 'cancelOrders by group', () => ex.cancelOrders([], undefined, { gid: [77] }))

// Funding, by ccxt's plain methods.
await record('lender', 'privatePostAuthWFundingOfferSubmit', () => ex.privatePostAuthWFundingOfferSubmit({ type: 'LIMIT', symbol: 'fUSD', amount: '1500.5', rate: '0.00025', period: 2, flags: 0 }))
await record('lender', 'privatePostAuthWFundingOfferSubmit of numbers', () => ex.privatePostAuthWFundingOfferSubmit({ type: 'LIMIT', symbol: 'fUST', amount: 200, rate: 0.0000001, period: 30 }))
await record('lender', 'privatePostAuthWFundingOfferCancel', () => ex.privatePostAuthWFundingOfferCancel({ id: 41237920 }))
await record('lender', 'privatePostAuthWFundingOfferCancelAll', () => ex.privatePostAuthWFundingOfferCancelAll({ currency: 'USD' }))

// Money.
await record('mover', 'transfer', () => ex.transfer('BTC', 0.05, 'spot', 'margin'))
await record('mover', 'transfer to the funding wallet', () => ex.transfer('USD', 2500.75, 'exchange', 'funding'))
await record('mover', 'transfer to derivatives', () => ex.transfer('USDT', 100, 'spot', 'derivatives'))
await record('mover', 'transfer from derivatives', () => ex.transfer('USDT', 100, 'derivatives', 'spot'))
await record('treasurer', 'withdraw', () => ex.withdraw('BTC', 0.05, 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq'))
await record('treasurer', 'withdraw over a network', () => ex.withdraw('ETH', 0.75, '0x52908400098527886E0F7030069857D2E4169EE7', undefined, { network: 'ETH' }))
await record('mover', 'withdraw with a tag', () => ex.withdraw('XRP', 250, 'rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh', '104726501', { network: 'RIPPLE' }))
await record('settings', 'fetchDepositAddress', () => ex.fetchDepositAddress('BTC'))
await record('settings', 'createDepositAddress', () => ex.createDepositAddress('BTC'))
await record('settings', 'privatePostAuthWDepositInvoice', () => ex.privatePostAuthWDepositInvoice({ wallet: 'exchange', currency: 'LNX', amount: '0.002' }))
await record('settings', 'privatePostAuthWAlertSet', () => ex.privatePostAuthWAlertSet({ type: 'price', symbol: 'tBTCUSD', price: 65000 }))
await record('settings', 'privatePostAuthWAlertPriceSymbolPriceDel', () => ex.privatePostAuthWAlertPriceSymbolPriceDel({ symbol: 'tBTCUSD', price: 65000 }))
await record('settings', 'privatePostAuthWSettingsSet', () => ex.privatePostAuthWSettingsSet({ settings: { 'api:theme': 'dünkel ☃' } }))
await record('settings', 'privatePostAuthWSettingsDel', () => ex.privatePostAuthWSettingsDel({ keys: ['api:theme'] }))

// Positions, by ccxt's plain methods.
await record('positions', 'privatePostAuthWPositionClaim', () => ex.privatePostAuthWPositionClaim({ id: 142355652 }))
await record('positions', 'privatePostAuthWDerivCollateralSet', () => ex.privatePostAuthWDerivCollateralSet({ symbol: 'tBTCF0:USTF0', collateral: 125.5 }))
toy.close()
