// Package envelope seals what the vault keeps: key slots, records and the
// manifest, and opens what vaultctl sends sealed. It sees keys and plaintext,
// never a file.
//
// Start with [Slot.Unwrap], which turns a KEK into the data key; then [Seal] and
// [Open], which take the data key and a record's [Place]; then [SetHash] and
// [Manifest], which say that no record is missing, swapped or from yesterday.
// [Transport] and [SealBox] are the two ends of the sealed transport.
//
// # Traps
//
// Keys are taken by pointer and plaintext is written where the caller says, so
// that both can stay in guarded memory. A destination that is too small is an
// error ([ErrShortBuffer]) and never grown, since growing would leave a copy of a
// secret to the garbage collector. Only a nil destination is allocated: for
// records that are no secret.
//
// A record that opens is a record that was sealed at that place and revision,
// not one that is still current: only the manifest tells yesterday's record from
// today's.
//
// No error of this package carries key material or plaintext.
//
// # Promise
//
// What version 1 sealed, every later version opens. docs/format.md describes it
// byte by byte, and the golden files under testdata hold us to it.
package envelope
