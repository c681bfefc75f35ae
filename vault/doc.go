// Package vault is the domain of bfxvault: an encrypted file of Bitfinex API
// keys, the programs that may use them, and the signing itself.
//
// Open makes a Vault from a file; Init or Unlock opens it; Sign and SignV1 sign
// what a caller's grant allows; Lock wipes everything. Admin operations are
// methods with a request struct each; EffectOf says which of them need a proof.
//
// Traps: who a Caller is must come from the kernel, never from what it says.
// Secrets enter sealed to a one-shot key (BeginSealed) and are opened straight
// into guarded memory: none may pass through a Go string or a protobuf field in
// the clear.
//
// What it promises, by number (docs/threat-model.md): P1, the API secret is gone
// once its HMAC mid-states are computed; P3, nothing is signed outside a grant;
// P5, after Lock returns nothing is signed and no key material is left; P6,
// request nonces never repeat and never go back; P7, what was acknowledged is
// kept.
package vault
