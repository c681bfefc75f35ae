// Package guard keeps secrets in memory that is locked, left out of core files
// and gone at a known moment. It is the only importer of memguard.
//
// Use [NewSlab] with [Best] for what lives as long as the vault is unlocked (the
// mid-states of all API keys, the data key), and [NewBuffer] for what lives for
// one operation. Run code that has a secret in its hands inside [Quiet]. Use [Wipe]
// on what could not avoid ordinary memory.
//
// # Traps
//
// A slot is valid only between [Slab.Enter] and [Slab.Leave]; a slice kept longer
// points at memory that is no longer mapped, and touching that ends the process.
// Whoever has entered must not call [Slab.Destroy]: it would wait for itself. A
// slot that is freed while another goroutine still uses it reads as zeros, or as
// somebody else's secret: the owner of the index keeps such users away, with a [Gate].
//
// Locked memory is scarce: RLIMIT_MEMLOCK is 8 MiB on most machines and 64 KiB on
// some, for the whole process. A [Buffer] takes at least one page. Whatever does
// not fit is refused with a [*LimitError], which says how to raise the limit.
// Nothing else in the process may lock memory.
//
// memguard itself panics and wipes every other buffer when the kernel refuses a
// lock, and its Enclave deadlocks there (A53, A54). So each of its allocations is
// rehearsed first with the same system calls, under one lock, and Enclave,
// CatchInterrupt and Purge are not used.
//
// # Promises
//
// Memory of backend [MemfdSecret] cannot be read by root through /proc, ptrace or
// process_vm_readv (P1). After [Slab.Destroy] and [Buffer.Destroy] return, the
// memory has been wiped and is unmapped, and no user was inside when that happened
// (P5, A60). A refused allocation leaves all others untouched. What ran inside Quiet
// has left nothing on the stack or in vector registers, nor on a signal's stack
// (A52).
package guard
