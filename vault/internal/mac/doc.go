// Package mac computes HMAC and HKDF over guarded memory without leaving a copy of
// the key behind.
//
// Use [Precompute] once per API secret, into a slot of guarded memory, and forget
// the secret; [Sum384] then signs from that state. [Sum256] and [HKDF256] are for
// the rare steps around it, proofs and derived keys.
//
// # Why not crypto/hmac
//
// crypto/hmac keeps key⊕ipad and key⊕opad in two slices on the heap, its digests
// keep the last partial block, and Sum works on a copy of the digest (A52: 200
// calls left about 200 copies of each). So here the compression function of the
// standard library is fed whole blocks only, padded by hand (RFC 2104, FIPS 180-4
// section 5.1) in memory that is guarded or wiped; its chaining value is set and
// read through the marshalled form of the digest; Sum is never called; and every
// digest is reset before it is let go.
//
// # Traps
//
// A state signs: whoever has it has the key, though not the secret. The memory
// behind dst of [Precompute] holds key⊕pad for a moment and must be guarded
// throughout. The message is copied through ordinary memory; it is not a secret.
// Sum384 has no time for [guard.Quiet]: a signal that catches it in flight leaves the
// registers of that moment on the thread's signal stack until the next signal.
//
// # Promises
//
// When a call returns, no key, key⊕ipad, key⊕opad or state of it is outside the
// memory that the caller gave; states are in ordinary memory in flight only (P1).
// If the standard library's digests ever change their marshalled form, Precompute,
// Sum256 and HKDF256 fail and no state comes to be.
package mac
