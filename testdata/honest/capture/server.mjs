// A toy exchange on loopback: it writes down each authenticated request as one line
// of JSON and answers nothing of use. What a client makes of the answer is its own
// affair: only what it sends matters here.
import http from 'node:http'

const today = new Date().toISOString().slice(0, 10)

// What ccxt asks for before anything else: pairs, currencies and ways to pay out.
const conf = {
  'pub:info:pair': ['BTCUSD', 'ETHUSD', 'XRPUSD', 'ETHBTC', 'DOGE:USD', 'BTCUST', 'TESTBTC:TESTUSD'].map(pair),
  'pub:info:pair:futures': ['BTCF0:USTF0', 'ETHF0:USTF0'].map(pair),
  'pub:list:pair:securities': [],
  'pub:list:pair:margin': ['BTCUSD', 'ETHUSD'],
  'pub:list:currency': ['BTC', 'ETH', 'USD', 'UST', 'XRP', 'DOGE', 'USTF0', 'BTCF0', 'LNX'],
  'pub:map:currency:sym': [['UST', 'USDt'], ['USTF0', 'USDt0']],
  'pub:map:currency:label': [],
  'pub:map:currency:unit': [],
  'pub:map:currency:undl': [['USTF0', 'UST'], ['BTCF0', 'BTC']],
  'pub:map:currency:pool': [],
  'pub:map:currency:explorer': [],
  'pub:map:currency:tx:fee': [['BTC', [0, 0.0004]]],
  'pub:map:tx:method': [['BITCOIN', ['BTC']], ['ETHEREUM', ['ETH']], ['TETHERUSE', ['UST']], ['RIPPLE', ['XRP']], ['LNX', ['LNX']]],
  'pub:info:tx:status': [['BITCOIN', 1, 1], ['ETHEREUM', 1, 1], ['TETHERUSE', 1, 1], ['RIPPLE', 1, 1], ['LNX', 1, 1]],
  'pub:list:currency:margin': ['BTC', 'USD']
}

function pair (id) {
  return [id, [null, null, null, '0.00006', '2000.0', null, null, null, 0.2, 0.1, null, null]]
}

export function serve (client) {
  let name, grant, extra, sent
  const server = http.createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url, 'http://toy')
    response.setHeader('content-type', 'application/json')
    if (request.method === 'GET') {
      const labels = decodeURIComponent(url.pathname.split('/conf/')[1] ?? '').split(',')
      return response.end(JSON.stringify(labels.map(l => conf[l] ?? [])))
    }
    if (url.search) throw new Error('a query on an authenticated path: ' + request.url)
    sent.push(line(url.pathname.slice(1), request.headers, Buffer.concat(chunks).toString('utf8')))
    response.end(url.pathname.startsWith('/v1/') ? '{}' : answer(url.pathname))
  })

  function line (path, headers, body) {
    if (!path.startsWith('v1/')) return { api: 'v2', path, body }
    // REST v1 puts everything into a header. The nonce is the vault's to write, and so
    // is the path inside.
    const payload = Buffer.from(headers['x-bfx-payload'], 'base64').toString('utf8')
    const params = payload.replace(/^\{"request":"[^"]*","nonce":"[^"]*",?/, '{')
    return { api: 'v1', path, body: params }
  }

  return {
    async open () {
      await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
      return 'http://127.0.0.1:' + server.address().port
    },
    close () { server.closeAllConnections(); server.close() },
    // record runs one call and prints what it sent. A date that must be today's is
    // written as @TODAY@.
    async record (g, n, call, more = {}) {
      name = n; grant = g; extra = more; sent = []
      let failed
      try { await call() } catch (e) { failed = e }
      if (sent.length === 0) throw new Error(`${name} sent nothing: ${failed}`)
      sent.forEach((s, i) => {
        const full = { client, name: i === 0 ? name : `${name}, then`, grant, ...s, ...extra }
        full.body = full.body.replaceAll(today, '@TODAY@')
        console.log(JSON.stringify(full))
      })
    },
    today
  }
}

function answer (path) {
  if (path.endsWith('/positions')) {
    return JSON.stringify([['tBTCUSD', 'ACTIVE', 0.25, 60000, 0, 0, 1, 1, 1, 1, null, 4242, 1, 1, null, 0, 0, 0, 0, {}]])
  }
  return '[]'
}
