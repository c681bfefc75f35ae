package envelope

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"

	"github.com/cloudflare/circl/dh/x25519"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/nacl/box"
	"golang.org/x/crypto/nacl/secretbox"
	//lint:ignore SA1019 HSalsa20 is what makes nacl/box's key from X25519 in memory of our own
	"golang.org/x/crypto/salsa20/salsa"
)

// Every primitive of this package is called in this file and nowhere else.

const (
	keySize   = 32
	nonceSize = 24
	tagSize   = secretbox.Overhead // Poly1305
)

// randomNonce draws an AEAD nonce. 24 random bytes do not repeat in the life of a
// data key, so no counter has to survive a restored file. crypto/rand.Read never
// fails: it ends the process instead.
func randomNonce() (nonce [nonceSize]byte) {
	rand.Read(nonce[:])
	return nonce
}

// bindNonce turns a stored nonce into the one that the cipher runs with, so that
// associated data is authenticated without a byte of plaintext being copied:
// other associated data means another nonce, under which no tag of ours is valid.
// It is how box.SealAnonymous binds both public keys (docs/adr/0001-secretbox.md).
//
// The preimage is a domain, the associated data and the stored nonce, each field
// behind its length: two different lists never encode alike.
func bindNonce(stored *[nonceSize]byte, domain string, fields ...[]byte) (nonce [nonceSize]byte) {
	pre := make([]byte, 0, 256)
	pre = appendField(pre, []byte(domain))
	for _, f := range fields {
		pre = appendField(pre, f)
	}
	pre = appendField(pre, stored[:])
	sum := sha256.Sum256(pre)
	copy(nonce[:], sum[:])
	return nonce
}

func appendField(b, field []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}

// aeadSeal appends the sealed plaintext to dst. XSalsa20-Poly1305 as secretbox,
// since it takes its key by pointer and keeps no copy of it: AES-GCM and
// XChaCha20-Poly1305 objects hold the key in the heap.
func aeadSeal(dst, plaintext []byte, nonce *[nonceSize]byte, key *[keySize]byte) []byte {
	return secretbox.Seal(dst, plaintext, nonce, key)
}

// aeadOpen appends the plaintext to dst, whose capacity the caller has checked.
// Nothing is written unless the tag is right.
func aeadOpen(dst, sealed []byte, nonce *[nonceSize]byte, key *[keySize]byte) ([]byte, bool) {
	return secretbox.Open(dst, sealed, nonce, key)
}

// checksum tells accidental damage apart from a wrong passphrase. It proves
// nothing: whoever edits a slot can write it anew.
func checksum(b []byte) (sum [checksumSize]byte) {
	full := sha256.Sum256(b)
	copy(sum[:], full[:])
	return sum
}

// manifestState derives the set hash's key and absorbs it into HMAC-SHA-384
// mid-states: one HMAC over short input costs two compressions and no key.
func manifestState(state []byte, dataKey *[keySize]byte) error {
	key, err := guard.NewBuffer(keySize)
	if err != nil {
		return err
	}
	defer key.Destroy()
	if err := mac.HKDF256(key.Bytes(), dataKey[:], infoManifest); err != nil {
		return err
	}
	return mac.Precompute(state, key.Bytes())
}

// elementHash is the set hash's pseudo-random function: HMAC-SHA-384, of which
// the caller keeps 32 bytes.
func elementHash(state []byte, parts ...[]byte) (sum [48]byte) {
	mac.Sum384(&sum, state, parts...)
	return sum
}

// newX25519 draws a secret scalar and writes its public half to public. circl's
// X25519 works on the caller's memory; crypto/ecdh copies the scalar to the heap,
// and KeyGen keeps the clamped scalar in public while it runs, so that both
// halves must be guarded memory.
func newX25519(public, secret *[keySize]byte) {
	rand.Read(secret[:])
	publicOf(public, secret)
}

func publicOf(public, secret *[keySize]byte) {
	x25519.KeyGen((*x25519.Key)(public), (*x25519.Key)(secret))
}

// boxKey replaces the scalar in secret by the key of nacl/box, which is
// HSalsa20(X25519(secret, peer), 0), and reports false for a peer of low order,
// whose shared point would be known to everybody (RFC 7748, section 6.1).
func boxKey(secret, peer *[keySize]byte) bool {
	if !sharedOf(secret, peer) {
		return false
	}
	salsa.HSalsa20(secret, new([16]byte), secret, &salsa.Sigma)
	return true
}

// sharedOf replaces the scalar in secret by X25519(secret, peer), and reports false for a
// peer of low order.
func sharedOf(secret, peer *[keySize]byte) bool {
	s := (*x25519.Key)(secret)
	return x25519.Shared(s, s, (*x25519.Key)(peer))
}

// boxNonce is SealAnonymous's nonce: BLAKE2b-192(ephemeral ‖ recipient).
func boxNonce(ephemeral, recipient *[keySize]byte) (nonce [nonceSize]byte) {
	h, err := blake2b.New(nonceSize, nil)
	if err != nil {
		panic(err) // unreachable: the size is valid and there is no key
	}
	h.Write(ephemeral[:])
	h.Write(recipient[:])
	h.Sum(nonce[:0])
	return nonce
}

// lowOrder reports whether public is a point that makes every shared secret zero.
func lowOrder(public *[keySize]byte) bool {
	scalar := [keySize]byte{8} // any: KeyGen clamps it, and it is no secret
	return !boxKey(&scalar, public)
}

// sealAnonymous is libsodium's crypto_box_seal: a fresh key pair for each box,
// so that the sender cannot open it either.
func sealAnonymous(recipient *[keySize]byte, plaintext []byte) ([]byte, error) {
	return box.SealAnonymous(nil, plaintext, recipient, rand.Reader)
}
