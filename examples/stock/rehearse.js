// Everything that a bot does in a day, with each of the stock clients, at an exchange with a
// market: `vaultctl sim`, or vaultproxy before it. CLIENT is ccxt, bfx-api-node-rest or
// bitfinex-api-node.
'use strict'
const assert = require('node:assert')

const { BASE_URL: url, API_KEY: apiKey, API_SECRET: apiSecret, CLIENT: client } = process.env

async function withCCXT () {
  const ccxt = require('ccxt')
  const exchange = new ccxt.bitfinex({
    apiKey, secret: apiSecret, urls: { api: { public: url, private: url } }, enableRateLimit: false
  })
  const pair = 'BTC/USD'
  const buy = (amount, price) => exchange.createOrder(pair, 'limit', 'buy', amount, price)

  await exchange.loadMarkets()
  assert.ok(exchange.markets[pair].spot && exchange.currencies.ETH)
  assert.strictEqual((await exchange.fetchStatus()).status, 'ok')
  const { ask } = await exchange.fetchTicker(pair)
  const canceled = async () => (await exchange.fetchClosedOrders(pair)).filter(o => o.status === 'canceled').length

  await exchange.cancelAllOrders() // of a run that broke off
  const already = await canceled()
  const before = await exchange.fetchBalance()
  const resting = await buy(0.1, 10000)
  assert.strictEqual((await exchange.fetchBalance()).USD.free, before.USD.free - 1000)
  const moved = await exchange.editOrder(resting.id, pair, 'limit', 'buy', 0.2, 10001)
  assert.deepStrictEqual([moved.amount, moved.price, moved.status], [0.2, 10001, 'open'])
  assert.strictEqual((await exchange.fetchOpenOrders(pair))[0].id, resting.id)
  await exchange.cancelOrder(resting.id, pair)

  const two = await exchange.createOrders([1, 2].map(n => ({ symbol: pair, type: 'limit', side: 'buy', amount: n / 10, price: 10000 })))
  assert.strictEqual(two.length, 2)
  assert.strictEqual((await exchange.cancelAllOrders()).length, 2)
  assert.strictEqual((await exchange.fetchOpenOrders()).length, 0)

  const bought = await buy(0.1, ask)
  const after = await exchange.fetchBalance()
  assert.ok(after.BTC.total > before.BTC.total)
  assert.strictEqual(after.USD.total, before.USD.total - 0.1 * ask)
  const closed = await exchange.fetchClosedOrders(pair)
  assert.strictEqual(closed.find(o => o.id === bought.id).status, 'closed')
  assert.strictEqual(await canceled() - already, 3)
  const trade = (await exchange.fetchMyTrades(pair)).at(-1)
  assert.deepStrictEqual([trade.order, trade.price, trade.fee.currency], [bought.id, ask, 'BTC'])
  assert.strictEqual((await exchange.fetchOrderTrades(bought.id, pair)).length, 1)
  assert.ok((await exchange.fetchLedger('USD')).length > 0)

  await assert.rejects(exchange.cancelOrder('1', pair), ccxt.BaseError)
  assert.deepStrictEqual(await exchange.fetchPositions(), [])
}

function restClient () {
  if (client === 'bitfinex-api-node') { // it brings a bfx-api-node-rest of its own
    const BFX = require('bitfinex-api-node')
    return new BFX({ apiKey, apiSecret, transform: true, rest: { url } }).rest(2)
  }
  const { RESTv2 } = require('bfx-api-node-rest')
  return new RESTv2({ apiKey, apiSecret, url, transform: true })
}

async function withREST () {
  const { Order } = require('bfx-api-node-models')
  const rest = restClient()
  const order = (more) => new Order({ type: 'EXCHANGE LIMIT', symbol: 'tBTCUSD', amount: 0.1, price: 10000, ...more }, rest)
  const usd = async () => (await rest.wallets()).find(w => w.type === 'exchange' && w.currency === 'USD')

  const { ask } = await rest.ticker({ symbol: 'tBTCUSD' })
  const canceled = async () => (await rest.orderHistory({ symbol: 'tBTCUSD' })).filter(o => o.status === 'CANCELED').length

  await rest.cancelOrderMulti({ all: 1 })
  const already = await canceled()
  const before = await usd()
  const resting = await rest.submitOrder({ order: order({ cid: 7 }) })
  assert.strictEqual(resting.status, 'ACTIVE')
  assert.strictEqual((await usd()).balanceAvailable, before.balanceAvailable - 1000)
  const moved = await rest.updateOrder({ id: resting.id, price: '10001', amount: '0.2' })
  assert.strictEqual(moved.status, 'SUCCESS')
  assert.strictEqual((await rest.activeOrders())[0].price, 10001)
  assert.strictEqual((await rest.cancelOrder({ id: resting.id })).status, 'SUCCESS')

  const many = await rest.submitOrderMulti({ orders: [order({ cid: 8 }), order({ cid: 9 })] })
  assert.strictEqual(many.notifyInfo.length, 2)
  await rest.cancelOrderMulti({ all: 1 })
  assert.strictEqual((await rest.activeOrders()).length, 0)

  const bought = await rest.submitOrder({ order: order({ price: ask }) })
  assert.strictEqual((await usd()).balance, before.balance - 0.1 * ask)
  const history = await rest.orderHistory({ symbol: 'tBTCUSD' })
  assert.match(history.find(o => o.id === bought.id).status, /^EXECUTED @ /)
  assert.strictEqual(await canceled() - already, 3)
  const [trade] = await rest.accountTrades({ symbol: 'tBTCUSD' })
  assert.deepStrictEqual([trade.orderID, trade.execPrice, trade.feeCurrency], [bought.id, ask, 'BTC'])
  assert.ok((await rest.ledgers({ filters: { ccy: 'USD' } })).length > 0)

  await assert.rejects(rest.cancelOrder({ id: 1 }), { code: 10001 })
  assert.deepStrictEqual(await rest.positions(), [])
}

const run = client === 'ccxt' ? withCCXT : withREST
run().then(() => console.log(client, 'has done it all')).catch(err => { console.error(err); process.exit(1) })
