package mac

import (
	"fmt"
	"sync"

	"bfxvault/vault/internal/guard"
)

// StateSize is the length in bytes of the state that [Precompute] writes: the
// chaining values of SHA-384 after the block key⊕ipad and after the block key⊕opad,
// 64 bytes each, big endian.
const StateSize = 128

// cores are idle cores for SHA-384, wiped. A pool and not a value of the caller's,
// so that nobody has to carry one from the RPC down to here; it remembers nothing.
var cores sync.Pool

func acquire() (*core, error) {
	if c, ok := cores.Get().(*core); ok {
		return c, nil
	}
	a := sha384()
	return newCore(a, make([]byte, a.memory()))
}

// release takes back a core that has been wiped.
func release(c *core) { cores.Put(c) }

// Precompute writes to dst, StateSize bytes of guarded memory, the state from which
// [Sum384] signs under key: HMAC-SHA-384 (RFC 2104) with the key's two blocks hashed
// ahead. Any length of key is good; longer ones than 128 bytes are hashed first. The
// blocks are built in dst itself, which must not overlap key. It fails, and leaves
// dst alone, where dst has another length or the standard library has changed.
func Precompute(dst, key []byte) error {
	if len(dst) != StateSize {
		return fmt.Errorf("mac: state of %d bytes, want %d", len(dst), StateSize)
	}
	c, err := acquire()
	if err != nil {
		return err
	}
	guard.Quiet(func() {
		c.precompute(dst, key)
		c.wipe()
	})
	release(c)
	return nil
}

// Sum384 writes to dst the HMAC-SHA-384 of the concatenated parts under the key of
// state, which [Precompute] wrote. It does not allocate. It panics on a state of
// another length than StateSize.
func Sum384(dst *[48]byte, state []byte, parts ...[]byte) {
	if len(state) != StateSize {
		panic("mac: not a state")
	}
	c, err := acquire()
	if err != nil {
		panic(err) // unreachable: Precompute would have failed, and there were no state.
	}
	c.sumResumed(dst[:], state, parts)
	c.wipe()
	release(c)
}

// Sum256 writes to dst the HMAC-SHA-256 (RFC 2104) of the concatenated parts under
// key. It works in a [guard.Buffer] of its own and returns the error of making it.
func Sum256(dst *[32]byte, key []byte, parts ...[]byte) error {
	return guarded(func(c *core, pad, _ []byte) {
		c.sumOnce(dst[:], pad, key, parts)
	})
}

// HKDF256 fills dst, at most 32 bytes, with HKDF-SHA-256 of secret without a salt
// (RFC 5869); dst may be guarded memory. It works in a [guard.Buffer] of its own and
// returns the error of making it.
func HKDF256(dst, secret []byte, info string) error {
	if len(dst) > 32 {
		return fmt.Errorf("mac: HKDF of %d bytes, at most 32", len(dst))
	}
	return guarded(func(c *core, pad, prk []byte) {
		c.sumOnce(prk, pad, nil, [][]byte{secret}) // extract: no salt is a key of zeros
		c.sumOnce(prk, pad, prk, [][]byte{[]byte(info), {1}})
		copy(dst, prk)
	})
}

// guarded calls f with a core for SHA-256, a block and room for a hash, all of them
// in guarded memory that is gone when it returns.
func guarded(f func(c *core, pad, sum []byte)) error {
	a := sha2256()
	b, err := guard.NewBuffer(a.memory() + a.block + a.sum)
	if err != nil {
		return err
	}
	defer b.Destroy()
	mem := b.Bytes()
	c, err := newCore(a, mem[:a.memory()])
	if err != nil {
		return err
	}
	guard.Quiet(func() {
		f(c, mem[a.memory():][:a.block], mem[a.memory()+a.block:])
		c.wipe()
	})
	return nil
}
