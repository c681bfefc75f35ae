package envelope

import (
	"encoding/binary"
	"math"

	"bfxvault/vault/internal/mac"
)

// ManifestSize is the length of an encoded [Manifest].
const ManifestSize = 8 + 8 + 32

// SetHashStateSize is the length of the memory that [SetHashState] fills.
const SetHashStateSize = mac.StateSize

// Manifest says what a vault holds: at which revision, how many entries, and
// their [SetHash]. It is stored sealed.
type Manifest struct {
	Revision uint64
	Count    uint64
	Sum      [32]byte
}

// AppendBinary appends the [ManifestSize] bytes of the manifest: revision, count,
// sum. Its error is always nil.
func (m Manifest) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, m.Revision)
	b = binary.BigEndian.AppendUint64(b, m.Count)
	return append(b, m.Sum[:]...), nil
}

// ParseManifest reads what [Manifest.AppendBinary] wrote, or returns
// [ErrManifestDamaged] for another length.
func ParseManifest(b []byte) (Manifest, error) {
	if len(b) != ManifestSize {
		return Manifest{}, ErrManifestDamaged
	}
	return Manifest{
		Revision: binary.BigEndian.Uint64(b),
		Count:    binary.BigEndian.Uint64(b[8:]),
		Sum:      [32]byte(b[16:]),
	}, nil
}

// SetHashState fills state, [SetHashStateSize] bytes of guarded memory, from the
// data key. What it holds stands for a key and is wiped on lock.
func SetHashState(state []byte, dataKey *[32]byte) error {
	return manifestState(state, dataKey)
}

// SetHash is an incremental hash over a set of (bucket, key, value), as they
// stand in the file: the XOR of a keyed pseudo-random function of each element,
// and their number. Adding or removing one costs one HMAC, whatever the size of
// the set. The zero SetHash is that of the empty set.
//
// XOR is sound here because the elements form a set, bucket and key being unique
// in a file, so that none can cancel another; and because nobody without the data
// key sees a sum or a function value, since the manifest is sealed: without them
// there are no linear relations to solve for, and a forged set matches by luck,
// one time in 2^256 (Clarke and others, "Incremental Multiset Hash Functions",
// 2003, section 5: MSet-XOR-Hash, whose random nonce the sealing replaces).
type SetHash struct {
	Sum   [32]byte
	Count uint64
}

// Add adds an element that is not in the set.
func (h *SetHash) Add(state []byte, bucket string, key, value []byte) {
	h.toggle(state, bucket, key, value)
	h.Count++
}

// Remove removes an element that is in the set.
func (h *SetHash) Remove(state []byte, bucket string, key, value []byte) {
	h.toggle(state, bucket, key, value)
	h.Count--
}

func (h *SetHash) toggle(state []byte, bucket string, key, value []byte) {
	if len(bucket) > math.MaxUint16 || len(key) > math.MaxUint16 {
		panic("envelope: bucket or key too long to hash") // unreachable: store refuses them
	}
	var lengths [2 + 2]byte
	binary.BigEndian.PutUint16(lengths[:], uint16(len(bucket)))
	binary.BigEndian.PutUint16(lengths[2:], uint16(len(key)))
	sum := elementHash(state, lengths[:], []byte(bucket), key, value)
	for i := range h.Sum {
		h.Sum[i] ^= sum[i]
	}
}
