package envelope

import (
	"errors"
	"fmt"
)

var (
	// ErrWrongKey is returned by [Slot.Unwrap] where the slot is undamaged but the
	// KEK does not open it: a wrong passphrase, or a slot of another vault.
	ErrWrongKey = errors.New("the key does not open this slot")

	// ErrSlotDamaged is returned by [ParseSlot] for bytes that are no slot of a
	// known version, or whose checksum is wrong.
	ErrSlotDamaged = errors.New("key slot is damaged")

	// ErrManifestDamaged is returned by [ParseManifest].
	ErrManifestDamaged = errors.New("manifest is malformed")

	// ErrShortBuffer says that a destination is too small and was not grown. It is
	// a mistake of the caller.
	ErrShortBuffer = errors.New("destination is too small and must not be grown")

	// ErrStreamDamaged is returned by [OpenStream].
	ErrStreamDamaged = errors.New("sealed stream is damaged")

	// ErrTooLarge is returned for a plaintext of more than [MaxPlaintext] bytes.
	ErrTooLarge = errors.New("plaintext is too large to seal")

	// ErrBox is returned by [Transport.Open] and [SealBox]: a box that does not
	// open, a public key of low order, a transport key that was used before.
	ErrBox = errors.New("sealed box does not open")
)

// TamperedError says that a sealed record does not open: it was damaged, changed,
// moved from another place or vault, or sealed under another data key (A45).
type TamperedError struct {
	Bucket string
	Key    string
}

// Error names the record.
func (e *TamperedError) Error() string {
	return fmt.Sprintf("record %q in bucket %q is damaged or was tampered with", e.Key, e.Bucket)
}

// ParamsError says which Argon2id parameter is out of bounds (A46).
type ParamsError struct {
	Name     string // "time", "memory" (KiB) or "threads"
	Value    uint32
	Min, Max uint32
}

// Error names the parameter, its value and its bounds.
func (e *ParamsError) Error() string {
	return fmt.Sprintf("argon2id %s of %d is outside %d to %d", e.Name, e.Value, e.Min, e.Max)
}
