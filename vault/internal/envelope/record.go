package envelope

import (
	"encoding/binary"
	"math"
)

// A sealed record, integers big endian:
//
//	 0   1  format version
//	 1   8  revision of the vault at which it was sealed
//	 9  24  nonce
//	33  16  Poly1305 tag
//	49   …  ciphertext
const (
	recordHeaderSize = 1 + 8 + nonceSize

	// Overhead is by how many bytes a sealed record is longer than its plaintext.
	Overhead = recordHeaderSize + tagSize

	// MaxPlaintext bounds one record. secretbox authenticates a message as a whole
	// before it releases any of it, and no record of the vault comes near.
	MaxPlaintext = 1 << 20
)

// Place is where a record stands. It is authenticated with the record.
type Place struct {
	Vault  VaultID
	Bucket string
	Key    []byte
}

// nonce binds format version, vault, bucket, key and revision.
func (p *Place) nonce(header *[recordHeaderSize]byte) [nonceSize]byte {
	return bindNonce((*[nonceSize]byte)(header[9:]), domainRecord,
		header[:1], p.Vault[:], []byte(p.Bucket), p.Key, header[1:9])
}

// Seal appends the sealed plaintext to dst, with a fresh random nonce. plaintext
// and dst must not overlap; plaintext is not copied. It returns [ErrTooLarge].
func Seal(dst []byte, key *[32]byte, p Place, revision uint64, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext || len(p.Bucket) > math.MaxUint16 || len(p.Key) > math.MaxUint16 {
		return nil, ErrTooLarge
	}
	var header [recordHeaderSize]byte
	header[0] = FormatVersion
	binary.BigEndian.PutUint64(header[1:], revision)
	*(*[nonceSize]byte)(header[9:]) = randomNonce()

	nonce := p.nonce(&header)
	return aeadSeal(append(dst, header[:]...), plaintext, &nonce, key), nil
}

// Open appends the plaintext to dst and returns it with the revision at which it
// was sealed. dst needs room for len(sealed)-[Overhead] more bytes and is never
// grown ([ErrShortBuffer]): give it guarded memory for secrets. A nil dst is
// allocated. sealed and dst must not overlap.
//
// It returns a *[TamperedError] for a record that was not sealed at this place
// under this key; then dst's memory is as it was (A45).
func Open(dst []byte, key *[32]byte, p Place, sealed []byte) ([]byte, uint64, error) {
	if len(sealed) < Overhead || len(sealed) > Overhead+MaxPlaintext || sealed[0] != FormatVersion {
		return nil, 0, &TamperedError{Bucket: p.Bucket, Key: string(p.Key)}
	}
	dst, err := room(dst, len(sealed)-Overhead)
	if err != nil {
		return nil, 0, err
	}
	header := (*[recordHeaderSize]byte)(sealed)
	nonce := p.nonce(header)
	plaintext, ok := aeadOpen(dst, sealed[recordHeaderSize:], &nonce, key)
	if !ok {
		return nil, 0, &TamperedError{Bucket: p.Bucket, Key: string(p.Key)}
	}
	return plaintext, binary.BigEndian.Uint64(header[1:]), nil
}

// room returns dst if n bytes can be appended to it in place, a new buffer for a
// nil dst, and otherwise [ErrShortBuffer].
func room(dst []byte, n int) ([]byte, error) {
	switch {
	case dst == nil:
		return make([]byte, 0, n), nil
	case cap(dst)-len(dst) < n:
		return nil, ErrShortBuffer
	default:
		return dst, nil
	}
}
