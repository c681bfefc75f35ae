package envelope

import (
	"crypto/sha256"
	"encoding/binary"

	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
)

// A stream is more than one record may hold, sealed in chunks in the manner of age's
// STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and
// its Nonce-Reuse Misuse-Resistance", 2015). The nonce of a chunk is its number and
// whether it is the last: none can be moved, left out, or put behind the end. A call does
// not block signals for longer than a chunk takes: the garbage collector may be waiting.
const (
	// ChunkSize is the plaintext of every chunk but the last, which has 1 to ChunkSize
	// bytes; a stream of nothing is one empty chunk.
	ChunkSize = 64 << 10

	sealedChunkSize = ChunkSize + tagSize
	infoStream      = "bfxvault/v1/backup"
)

// SealStream appends plaintext, sealed, to dst. Its key is derived from the data key and
// from the header, which must hold a salt that was never used before: then no key was,
// and nonces may count. It fails where guarded memory does.
func SealStream(dst []byte, dataKey *[32]byte, header, plaintext []byte) ([]byte, error) {
	key, err := streamKey(dataKey, header)
	if err != nil {
		return nil, err
	}
	defer key.Destroy()
	for n := uint64(0); ; n++ {
		chunk := plaintext[:min(len(plaintext), ChunkSize)]
		plaintext = plaintext[len(chunk):]
		nonce := chunkNonce(n, len(plaintext) == 0)
		guard.Quiet(func() { dst = aeadSeal(dst, chunk, &nonce, (*[keySize]byte)(key.Bytes())) })
		if len(plaintext) == 0 {
			return dst, nil
		}
	}
}

// OpenStream appends the plaintext of a stream to dst. It returns [ErrStreamDamaged]
// where a byte of it or of its header is not what was sealed, where it is longer or
// shorter, or was sealed under another data key (A45); and what guarded memory fails with.
func OpenStream(dst []byte, dataKey *[32]byte, header, sealed []byte) ([]byte, error) {
	key, err := streamKey(dataKey, header)
	if err != nil {
		return nil, err
	}
	defer key.Destroy()
	for n, ok := uint64(0), true; ; n++ {
		chunk := sealed[:min(len(sealed), sealedChunkSize)]
		sealed = sealed[len(chunk):]
		nonce := chunkNonce(n, len(sealed) == 0)
		guard.Quiet(func() { dst, ok = aeadOpen(dst, chunk, &nonce, (*[keySize]byte)(key.Bytes())) })
		if !ok {
			return nil, ErrStreamDamaged
		}
		if len(sealed) == 0 {
			return dst, nil
		}
	}
}

// StreamSize is the length of a sealed stream of n bytes.
func StreamSize(n int) int { return n + tagSize*max(1, (n+ChunkSize-1)/ChunkSize) }

// chunkNonce is never used twice with one key.
func chunkNonce(n uint64, last bool) (nonce [nonceSize]byte) {
	binary.BigEndian.PutUint64(nonce[nonceSize-9:], n)
	if last {
		nonce[nonceSize-1] = 1
	}
	return nonce
}

// streamKey derives the key of one stream into guarded memory.
func streamKey(dataKey *[keySize]byte, header []byte) (*guard.Buffer, error) {
	key, err := guard.NewBuffer(keySize)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(header)
	if err := mac.HKDF256(key.Bytes(), dataKey[:], infoStream+string(sum[:])); err != nil {
		key.Destroy()
		return nil, err
	}
	return key, nil
}
