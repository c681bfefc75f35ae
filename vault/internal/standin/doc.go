// Package standin judges what a stock client has signed with its stand-in credential:
// whether its nonce is of now, and whether it was shown before.
//
// [ParseNonce] reads a client's nonce as a time; [Memory] remembers what was shown.
//
// Trap: whether the signature is right is for the caller to say first. Nothing that was
// not signed may be remembered, or strangers fill the memory.
//
// Promise: a request that changes something is good once.
package standin
