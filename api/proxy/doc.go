// Package proxy is a signing proxy for stock clients of Bitfinex: they sign with a
// stand-in credential and have its address for Bitfinex's; vaultd checks that, judges the
// request, and signs it with the API key; the proxy sends it on.
//
// Make one with [New]; it is an http.Handler. Give [PeerContext] to the http.Server as its
// ConnContext, so that the uid of who connects is known.
//
// Traps: the server has to have the timeouts of [Server], or a slow sender holds a
// connection for ever. What runs the proxy needs no right to read anything of the vault.
//
// Promise: it holds no secret. What it sends to Bitfinex is what vaultd signed, to the one
// upstream, once; but for a request whose nonce Bitfinex refused, which is signed anew and
// sent a second time.
package proxy
