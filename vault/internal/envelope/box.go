package envelope

// BoxOverhead is by how many bytes a sealed box is longer than its plaintext: the
// sender's one-shot public key and the tag.
const BoxOverhead = keySize + tagSize

// TransportSize is the length of the guarded memory that a [Transport] lives in.
const TransportSize = 2 * keySize

// Transport is a one-shot X25519 key pair in guarded memory. What vaultctl seals
// to its public half is opened once, straight into guarded memory: gRPC, HTTP/2
// and protobuf buffers see ciphertext only (P1).
//
// The wire format is nacl/box's SealAnonymous (libsodium's crypto_box_seal),
// opened by primitives that take pointers, since OpenAnonymous leaves copies of
// the secret half in the heap. A Transport is not safe for concurrent use.
type Transport struct {
	mem  *[TransportSize]byte // secret half, public half
	used bool
}

// NewTransport draws a key pair into mem, which the caller keeps guarded and
// destroys after use.
func NewTransport(mem *[TransportSize]byte) *Transport {
	t := &Transport{mem: mem}
	newX25519(t.public(), t.secret())
	return t
}

func (t *Transport) secret() *[keySize]byte { return (*[keySize]byte)(t.mem[:keySize]) }
func (t *Transport) public() *[keySize]byte { return (*[keySize]byte)(t.mem[keySize:]) }

// Public returns the public half. After [Transport.Open] it is zero.
func (t *Transport) Public() [32]byte { return *t.public() }

// Open appends the plaintext of a box to dst, which needs room for
// len(box)-[BoxOverhead] more bytes and is never grown, nor allocated where it is
// nil ([ErrShortBuffer]). box
// and dst must not overlap. It returns [ErrBox] for a box that was not sealed to
// this key, for a sender's key of low order, and for every call but the first:
// whatever the outcome, the key pair is wiped.
func (t *Transport) Open(dst, box []byte) ([]byte, error) {
	if t.used {
		return nil, ErrBox
	}
	t.used = true
	defer clear(t.mem[:])

	if len(box) < BoxOverhead || len(box) > BoxOverhead+MaxPlaintext {
		return nil, ErrBox
	}
	if cap(dst)-len(dst) < len(box)-BoxOverhead {
		return nil, ErrShortBuffer
	}
	sender := [keySize]byte(box)
	nonce := boxNonce(&sender, t.public())
	if !boxKey(t.secret(), &sender) {
		return nil, ErrBox
	}
	plaintext, ok := aeadOpen(dst, box[keySize:], &nonce, t.secret())
	if !ok {
		return nil, ErrBox
	}
	return plaintext, nil
}

// SealBox seals plaintext to the public half of a [Transport]. It returns
// [ErrTooLarge], and [ErrBox] for a public key of low order.
func SealBox(public *[32]byte, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, ErrTooLarge
	}
	if lowOrder(public) {
		return nil, ErrBox
	}
	return sealAnonymous(public, plaintext)
}
