package vault

import "encoding/binary"

// KeySlot is what a new key slot is made of.
type KeySlot struct {
	Kind   string       // "passphrase", "recovery" or "keyfile"
	Params Argon2Params // zero for a keyfile
	Salt   [16]byte     // zero for a keyfile
}

func (s KeySlot) fields() [][]byte {
	return [][]byte{[]byte(s.Kind), u32(s.Params.Time), u32(s.Params.MemoryKiB), {s.Params.Threads}, s.Salt[:]}
}

// AddSlot adds a key slot.
type AddSlot struct {
	Slot KeySlot
	By   uint32 // the slot that vouches, which a human opens
	// KEKs are that slot's and the new one's, 32 bytes each, sealed together.
	KEKs Sealed
}

// Purpose is what the KEKs are sealed for.
func (r AddSlot) Purpose() Operation { return operation("AddSlot", r.Slot.fields()...).with(u32(r.By)) }

// ReplaceSlot puts a new slot of the same kind in the place of one that a human opens.
type ReplaceSlot struct {
	ID     uint32
	Params Argon2Params
	Salt   [16]byte
	By     uint32 // the slot that vouches, which a human opens: itself, or another
	// KEKs are that slot's and the new one's, 32 bytes each, sealed together.
	KEKs Sealed
}

// Purpose is what the KEKs are sealed for.
func (r ReplaceSlot) Purpose() Operation {
	s := KeySlot{Kind: slotKey(r.ID), Params: r.Params, Salt: r.Salt}
	return operation("ReplaceSlot", s.fields()...).with(u32(r.By))
}

// RemoveSlot removes a key slot.
type RemoveSlot struct{ ID uint32 }

// Operation is what a proof is made for.
func (r RemoveSlot) Operation() Operation { return operation("RemoveSlot", []byte(slotKey(r.ID))) }

// RotateDataKey seals everything under a new data key.
type RotateDataKey struct{}

// Operation is what a proof is made for.
func (RotateDataKey) Operation() Operation { return operation("RotateDataKey") }

// RestoreBackup makes the vault of a backup.
type RestoreBackup struct {
	Slot   uint32
	KEK    Sealed   // 32 bytes
	Digest [32]byte // SHA-256 of the file
	// SeenRevision is the newest revision of this vault that the operator has seen, 0
	// for none.
	SeenRevision uint64
}

// Purpose is what the KEK is sealed for.
func (r RestoreBackup) Purpose() Operation {
	return operation("RestoreBackup", u32(r.Slot), r.Digest[:], binary.BigEndian.AppendUint64(nil, r.SeenRevision))
}
