package mac

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"

	"bfxvault/vault/internal/guard"
)

// errForm fails closed: a Go release whose digests cannot be driven as below.
var errForm = errors.New("mac: the standard library's digests do not marshal as expected")

// digest is what the standard library's SHA-2 digests are.
type digest interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// algorithm is a hash of the SHA-2 family. Its digest marshals as magic (4 bytes),
// chaining value, one block of pending bytes (zeros when there are none) and the
// length so far in bytes as uint64, big endian.
type algorithm struct {
	new   func() hash.Hash
	magic string
	block int    // bytes of a block
	chain int    // bytes of a chaining value
	sum   int    // bytes of a hash: the first of the last chaining value
	check string // HMAC of RFC 4231 test case 2, in hex
}

func sha384() algorithm {
	return algorithm{sha512.New384, "sha\x04", sha512.BlockSize, 64, sha512.Size384,
		"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"}
}

func sha2256() algorithm {
	return algorithm{sha256.New, "sha\x03", sha256.BlockSize, 32, sha256.Size,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}
}

// formSize returns the length of a marshalled digest in bytes.
func (a algorithm) formSize() int { return 4 + a.chain + a.block + 8 }

// memory returns how many bytes a core works in.
func (a algorithm) memory() int { return 2*a.formSize() + 4*a.block }

// core drives a digest of the standard library by whole blocks. All that it knows
// is in the memory it was given and in the digest, and wipe clears both.
type core struct {
	algorithm
	digest digest
	in     []byte // marshalled digest after one block, to resume from
	out    []byte // marshalled digest, as read
	buf    []byte // message under assembly, whole blocks long
	n      int    // bytes of buf in use
	size   uint64 // bytes of the message so far, with those in buf
}

// newCore returns a core over mem, a.memory() bytes, once it has computed a known
// answer.
func newCore(a algorithm, mem []byte) (*core, error) {
	d, ok := a.new().(digest)
	if !ok {
		return nil, errForm
	}
	f := a.formSize()
	c := &core{algorithm: a, digest: d, in: mem[:f:f], out: mem[f : 2*f : 2*f], buf: mem[2*f : a.memory()]}
	copy(c.in, a.magic)
	binary.BigEndian.PutUint64(c.in[f-8:], uint64(a.block))
	if !c.works() {
		return nil, errForm
	}
	return c, nil
}

// works computes RFC 4231 test case 2 from resumed states, by every step that a
// real key will take. Where the digest fails, or marshals to another length, the
// sum is wrong.
func (c *core) works() bool {
	states, sum := make([]byte, 2*c.chain), make([]byte, c.sum)
	c.precompute(states, []byte("Jefe"))
	c.sumResumed(sum, states, [][]byte{[]byte("what do ya want "), []byte("for nothing?")})
	c.wipe()
	return hex.EncodeToString(sum) == c.check
}

// precompute writes the chaining values after the blocks key⊕ipad and key⊕opad to
// dst. Together they are as long as a block: the blocks are built in dst as well.
func (c *core) precompute(dst, key []byte) {
	c.keyBlock(dst, key)
	xor(dst, 0x36)
	c.start()
	c.feed(dst)
	inner := c.buf[:copy(c.buf, c.read())]
	xor(dst, 0x36^0x5c)
	c.start()
	c.feed(dst)
	copy(dst, inner)
	copy(dst[c.chain:], c.read())
}

// sumResumed writes to dst the HMAC of the parts under the states of precompute.
func (c *core) sumResumed(dst, states []byte, parts [][]byte) {
	c.resume(states[:c.chain])
	for _, p := range parts {
		c.absorb(p)
	}
	inner := c.finish()
	c.resume(states[c.chain:])
	c.absorb(inner[:c.sum])
	copy(dst, c.finish())
}

// sumOnce writes to dst the HMAC of the parts under key. The blocks key⊕ipad and
// key⊕opad are built in pad, one block long.
func (c *core) sumOnce(dst, pad, key []byte, parts [][]byte) {
	c.keyBlock(pad, key)
	xor(pad, 0x36)
	c.start()
	c.feed(pad)
	for _, p := range parts {
		c.absorb(p)
	}
	inner := c.finish()
	xor(pad, 0x36^0x5c)
	c.start()
	c.feed(pad)
	c.absorb(inner[:c.sum])
	copy(dst, c.finish())
}

// keyBlock writes the key, hashed where it is longer than a block, to pad and
// zeros behind it (RFC 2104 section 2).
func (c *core) keyBlock(pad, key []byte) {
	if len(key) <= c.block {
		clear(pad[copy(pad, key):])
		return
	}
	c.start()
	whole := len(key) / c.block * c.block
	c.feed(key[:whole])
	c.size = uint64(len(key))
	c.close(pad, copy(pad, key[whole:]))
	clear(pad[copy(pad, c.read()[:c.sum]):])
}

// start begins a message.
func (c *core) start() {
	c.digest.Reset()
	c.n, c.size = 0, 0
}

// resume begins a message whose first block has been hashed to chain.
func (c *core) resume(chain []byte) {
	copy(c.in[4:4+c.chain], chain)
	_ = c.digest.UnmarshalBinary(c.in) // works has seen that it can
	c.n, c.size = 0, uint64(c.block)
}

// feed hashes whole blocks where they are, before anything is absorbed.
func (c *core) feed(blocks []byte) {
	_, _ = c.digest.Write(blocks) // hash.Hash: never an error
	c.size += uint64(len(blocks))
}

// absorb adds p to the message, by way of buf.
func (c *core) absorb(p []byte) {
	c.size += uint64(len(p))
	for {
		n := copy(c.buf[c.n:], p)
		c.n += n
		if p = p[n:]; len(p) == 0 {
			return
		}
		_, _ = c.digest.Write(c.buf)
		c.n = 0
	}
}

// finish ends the message and returns its hash as a chaining value, good until the
// next read.
func (c *core) finish() []byte {
	whole := c.n / c.block * c.block
	_, _ = c.digest.Write(c.buf[:whole])
	c.close(c.buf[:c.block], copy(c.buf, c.buf[whole:c.n]))
	return c.read()
}

// close pads and hashes the last block, of which n bytes are message: a one bit,
// zeros, and the length of the message in bits (FIPS 180-4 section 5.1).
func (c *core) close(block []byte, n int) {
	block[n] = 0x80
	clear(block[n+1:])
	if n+1+c.block/8 > c.block {
		_, _ = c.digest.Write(block)
		clear(block)
	}
	binary.BigEndian.PutUint64(block[c.block-8:], c.size*8)
	_, _ = c.digest.Write(block)
}

// read returns the chaining value of the digest, good until the next read.
func (c *core) read() []byte {
	_, _ = c.digest.AppendBinary(c.out[:0]) // works has seen that it fits
	return c.out[4 : 4+c.chain]
}

// wipe clears what the last computation left.
func (c *core) wipe() {
	c.digest.Reset()
	guard.Wipe(c.in[4 : 4+c.chain])
	guard.Wipe(c.out)
	guard.Wipe(c.buf)
}

func xor(b []byte, with byte) {
	for i := range b {
		b[i] ^= with
	}
}
