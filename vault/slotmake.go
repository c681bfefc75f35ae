package vault

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/store"
)

// slotRoom is guarded memory for what is made of a slot's KEK.
type slotRoom [slotRoomSize]byte

const slotRoomSize = envelope.WrapKeysSize + proofKeySize + kekSize

func (r *slotRoom) wraps() *envelope.WrapKeys { return (*envelope.WrapKeys)(r[:]) }
func (r *slotRoom) proof() []byte {
	return r[envelope.WrapKeysSize:][:proofKeySize:proofKeySize]
}

// again is for what is opened a second time.
func (r *slotRoom) again() *[32]byte {
	return (*[32]byte)(r[envelope.WrapKeysSize+proofKeySize:])
}

// lastSlot is the record of the highest id that a slot ever had. There is none while
// slot 1 is the only one that ever was.
const lastSlot = "last"

// checkWraps refuses what is no record of its bucket.
func checkWraps(key string, plain []byte) error {
	if key == lastSlot && len(plain) == 4 || key != lastSlot && len(plain) == envelope.WrapKeysSize {
		return nil
	}
	return errors.New("nothing that wraps")
}

// slotChanges makes what is written of a key slot: the data key and the audit key, both
// wrapped, each opened again from the bytes that the file will have; what wraps the next
// data key; and, of a slot that a human opens, the proof key. The changes refer to room
// until they are sealed. The caller has entered.
func (u *unlocked) slotChanges(slot envelope.Slot, kek, auditKey *[32]byte, room *slotRoom) ([]change, error) {
	key := slotKey(slot.ID)
	if err := errors.Join(
		envelope.DeriveWrapKeys(room.wraps(), kek),
		mac.HKDF256(room.proof(), kek[:], ProofInfo),
		envelope.WrapWith(&slot, u.id, room.wraps(), u.key()),
	); err != nil {
		return nil, err
	}
	text, err := slot.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	wrapped, err := envelope.WrapAuditKey(u.id, key, kek, auditKey)
	if err != nil {
		return nil, err
	}
	if err := u.reopen(text, wrapped, kek, auditKey, room.again()); err != nil {
		return nil, err
	}
	changes := []change{
		{place: place{store.Slots, key}, plain: text, asIs: true},
		{place: place{store.Audit, key}, plain: wrapped, asIs: true},
		sealedChange(store.Wraps, key, room.wraps()[:]),
	}
	if slot.Kind.Human() {
		changes = append(changes, sealedChange(store.Proofs, key, room.proof()))
	}
	return changes, nil
}

// reopen opens a slot as an unlock will, and compares what it gives.
func (u *unlocked) reopen(text, wrapped []byte, kek, auditKey, again *[32]byte) error {
	slot, err := envelope.ParseSlot(text)
	if err != nil {
		return err
	}
	if err := slot.Unwrap(u.id, kek, again); err != nil {
		return err
	}
	same := subtle.ConstantTimeCompare(again[:], u.key()[:])
	if err := envelope.UnwrapAuditKey(again, u.id, slotKey(slot.ID), kek, wrapped); err != nil {
		return err
	}
	if same&subtle.ConstantTimeCompare(again[:], auditKey[:]) != 1 {
		return errors.New("a slot does not open as it was made")
	}
	return nil
}

// nextSlotMu is the id of a new slot: above all that ever were, so that none has the
// place of one that was removed (A43). The caller has entered.
func (u *unlocked) nextSlotMu() (uint32, error) {
	var last uint32
	if sealed, ok := u.raw[place{store.Wraps, lastSlot}]; ok {
		plain, _, err := envelope.Open(nil, u.key(), u.placeOf(place{store.Wraps, lastSlot}), sealed)
		if err != nil {
			return 0, err
		}
		last = binary.BigEndian.Uint32(plain)
	}
	for _, s := range u.slotsMu() {
		last = max(last, s.ID)
	}
	if last+1 == 0 {
		return 0, errors.New("there are no more ids")
	}
	return last + 1, nil
}

// slotsMu are the key slots of an unlocked vault, which were all parsed before.
func (u *unlocked) slotsMu() (slots []envelope.Slot) {
	for p, text := range u.raw {
		if p.bucket != store.Slots {
			continue
		}
		if s, err := envelope.ParseSlot(text); err == nil {
			slots = append(slots, s)
		}
	}
	return slots
}

// slotMu finds a key slot of an unlocked vault.
func (u *unlocked) slotMu(op string, id uint32) (envelope.Slot, error) {
	s, err := envelope.ParseSlot(u.raw[place{store.Slots, slotKey(id)}])
	if err != nil {
		return s, fail(op, KindNotFound, "there is no key slot %d", id).hint("vaultctl slot list")
	}
	return s, nil
}

// removal is what goes with a key slot.
func (u *unlocked) removal(id uint32) (changes []change) {
	for _, bucket := range []string{store.Slots, store.Audit, store.Wraps, store.Proofs} {
		if p := (place{bucket, slotKey(id)}); u.raw[p] != nil {
			changes = append(changes, change{place: p, remove: true})
		}
	}
	return changes
}

// rereadMu reads the file anew and compares what stands there of these changes with what
// was opened before it was written.
func (v *Vault) rereadMu(op string, u *unlocked, changes []change) error {
	f, err := readFile(op, v.store)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if !bytes.Equal(f.raw[c.place], u.raw[c.place]) {
			return tampered(op, c.place)
		}
	}
	return nil
}

// unwrapError gives the error of unwrapping a data key its kind.
func unwrapError(op string, slot uint32, err error) *Error {
	if errors.Is(err, envelope.ErrWrongKey) {
		return wrongPassphrase(op, slot)
	}
	return memoryError(op, err)
}
