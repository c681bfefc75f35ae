package store

import (
	"fmt"
	"slices"
)

// The buckets of a vault file. A file with any other is refused.
const (
	Meta     = "meta"     // in the clear: format version, revision, vault id
	Slots    = "slots"    // key slots
	Keys     = "keys"     // API keys without their secrets
	Secrets  = "secrets"  // API secrets
	Bots     = "bots"     // bots
	Grants   = "grants"   // grants
	StandIns = "standins" // stand-in credentials without their secrets
	Marks    = "marks"    // request-nonce marks
	Limits   = "limits"   // what grants have spent
	Orders   = "orders"   // orders that were signed
	Proofs   = "proofs"   // proof keys
	Wraps    = "wraps"    // what wraps a data key, by slot, and the last slot's id
	Settings = "settings" // what the operator has set, and what a panic has
	Audit    = "audit"    // wrapped audit keys, and how far the audit log is known
	Manifest = "manifest" // the manifest over all the others
)

// What the store keeps for itself in [Meta]: Load does not hand it out and Apply
// does not accept it.
const (
	formatKey   = "format"   // one byte
	revisionKey = "revision" // eight bytes, big endian

	formatVersion = 1
)

// Bounds of one entry. They keep a damaged length from being believed.
const (
	MaxKey   = 1 << 10
	MaxValue = 2 << 20
)

func known(bucket string) bool {
	return slices.Contains([]string{Meta, Slots, Keys, Secrets, Bots, Grants, StandIns, Marks, Limits, Orders, Proofs, Wraps, Settings, Audit, Manifest}, bucket)
}

func reserved(bucket string, key []byte) bool {
	return bucket == Meta && (string(key) == formatKey || string(key) == revisionKey)
}

// Op puts one entry, or deletes it where Value is nil.
type Op struct {
	Bucket string
	Key    []byte // 1 to MaxKey bytes
	Value  []byte // up to MaxValue bytes
}

func (op Op) check() error {
	switch {
	case !known(op.Bucket):
		return fmt.Errorf("%w: bucket %q does not exist", ErrInvalidOp, op.Bucket)
	case reserved(op.Bucket, op.Key):
		return fmt.Errorf("%w: %q is the store's own", ErrInvalidOp, op.Key)
	case len(op.Key) == 0 || len(op.Key) > MaxKey:
		return fmt.Errorf("%w: key of %d bytes", ErrInvalidOp, len(op.Key))
	case len(op.Value) > MaxValue:
		return fmt.Errorf("%w: value of %d bytes", ErrInvalidOp, len(op.Value))
	default:
		return nil
	}
}
