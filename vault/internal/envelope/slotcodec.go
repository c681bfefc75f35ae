package envelope

import (
	"crypto/subtle"
	"encoding/binary"
)

// A slot is stored as it stands in docs/format.md, integers big endian:
//
//	 0   1  format version
//	 1   1  kind
//	 2   4  id
//	 6   4  Argon2id time
//	10   4  Argon2id memory in KiB
//	14   1  Argon2id threads
//	15  16  salt
//	31   8  created, Unix seconds
//	39  24  nonce                     up to here: the header, then the nonce
//	63  32  one-shot X25519 public key
//	95  48  wrapped data key
//	143  8  first bytes of SHA-256 over all before
const (
	slotHeaderSize = 39
	checksumSize   = 8
	SlotSize       = slotHeaderSize + nonceSize + keySize + wrappedSize + checksumSize
)

// appendHeader appends what is authenticated with the data key.
func (s *Slot) appendHeader(b []byte) []byte {
	b = append(b, FormatVersion, byte(s.Kind))
	b = binary.BigEndian.AppendUint32(b, s.ID)
	b = binary.BigEndian.AppendUint32(b, s.Params.Time)
	b = binary.BigEndian.AppendUint32(b, s.Params.MemoryKiB)
	b = append(b, s.Params.Threads)
	b = append(b, s.Salt[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(s.Created))
}

// AppendBinary appends the [SlotSize] bytes of the slot. Its error is always nil.
func (s *Slot) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = s.appendHeader(b)
	b = append(b, s.nonce[:]...)
	b = append(b, s.ephemeral[:]...)
	b = append(b, s.wrapped[:]...)
	sum := checksum(b[start:])
	return append(b, sum[:]...), nil
}

// ParseSlot reads the bytes of one slot, which must be [SlotSize] long. It returns
// [ErrSlotDamaged] for a wrong length, checksum, version or kind, and a
// *[ParamsError] for a slot that is whole but asks for parameters out of bounds
// (A46).
func ParseSlot(b []byte) (Slot, error) {
	if len(b) != SlotSize || b[0] != FormatVersion {
		return Slot{}, ErrSlotDamaged
	}
	body, stored := b[:SlotSize-checksumSize], b[SlotSize-checksumSize:]
	if sum := checksum(body); subtle.ConstantTimeCompare(sum[:], stored) != 1 {
		return Slot{}, ErrSlotDamaged
	}
	s := Slot{
		Kind: SlotKind(b[1]),
		ID:   binary.BigEndian.Uint32(b[2:]),
		Params: Params{
			Time:      binary.BigEndian.Uint32(b[6:]),
			MemoryKiB: binary.BigEndian.Uint32(b[10:]),
			Threads:   b[14],
		},
		Salt:      [saltSize]byte(b[15:31]),
		Created:   int64(binary.BigEndian.Uint64(b[31:])),
		nonce:     [nonceSize]byte(b[39:63]),
		ephemeral: [keySize]byte(b[63:95]),
		wrapped:   [wrappedSize]byte(b[95:143]),
	}
	if err := s.Check(); err != nil {
		return Slot{}, err
	}
	return s, nil
}
