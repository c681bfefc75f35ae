// A bot that lists its wallets. It holds no secret: vaultd signs what it sends.
const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const bitfinex = process.env.BITFINEX || 'https://api.bitfinex.com'
const socket = path.join(process.env.BFXVAULT_DIR, 'run/sign.sock')
const proto = loader.loadSync('bfxvault/v1/signer.proto', {
  includeDirs: [path.join(__dirname, '../../proto')],
  longs: String, // a request nonce is a 64-bit number
})
const { SignerService } = grpc.loadPackageDefinition(proto).bfxvault.v1
const vault = new SignerService(`unix:${socket}`, grpc.credentials.createInsecure())

function sign(request) {
  const deadline = Date.now() + 5000
  return new Promise((resolve, reject) => {
    vault.signRest(request, { deadline }, (err, signed) => (err ? reject(err) : resolve(signed)))
  })
}

async function call(apiPath, params) {
  const body = JSON.stringify(params)
  const signed = await sign({ label: 'main', path: apiPath, body: Buffer.from(body) })
  const response = await fetch(`${bitfinex}/${apiPath}`, {
    method: 'POST',
    redirect: 'error',
    body, // exactly what was signed
    headers: {
      'content-type': 'application/json',
      'bfx-apikey': signed.apiKey,
      'bfx-nonce': signed.requestNonce,
      'bfx-signature': signed.signature,
    },
  })
  return response.json()
}

call('v2/auth/r/wallets', {}).then(console.log).finally(() => vault.close())
