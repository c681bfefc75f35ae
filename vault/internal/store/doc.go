// Package store keeps the vault's entries in a bbolt file, behind an interface as
// narrow as the vault needs: load everything, and apply a batch if the revision
// is still the expected one. It sees ciphertext only.
//
// Start with [Open], then [Store.Load] and [Store.Apply].
//
// # Traps
//
// A page file is not authenticated, and the checksums of bbolt's meta pages can
// be written by anybody. Open refuses files whose structure is wrong, so that
// bbolt neither panics, loops nor falls back to yesterday's meta page on its own;
// that the entries are the right ones, only the envelope and its manifest can
// tell.
//
// Values handed to the function of Load live until it returns. That function must
// not call the store.
//
// After a [DamagedError] or [ErrInDoubt] from Load or Apply the store refuses
// everything but Close: open the file anew.
//
// # Promise
//
// Apply has written through to the disk when it returns nil, and has changed
// nothing when it returns [ErrConflict]. A process killed at any moment leaves a
// file that opens and holds every acknowledged batch (P7).
package store
