package backup

import (
	"encoding/binary"
	"errors"

	"bfxvault/vault/internal/envelope"
)

// A backup, integers big endian:
//
//	 0  16  magic
//	16   1  format version
//	17  16  vault id
//	33   8  revision
//	41   8  created, Unix seconds
//	49  32  salt
//	81   1  number of slots, 1 to 255; of each: length (2), the slot
//	 …      up to here: the header; then the stream
//
// and the plaintext of the stream: number of entries (4); of each: length of bucket (1),
// bucket, length of key (2), key, length of value (4), value.
const (
	magic         = "bfxvault-backup\n"
	formatVersion = 1
	fixedSize     = 82
	countSize     = 4
)

func (f *File) appendHeader(b []byte, salt [32]byte) ([]byte, error) {
	if len(f.SlotBytes) == 0 || len(f.SlotBytes) > 255 {
		return nil, errors.New("a backup has 1 to 255 key slots")
	}
	b = append(append(b, magic...), formatVersion)
	b = append(b, f.Vault[:]...)
	b = binary.BigEndian.AppendUint64(b, f.Revision)
	b = binary.BigEndian.AppendUint64(b, uint64(f.Created))
	b = append(b, salt[:]...)
	b = append(b, byte(len(f.SlotBytes)))
	for _, slot := range f.SlotBytes {
		b = binary.BigEndian.AppendUint16(b, uint16(len(slot)))
		b = append(b, slot...)
	}
	return b, nil
}

func parseHeader(text []byte) (*File, error) {
	if len(text) > len(magic) && text[len(magic)] != formatVersion {
		return nil, ErrVersion
	}
	if len(text) < fixedSize {
		return nil, ErrDamaged
	}
	f := &File{
		Vault:    envelope.VaultID(text[17:33]),
		Revision: binary.BigEndian.Uint64(text[33:]),
		Created:  int64(binary.BigEndian.Uint64(text[41:])),
	}
	r := reader{rest: text[fixedSize:]}
	for range text[fixedSize-1] {
		slot, err := envelope.ParseSlot(r.field(2))
		var bounds *envelope.ParamsError
		switch {
		case r.short:
			return nil, ErrDamaged
		case errors.As(err, &bounds):
			return nil, err
		case err != nil, len(f.Slots) > 0 && slot.ID <= f.Slots[len(f.Slots)-1].ID:
			return nil, ErrDamaged
		}
		f.Slots, f.SlotBytes = append(f.Slots, slot), append(f.SlotBytes, r.last)
	}
	if len(f.Slots) == 0 || f.Revision == 0 {
		return nil, ErrDamaged
	}
	f.header, f.sealed = text[:len(text)-len(r.rest)], r.rest
	return f, nil
}

func (e *Entry) size() int { return 1 + len(e.Bucket) + 2 + len(e.Key) + 4 + len(e.Value) }

func appendEntries(b []byte, entries []Entry) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	for _, e := range entries {
		b = append(append(b, byte(len(e.Bucket))), e.Bucket...)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e.Key))), e.Key...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.Value))), e.Value...)
	}
	return b
}

// parseEntries reads what only this program has sealed, and believes none of it: an
// entry that stands twice or out of order is [ErrDamaged].
func parseEntries(plain []byte) ([]Entry, error) {
	if len(plain) < countSize {
		return nil, ErrDamaged
	}
	count := binary.BigEndian.Uint32(plain)
	r := reader{rest: plain[countSize:]}
	var entries []Entry
	for range count {
		e := Entry{Bucket: string(r.field(1)), Key: string(r.field(2)), Value: r.field(4)}
		if r.short || len(entries) > 0 && !entries[len(entries)-1].before(&e) {
			return nil, ErrDamaged
		}
		entries = append(entries, e)
	}
	if len(r.rest) != 0 {
		return nil, ErrDamaged
	}
	return entries, nil
}

// reader takes fields off the front of bytes.
type reader struct {
	rest, last []byte
	short      bool // there was less than a field says
}

// field takes a field behind its length in 1, 2 or 4 bytes, or nothing.
func (r *reader) field(size int) []byte {
	n := uint64(0)
	if len(r.rest) < size {
		r.short = true
		return nil
	}
	for _, b := range r.rest[:size] {
		n = n<<8 | uint64(b)
	}
	if n > uint64(len(r.rest)-size) {
		r.short = true
		return nil
	}
	r.last = r.rest[size : size+int(n)]
	r.rest = r.rest[size+int(n):]
	return r.last
}
