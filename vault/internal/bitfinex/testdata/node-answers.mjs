// Writes node-answers.jsonl: bodies, and what Node's JSON.parse makes of them, so that
// a test can compare without Node. Run: node node-answers.mjs > node-answers.jsonl
//
// Each line has the path and the body, and as answer the body once parsed and printed
// again, or null where Node refuses it.

const submit = 'v2/auth/w/order/submit'
const order = (more) => `{"type":"LIMIT","symbol":"tBTCUSD","amount":"1"${more}}`
const orderV1 = (more) => `{"symbol":"btcusd","amount":"0.01","price":"9","side":"sell","type":"exchange limit"${more}}`
const requests = []
const add = (path, body) => requests.push([path, body])

// Numbers, as they stand and as texts.
const numbers = [
  '0', '-0', '0.0', '-0.0', '1', '-1', '1.0', '1.10', '0.1', '-0.1', '0.30000000000000004', '123.456', '1e3', '1E3', '1e+3', '1e-7', '1.5e-7', '-1.5e-7', '1e+21', '1e-18', '1e-19', '2.5e+17', '9.99e+17', '1e+18',
  '9007199254740991', '9007199254740992', '9007199254740993', '123456789012345678', '999999999999999999', '1234567890123456789', '0.123456789012345678', '0.1234567890123456789', '100000000000000000.000000000000000001',
  '4.35', '0.000001', '1e-6', '01', '+1', '.5', '1.', '0x10', '1_000', 'NaN', 'Infinity', '١', '１', '1,5', ' 1', '1 ', '--1', '1e', '1e+', '-', '00', '1.2.3', '60000.5', '99999.9',
]
for (const n of numbers) {
  for (const v of [n, `"${n}"`]) {
    add(submit, order(`,"price":${v}`))
    add('v2/auth/w/order/update', `{"id":5,"delta":${v}}`)
  }
  add(submit, order(`,"cid":${n}`))
}

// Other values of every field.
const values = ['null', 'true', 'false', '""', '"a"', '[]', '{}', '[1]', '{"a":1}', '"\\u0031"', '"tBTCUSD"', '"\\u0074BTCUSD"', '"LIMIT"', '1', '64', '"64"', '"2026-01-02"', '"2026-01-02 03:04:05"']
for (const name of ['price', 'price_aux_limit', 'price_oco_stop', 'price_trailing', 'lev', 'flags', 'cid', 'gid', 'meta', 'tif', '__proto__', 'constructor', 'toString']) {
  for (const v of values) add(submit, order(`,"${name}":${v}`))
}

// Names in other spellings, and twice.
for (const name of ['price', 'Price', 'PRICE', '\\u0070rice', 'pric\\u0065', ' price', 'price ', 'pr\\u0131ce', 'prıce', 'price\\u0000', 'price\\u200b', '__proto__', 'pri\\ce', 'pri\\/ce']) {
  add(submit, order(`,"${name}":"2"`))
  add(submit, order(`,"price":"1","${name}":"2"`))
  add(submit, order(`,"meta":{"aff_code":"a","${name}":"2"}`))
}
add(submit, order(',"meta":{"aff_code":"a","aff_code":"b"}'))
add(submit, order(',"meta":{"aff_code":"a-b_C9"}'))

// Where things go.
const symbols = ['tBTCUSD', 'tBTCF0:USTF0', 'fUSD', 'tbtcusd', 't\\u0042TCUSD', 'tBTC\\/USD', 'tВTCUSD', '', 'tBTCUSD\\n', 't1INCH:USD']
for (const s of symbols) add(submit, `{"type":"EXCHANGE MARKET","symbol":"${s}","amount":"-1"}`)
for (const s of ['btcusd', 'BTCUSD', 'dusk:usd', 'tBTCUSD', 'btcUSD', 'btcus\\u0064']) add('v1/order/new', orderV1('').replace('btcusd', s))
for (const more of ['"is_hidden":true', '"is_postonly":1', '"post_only":true', '"ocoorder":true,"buy_price_oco":"8"', '"ocoorder":false,"buy_price_oco":0,"sell_price_oco":0', '"use_all_available":0', '"use_all_available":1', '"lev":3', '"side":"buy"', '"price":"1"']) {
  add('v1/order/new', orderV1(',' + more))
}
for (const v of ['"bc1qfake"', '"bc1q\\u0066ake"', '"bс1qfake"', '"bc1qfake "', '""', 'null', '1']) {
  add('v2/auth/w/withdraw', `{"method":"bitcoin","amount":"0.1","address":${v}}`)
  add('v2/auth/w/withdraw', `{"method":"ripple","amount":"0.1","address":"rFake","payment_id":${v}}`)
  add('v2/auth/w/transfer', `{"currency":"USD","amount":1,"email_dst":${v}}`)
}
add('v2/auth/w/order/multi', '{"ops":[["on",' + order('') + '],["ou",{"id":5,"delta":"-0.5"}],["oc",{"id":7}],["oc_multi",{"all":1}]]}')
add('v2/auth/w/order/multi', '{"ops":[["\\u006fn",' + order('') + ']]}')
add('v2/auth/w/order/multi', '{"ops":[["on",' + order('') + ',null]]}')
add('v2/auth/w/funding/offer/submit', '{"type":"LIMIT","symbol":"fUSD","amount":123.45,"rate":1e-7,"period":2,"flags":64}')

// Documents that are none.
for (const body of [order(',') , order('}'), '{"type":"LIMIT"', `[${order('')}]`, order('') + '\n', ' ' + order(''), order('').replace('{', '{ \t\r\n'), order('').replace('{', '{\u00a0'), order('').replace(/"/g, "'"), order(',"x":"\\x41"'), order(',"x":"\\ud800"'), order(',"x":"\\ud83d\\ude00"'), order(',"x":"\t"'), order(',//\n"x":1')]) {
  add(submit, body)
}

for (const [path, body] of requests) {
  let answer = null
  try {
    answer = JSON.stringify(JSON.parse(body))
  } catch {}
  console.log(JSON.stringify({ path, body, answer }))
}
