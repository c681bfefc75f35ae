// Many requests at once with one of the clients: how many end in which error.
'use strict'
const { BASE_URL: url, API_KEY: apiKey, API_SECRET: apiSecret, CLIENT: client, REQUESTS: requests } = process.env

function wallets () {
  if (client === 'ccxt') {
    const ccxt = require('ccxt')
    const exchange = new ccxt.bitfinex({ apiKey, secret: apiSecret, urls: { api: { private: url } }, enableRateLimit: false })
    return () => exchange.privatePostAuthRWallets()
  }
  const { RESTv2 } = require('bfx-api-node-rest')
  const rest = new RESTv2({ apiKey, apiSecret, url })
  return () => rest.wallets()
}

async function main () {
  const call = wallets()
  const ends = { ok: 0, nonce: 0, other: 0 }
  const one = async () => {
    for (let i = 0; i < Number(requests) / 4; i++) {
      try {
        await call()
        ends.ok++
      } catch (err) {
        if (err.code === 10114 || String(err.message).includes('nonce: small')) ends.nonce++
        else { ends.other++; console.error(err.message) }
      }
    }
  }
  await Promise.all([one(), one(), one(), one()])
  console.log(JSON.stringify(ends))
}

main().catch(err => { console.error(err); process.exit(1) })
