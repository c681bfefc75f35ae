// A bot with the official REST client, as it is: its base URL is vaultproxy's, and its key
// and secret are a stand-in credential.
'use strict'
const { RESTv2 } = require('bfx-api-node-rest')

const { BASE_URL: url, API_KEY: apiKey, API_SECRET: apiSecret } = process.env

async function main () {
  const rest = new RESTv2({ apiKey, apiSecret, url })
  const call = (path, body) => rest._makeAuthRequest(path, body)

  console.log('wallets', (await rest.wallets()).length)
  const order = { type: 'EXCHANGE LIMIT', symbol: 'tBTCUSD', amount: '0.1', price: '10000', cid: Date.now() % 2 ** 40 }
  const placed = await call('/auth/w/order/submit', order)
  const id = placed[4][0][0]
  const day = new Date().toISOString().slice(0, 10)
  await call('/auth/w/order/update', { cid: order.cid, cid_date: day, price: '10001' })
  console.log('open', (await rest.activeOrders()).length)
  await call('/auth/w/order/cancel', { id })
  await call('/auth/w/order/multi', { ops: [['on', { ...order, cid: order.cid + 1 }], ['on', { ...order, cid: order.cid + 2 }]] })
  await call('/auth/w/order/cancel/multi', { all: 1 })
  console.log('history', (await call('/auth/r/orders/hist', {})).length)

  try {
    await call('/auth/w/order/submit', { ...order, amount: '90', cid: order.cid + 3 })
    throw new Error('90 BTC were signed')
  } catch (err) {
    console.log('refused', err.code, err.message)
    if (err.code !== 10001) throw err
  }
}

main().catch(err => { console.error(err); process.exit(1) })
