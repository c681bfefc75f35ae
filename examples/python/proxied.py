"""A bot with the standard library alone, over vaultproxy's unix socket.

It signs with a stand-in credential, which is good against one vault and worthless
elsewhere: vaultctl bot issue NAME, and vaultproxy --listen unix:PATH.
"""

import hashlib
import hmac
import http.client
import json
import os
import socket
import time

API_KEY, API_SECRET = os.environ["BFX_API_KEY"], os.environ["BFX_API_SECRET"]
SOCKET = os.environ["BFX_API_SOCKET"]


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


bitfinex = Unix("localhost", timeout=90)  # kept: one connection for all requests


def call(path, params):
    body, nonce = json.dumps(params), str(time.time_ns() // 1000)
    signed = f"/api/{path}{nonce}{body}".encode()
    bitfinex.request("POST", f"/{path}", body, {
        "content-type": "application/json",
        "bfx-apikey": API_KEY,
        "bfx-nonce": nonce,
        "bfx-signature": hmac.new(API_SECRET.encode(), signed, hashlib.sha384).hexdigest(),
    })
    response = bitfinex.getresponse()
    answer = json.loads(response.read())
    if response.status != 200:
        raise RuntimeError(answer)
    return answer


print("wallets", len(call("v2/auth/r/wallets", {})))
placed = call("v2/auth/w/order/submit", {
    "type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.1", "price": "10000",
})
order = placed[4][0]
print("placed", order[3], placed[6])
print("open", len(call("v2/auth/r/orders", {})))
print("canceled", call("v2/auth/w/order/cancel", {"id": order[0]})[6])
try:
    call("v2/auth/w/order/submit", {
        "type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "90", "price": "10000",
    })
except RuntimeError as refused:
    print("refused", refused)
