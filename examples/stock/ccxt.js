// A bot with ccxt, as it is: the URL of its private API is vaultproxy's, and its key and
// secret are a stand-in credential.
'use strict'
const ccxt = require('ccxt')

const { BASE_URL: url, API_KEY: apiKey, API_SECRET: secret } = process.env

const market = {
  id: 'tBTCUSD', symbol: 'BTC/USD', base: 'BTC', quote: 'USD', baseId: 'BTC', quoteId: 'USD', type: 'spot', spot: true, active: true,
  precision: { amount: 8, price: 5 }, limits: { amount: {}, price: {}, cost: {} }
}

async function main () {
  const exchange = new ccxt.bitfinex({ apiKey, secret, urls: { api: { private: url } }, enableRateLimit: false })
  exchange.setMarkets([market]) // what it would read from the public API

  console.log('wallets', Object.keys((await exchange.fetchBalance()).total).length)
  const order = await exchange.createOrder('BTC/USD', 'limit', 'buy', 0.1, 10000)
  console.log('open', (await exchange.fetchOpenOrders('BTC/USD')).length)
  await exchange.cancelOrder(order.id, 'BTC/USD')
  await exchange.createOrders([
    { symbol: 'BTC/USD', type: 'limit', side: 'buy', amount: 0.1, price: 10000 },
    { symbol: 'BTC/USD', type: 'limit', side: 'buy', amount: 0.2, price: 10000 }
  ])
  await exchange.cancelAllOrders()
  console.log('history', (await exchange.fetchClosedOrders('BTC/USD')).length)

  await refused(ccxt.PermissionDenied, () => exchange.createOrder('BTC/USD', 'limit', 'buy', 90, 10000))
  exchange.secret = 'another secret'
  await refused(ccxt.AuthenticationError, () => exchange.fetchBalance())
}

async function refused (kind, call) {
  try {
    await call()
  } catch (err) {
    console.log('refused', err.constructor.name)
    if (err instanceof kind) return
    throw err
  }
  throw new Error('it was not refused')
}

main().catch(err => { console.error(err); process.exit(1) })
