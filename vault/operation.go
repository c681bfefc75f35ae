package vault

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"bfxvault/vault/policy"
)

// Effect says what an operation does to the authority that a vault has given.
type Effect uint8

// The effects. What an operation's effect demands is checked in one place
// (Vault.authorise).
const (
	// Neutral changes nothing: admin.sock suffices.
	Neutral Effect = iota + 1
	// Narrowing takes authority away and can be undone with a proof: admin.sock
	// suffices.
	Narrowing
	// Widening gives authority: it needs a proof even while unlocked.
	Widening
	// Opening carries a KEK, which is more than a proof.
	Opening
)

// EffectOf is the one table of what each admin operation does, by the name of
// its RPC. An operation that is not in it is not allowed (ok is false).
func EffectOf(name string) (effect Effect, ok bool) {
	switch name {
	case "Status", "ListSlots", "BeginSealed", "BeginProof",
		"ShowAudit", "ListKeys", "ShowKey", "ListBots", "ShowBot", "ListStandIns", "ShowPolicy", "ShowNonce",
		"SignProbe", "NoteVerified", "CreateBackup":
		return Neutral, true
	case "Lock", "Panic", "RemoveBot", "RecallStandIn", "RevokeGrant", "RetireKey", "RevokeKey":
		return Narrowing, true // Panic with cancel_all widens, unless SetPanic allowed it
	case "AddKey", "RotateKey", "PromoteKey", "PurgeKey", "AddBot", "EnableBot", "IssueStandIn", "SetGrant", "ApplyPolicy", "AcceptNonce",
		"RemoveSlot", "RotateDataKey", "SetPanic":
		return Widening, true
	case "Init", "Unlock", "AddSlot", "ReplaceSlot", "RestoreBackup":
		return Opening, true
	}
	return 0, false
}

// Operation is one admin operation with all that it was asked to do: what a
// proof and a sealed box are bound to.
type Operation struct {
	// Name is the RPC's, as in EffectOf.
	Name   string
	fields [][]byte
}

func operation(name string, fields ...[]byte) Operation { return Operation{name, fields} }

// with returns the operation with more fields.
func (o Operation) with(fields ...[]byte) Operation {
	return Operation{o.Name, append(o.fields[:len(o.fields):len(o.fields)], fields...)}
}

// Bytes is the operation in a form that no other operation shares: a domain
// string, the name and each field, each after its length in 4 bytes.
func (o Operation) Bytes() []byte {
	b := appendField(nil, []byte("bfxvault/v1/operation"))
	b = appendField(b, []byte(o.Name))
	for _, field := range o.fields {
		b = appendField(b, field)
	}
	return b
}

func appendField(b, field []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}

// ProofInfo is HKDF-SHA-256's info for the proof key of a KEK, without salt.
const ProofInfo = "bfxvault/v1/proof"

// ProofInput is what a proof's HMAC-SHA-256 covers: the challenge, 32 bytes,
// and the SHA-256 of the operation's bytes.
func ProofInput(challenge [32]byte, o Operation) []byte {
	digest := sha256.Sum256(o.Bytes())
	return append(challenge[:], digest[:]...)
}

const sealedPrefixSize = sha256.Size

// SealedPrefix is what stands before the secret in a sealed box, 32 bytes: it
// ties the box to its one-shot key's id and to its operation.
func SealedPrefix(id uint64, o Operation) [sealedPrefixSize]byte {
	b := appendField(nil, []byte("bfxvault/v1/sealed"))
	b = binary.BigEndian.AppendUint64(b, id)
	return sha256.Sum256(append(b, o.Bytes()...))
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// target is what an operation is about: those of its fields that are names. What is not
// one is not repeated; a secret may have been pasted into the wrong place (A49).
func (o Operation) target() string {
	var names []string
	for _, field := range o.fields {
		if policy.IsName(string(field)) {
			names = append(names, string(field))
		}
	}
	return strings.Join(names, " ")
}
