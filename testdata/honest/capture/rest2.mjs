import rest from 'bfx-api-node-rest'
import models from 'bfx-api-node-models'
import { serve } from './server.mjs'

const { RESTv2 } = rest
const { Order, FundingOffer } = models
const toy = serve('bfx-api-node-rest 7.0.0')
const url = await toy.open()
const r = new RESTv2({ apiKey: 'key', apiSecret: 'secret', url })
const aff = new RESTv2({ apiKey: 'key', apiSecret: 'secret', url, affCode: 'AFFCODE1' })
const { record, today } = toy
const start = 1764000000000
const end = start + 86400000

// Reads.
const reads = {
  wallets: [[]], walletsHistory: [[{ currency: 'BTC', end }]], userInfo: [[]], logins: [[], [{ start, end, limit: 10 }]],
  activeOrders: [[]], activeOrdersWithIds: [[{ ids: [95412102131, 95412102132] }]],
  orderHistory: [[], [{ symbol: 'tBTCUSD', start, end, limit: 50 }]], orderHistoryWithIds: [[{ ids: [95412102131] }]],
  orderTrades: [[{ symbol: 'tBTCUSD', start, end, limit: 10, orderId: 95412102131 }], [{ symbol: 'tBTCF0:USTF0', orderId: 95412102134 }]],
  accountTrades: [[], [{ symbol: 'tETHUSD', start, end, limit: 25, sort: 1 }]], getWeightedAverages: [[{ symbol: 'tBTCUSD', start, end, limit: 100 }]],
  ledgers: [[{}], [{ filters: 'BTC', start, end, limit: 5 }], [{ filters: { ccy: 'USD', category: 28 } }]],
  movements: [[], [{ ccy: 'BTC', start, end, limit: 5, id: [24661110], address: 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq' }]], movementInfo: [[{ id: 24661110 }]],
  positions: [[]], positionsHistory: [[{ start, end }]], positionsAudit: [[{ id: [142355652], limit: 5 }]], positionsSnapshot: [[{}]],
  marginInfo: [[], [{ key: 'sym_all' }], [{ key: 'tBTCUSD' }]], fundingInfo: [[{ key: 'fUSD' }]],
  fundingOffers: [[{ symbol: 'fUSD' }]], fundingOfferHistory: [[{}], [{ symbol: 'fUSD', start, end, limit: 5 }]],
  fundingLoans: [[{ symbol: 'fUSD' }]], fundingLoanHistory: [[{ symbol: 'fUSD' }]],
  fundingCredits: [[{ symbol: 'fUST' }]], fundingCreditHistory: [[{ symbol: 'fUST', limit: 3 }]], fundingTrades: [[{ symbol: 'fUSD' }]],
  changeLogs: [[{ start, limit: 7 }]], performance: [[{}]], accountSummary: [[]], keyPermissions: [[]],
  calcAvailableBalance: [[{ symbol: 'tBTCUSD', dir: 1, rate: 59000, type: 'EXCHANGE' }]],
  alertList: [[{ type: 'price' }]], getSettings: [[{ keys: ['api:a'] }]], getCoreSettings: [[{ keys: ['account_info'] }]],
  lnxInvoicePayments: [[{ action: 'getInvoicesByUser', query: { offset: 0 } }]],
  getRecurringAlgoOrder: [[{ algoOrderId: '1702' }]], getRecurringAlgoOrders: [[{ page: 1, limit: 10, filter: { status: 'active' } }]],
  getRecurringAoOrders: [[{ algoOrderId: 1702, page: 1 }]]
}
for (const [name, calls] of Object.entries(reads)) {
  for (const [i, args] of calls.entries()) await record('reader', name + (i ? `, call ${i + 1}` : ''), () => r[name](...args))
}

// Orders.
let cid = 1764042000000
const submit = (grant, name, order, client = r, more = {}) => record(grant, 'submitOrder ' + name, () => client.submitOrder({ order: new Order({ cid: ++cid, ...order }) }), more)
const spot = { type: Order.type.EXCHANGE_LIMIT, symbol: 'tBTCUSD' }
await submit('maker', 'limit', { ...spot, amount: 0.0125, price: 59875.5 })
await submit('maker', 'limit sell', { ...spot, amount: -0.25, price: 61234 })
await submit('maker', 'limit of a long amount', { ...spot, amount: 0.00123456789, price: 60000.123456 })
await submit('maker', 'limit of texts', { ...spot, amount: '-0.1', price: '60100' })
await submit('maker', 'limit hidden', { ...spot, amount: 0.1, price: 59999, flags: Order.flags.HIDDEN })
await submit('maker', 'limit post only', { ...spot, amount: 0.1, price: 59999, flags: Order.flags.POSTONLY })
await submit('maker', 'limit hidden and post only', { ...spot, amount: 0.1, price: 59999, flags: Order.flags.HIDDEN | Order.flags.POSTONLY })
await submit('maker', 'limit in a group', { ...spot, amount: 0.1, price: 59999, gid: 4242 })
await submit('maker', 'limit with tif', { ...spot, amount: 0.1, price: 59999, tif: '2027-01-31 23:59:59' })
await submit('maker', 'limit with an affiliate code', { ...spot, amount: 0.1, price: 59999 }, aff)
await submit('maker', 'limit with an affiliate code of its own', { ...spot, amount: 0.1, price: 59999, affiliateCode: 'AFFCODE2' })
await submit('maker', 'limit with meta', { ...spot, amount: 0.1, price: 59999, meta: { protect_selfmatch: 1 } })
await submit('maker', 'OCO', { ...spot, amount: -0.1, price: 61500, priceAuxLimit: 58500, flags: Order.flags.OCO, cidOCO: 1764042999999 })
await submit('maker', 'stop limit', { symbol: 'tBTCUSD', type: Order.type.EXCHANGE_STOP_LIMIT, amount: -0.1, price: 58500, priceAuxLimit: 58400 })
await submit('maker', 'IOC', { symbol: 'tBTCUSD', type: Order.type.EXCHANGE_IOC, amount: 0.1, price: 60100 })
await submit('maker', 'FOK', { symbol: 'tETHUSD', type: Order.type.EXCHANGE_FOK, amount: 1, price: 3005.5 })
await submit('taker', 'market', { symbol: 'tBTCUSD', type: Order.type.EXCHANGE_MARKET, amount: 0.1 })
await submit('taker', 'market of an older spelling', { symbol: 'tBTCUSD', type: 'EXCHANGE MARKET', amount: '-0.02' })
await submit('taker', 'market of a pair with a colon', { symbol: 'tDOGE:USD', type: Order.type.EXCHANGE_MARKET, amount: 150 })
await submit('taker', 'stop', { symbol: 'tBTCUSD', type: Order.type.EXCHANGE_STOP, amount: -0.1, price: 55000 })
await submit('taker', 'trailing stop', { symbol: 'tBTCUSD', type: Order.type.EXCHANGE_TRAILING_STOP, amount: -0.1, priceTrailing: 250.5 })
const margin = { symbol: 'tBTCUSD', amount: 0.1 }
await submit('leveraged', 'margin limit', { ...margin, type: Order.type.LIMIT, price: 59000 })
await submit('leveraged', 'margin market', { ...margin, type: Order.type.MARKET })
await submit('leveraged', 'margin stop', { ...margin, type: Order.type.STOP, price: 62000 })
await submit('leveraged', 'margin stop limit', { ...margin, type: Order.type.STOP_LIMIT, price: 62000, priceAuxLimit: 62100 })
await submit('leveraged', 'margin trailing stop', { ...margin, type: Order.type.TRAILING_STOP, priceTrailing: 100 })
await submit('leveraged', 'margin FOK', { ...margin, type: Order.type.FOK, price: 60000 })
await submit('leveraged', 'margin IOC', { ...margin, type: Order.type.IOC, price: 60000 })
await submit('leveraged', 'margin reduce only', { ...margin, amount: -0.1, type: Order.type.LIMIT, price: 61000, flags: Order.flags.REDUCE_ONLY })
await submit('leveraged', 'margin without variable rates', { ...margin, type: Order.type.LIMIT, price: 59000, flags: Order.flags.NO_VR })
await submit('leveraged', 'derivative', { type: Order.type.LIMIT, symbol: 'tBTCF0:USTF0', amount: 0.5, price: 60000, lev: 7 })
await record('closer', 'closePosition', () => r.closePosition({ position_id: 4242 }))
await record('maker', 'submitOrderMulti', () => r.submitOrderMulti({ orders: [{ ...spot, cid: 1764042500001, amount: 0.01, price: 59000 }, { ...spot, cid: 1764042500002, amount: -0.01, price: 61000 }] }))
await record('maker', 'submitOrderMulti with an affiliate code', () => aff.submitOrderMulti({ orders: [{ ...spot, cid: 1764042500003, amount: 0.01, price: 59000 }] }))
await record('maker', 'orderMultiOp of everything but updates', () => r.orderMultiOp({ ops: [['oc', { id: 95412102131 }], ['oc_multi', { id: [95412102132, 95412102133] }], ['on', { ...spot, cid: 1764042500004, amount: 0.01, price: 59000 }]] }))

// Updates.
await submit('maker', 'that is updated below', { ...spot, cid: 1764042600001, amount: 0.1, price: 59000 })
const after = { after: ['submitOrder that is updated below'] }
await record('maker', 'updateOrder by cid', () => r.updateOrder({ cid: 1764042600001, cid_date: today, price: '59100' }), after)
await record('maker', 'updateOrder of the amount by cid', () => r.updateOrder({ cid: 1764042600001, cid_date: today, amount: '0.2' }), after)
await record('maker', 'updateOrder by delta and cid', () => r.updateOrder({ cid: 1764042600001, cid_date: today, delta: '0.01' }), after)
await record('maker', 'updateOrder of flags by cid', () => r.updateOrder({ cid: 1764042600001, cid_date: today, flags: 4096 }), after)
await record('maker', 'updateOrderMulti by cid', () => r.updateOrderMulti({ orders: [{ cid: 1764042600001, cid_date: today, price: '59050' }] }), after)
await record('updater', 'updateOrder', () => r.updateOrder({ id: 95412102131, price: '59100', amount: '0.2' }))
await record('updater', 'updateOrder with all', () => r.updateOrder({ id: 95412102131, gid: 4242, price: '59100.5', delta: '-0.01', price_aux_limit: '59000', price_trailing: '50', flags: 64, tif: '2027-01-31 23:59:59' }))
await record('updater', 'updateOrder of numbers', () => r.updateOrder({ id: 95412102131, price: 59100.5, amount: 1e-7 }))
await record('updater', 'updateOrderMulti', () => r.updateOrderMulti({ orders: [{ id: 95412102131, price: '59100' }, { id: 95412102132, amount: '0.3' }] }))
await record('updater', 'Order.update', () => new Order({ ...spot, id: 95412102131, amount: 0.1, price: 59000 }, r).update({ price: 59050.5, amount: 0.2 }))
await record('updater', 'Order.update of an OCO stop', () => new Order({ ...spot, id: 95412102131, amount: 0.1, price: 59000 }, r).update({ price_oco_stop: 58000 }))

// Cancels.
await record('canceller', 'cancelOrder', () => r.cancelOrder({ id: 95412102131 }))
await record('canceller', 'cancelOrderWithCid', () => r.cancelOrderWithCid({ cid: 1764042000001, date: today }))
await record('canceller', 'cancelOrderMulti by id', () => r.cancelOrderMulti({ id: [95412102131, 95412102132] }))
await record('canceller', 'cancelOrderMulti by cid', () => r.cancelOrderMulti({ cid: [[1764042000001, '2026-11-24'], [1764042000002, today]] }))
await record('canceller', 'cancelOrderMulti by gid', () => r.cancelOrderMulti({ gid: [4242] }))
await record('canceller', 'cancelOrderMulti of all', () => r.cancelOrderMulti({ all: 1 }))
await record('maker', 'cancelOrders', () => r.cancelOrders({ ids: [95412102131, 95412102132] }))

// Funding.
const offer = o => new FundingOffer({ type: 'LIMIT', symbol: 'fUSD', ...o })
await record('lender', 'submitFundingOffer', () => r.submitFundingOffer({ offer: offer({ amount: 150.25, rate: 0.00041, period: 2 }) }))
await record('lender', 'submitFundingOffer hidden', () => r.submitFundingOffer({ offer: offer({ amount: 5000, rate: 0.0003, period: 120, flags: 64 }) }))
await record('lender', 'submitFundingOffer by FRR', () => r.submitFundingOffer({ offer: offer({ type: 'FRRDELTAVAR', amount: 300, rate: 0, period: 30 }) }))
await record('lender', 'submitFundingOffer with an affiliate code', () => aff.submitFundingOffer({ offer: offer({ amount: 200, rate: 0.0003, period: 2 }) }))
await record('lender', 'cancelFundingOffer', () => r.cancelFundingOffer({ id: 41237920 }))
await record('lender', 'cancelAllFundingOffers', () => r.cancelAllFundingOffers({ currency: 'USD' }))
await record('lender', 'submitAutoFunding', () => r.submitAutoFunding({ status: 1, currency: 'USD', amount: '1000', rate: '0.0003', period: 2 }))
await record('lender', 'submitAutoFunding as its own example', () => r.submitAutoFunding({ status: 1, currency: 'fUSD', amount: 1000, rate: 0.0003, period: 2 }))
await record('keeper', 'closeFunding', () => r.closeFunding({ id: 41237920, type: 'LIMIT' }))
await record('keeper', 'keepFunding', () => r.keepFunding({ type: 'credit', id: 2323 }))
await record('keeper', 'keepFunding of several', () => r.keepFunding({ type: 'loan', id: [2323, 2324] }))

// Money, settings and the rest.
await record('mover', 'transfer', () => r.transfer({ amount: '0.05', from: 'exchange', to: 'margin', currency: 'BTC', currencyTo: 'BTC' }))
await record('mover', 'transfer without currencyTo', () => r.transfer({ amount: 100, from: 'margin', to: 'exchange', currency: 'USD' }))
await record('treasurer', 'withdraw', () => r.withdraw({ wallet: 'exchange', method: 'bitcoin', amount: '0.05', address: 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq' }))
await record('treasurer', 'withdraw with travel rule details', () => r.withdraw({ wallet: 'exchange', method: 'ethereum', amount: '1', address: '0x52908400098527886E0F7030069857D2E4169EE7', fee_deduct: 1, travel_rule_tos: true, vasp_name: 'Bank & Söhne', dest_firstname: 'Zoë', dest_lastname: 'O’Neil' }))
await record('mover', 'withdraw with a note', () => r.withdraw({ wallet: 'exchange', method: 'bitcoin', amount: '0.01', address: 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', note: 'für März' }))
await record('mover', 'withdraw with a payment id', () => r.withdraw({ wallet: 'exchange', method: 'ripple', amount: '20', address: 'rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh', payment_id: '104726501' }))
await record('lightning', 'withdraw by invoice', () => r.withdraw({ wallet: 'exchange', method: 'lnx', amount: '0.001', invoice: 'lnbc10u1p3unwfusp5t9r3yymhpfqculx78u027lxspgxcr2n2987mx2j55nnfs95nxnzq' }))
await record('settings', 'getDepositAddress', () => r.getDepositAddress({ wallet: 'exchange', method: 'bitcoin', opRenew: 0 }))
await record('settings', 'generateInvoice', () => r.generateInvoice({ wallet: 'exchange', currency: 'LNX', amount: '0.0002' }))
await record('settings', 'alertSet', () => r.alertSet({ type: 'price', symbol: 'tBTCUSD', price: 65000.5 }))
await record('settings', 'alertDelete', () => r.alertDelete({ symbol: 'tBTCUSD', price: 65000.5 }))
await record('settings', 'updateSettings', () => r.updateSettings({ settings: { 'api:a': 1, 'api:b': { c: [true, null, 'é'] } } }))
await record('settings', 'deleteSettings', () => r.deleteSettings({ keys: ['api:a', 'api:b'] }))
await record('positions', 'claimPosition', () => r.claimPosition({ id: 142355652 }))
await record('positions', 'derivsPositionCollateralSet', () => r.derivsPositionCollateralSet({ symbol: 'tBTCF0:USTF0', collateral: 112.5 }))
const dca = { alias: 'every week', _symbol: 'tBTCUSD', currency: 'USD', action: 'buy', amount: 50, recurrence: 'weekly', startedAt: new Date('2026-12-01T00:00:00Z'), endless: true }
await record('recurring', 'submitRecurringAlgoOrder', () => r.submitRecurringAlgoOrder({ order: dca }))
await record('recurring', 'updateRecurringAlgoOrder', () => r.updateRecurringAlgoOrder({ order: { algoOrderId: '1702', _symbol: 'tBTCUSD', alias: 'every month', recurrence: 'monthly' } }))
await record('recurring', 'cancelRecurringAlgoOrder', () => r.cancelRecurringAlgoOrder({ algoOrderId: '1702' }))
toy.close()
