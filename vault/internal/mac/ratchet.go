package mac

import (
	"fmt"

	"bfxvault/vault/internal/guard"
)

// Ratchet makes tags with a key that steps forward one way after each: who takes the
// key of today cannot make the tags of yesterday (Bellare and Yee, "Forward-Security
// in Private-Key Cryptography", 2003). All it knows is in the memory it was given.
// It is not safe for concurrent use.
type Ratchet struct {
	core   *core
	kept   []byte // the key to go back to
	key    []byte // the key of the next tag
	states []byte // its mid-states, while a tag is made
}

// RatchetSize is the length in bytes of the memory that a Ratchet lives in.
const RatchetSize = 2*32 + 64 + 2*(4+32+64+8) + 4*64

// stepInfo is what the next key is the HMAC of. No hash has its length.
const stepInfo = "bfxvault/v1/audit/step"

// NewRatchet returns a ratchet in mem, RatchetSize bytes, whose first key stands in
// the first 32 of them. It fails where the standard library has changed.
func NewRatchet(mem []byte) (*Ratchet, error) {
	a := sha2256()
	if len(mem) != RatchetSize || RatchetSize != 2*32+a.block+a.memory() {
		return nil, fmt.Errorf("mac: ratchet in %d bytes, want %d", len(mem), RatchetSize)
	}
	c, err := newCore(a, mem[2*32+64:])
	if err != nil {
		return nil, err
	}
	r := &Ratchet{core: c, kept: mem[:32:32], key: mem[32:64:64], states: mem[64:128:128]}
	copy(r.key, r.kept)
	return r, nil
}

// Tag writes to tag, at most 32 bytes, the first bytes of HMAC-SHA-256 of hash, 32
// bytes, under the key, and puts in its place the HMAC-SHA-256 of "bfxvault/v1/audit/step".
func (r *Ratchet) Tag(tag, hash []byte) {
	r.core.precompute(r.states, r.key)
	r.core.sumResumed(r.key, r.states, [][]byte{hash}) // a tag is no secret
	copy(tag, r.key)
	r.core.sumResumed(r.key, r.states, [][]byte{[]byte(stepInfo)})
	guard.Wipe(r.states)
	r.core.wipe()
}

// Settle keeps the steps since it was called last and wipes the key before them, or
// undoes them.
func (r *Ratchet) Settle(keep bool) {
	if keep {
		copy(r.kept, r.key)
	} else {
		copy(r.key, r.kept)
	}
}
