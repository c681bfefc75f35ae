package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/policy"
)

// Operator is the process at the other end of an admin.sock connection.
type Operator struct {
	// Conn tells connections apart: what was begun on one ends on it.
	Conn uint64
	// Process tells processes apart, recycled pids included: wrong proofs slow
	// down their own.
	Process string
}

// Sealed is a secret sealed to the one-shot key ID, in nacl/box's anonymous
// format around SealedPrefix and the secret.
type Sealed struct {
	ID  uint64
	Box []byte
}

// Proof is HMAC-SHA-256(proof key of Slot, ProofInput of challenge ID).
type Proof struct {
	ID   uint64
	Slot uint32
	MAC  [32]byte
}

// Init makes the vault.
type Init struct {
	Params Argon2Params
	Salt   [16]byte
	KEK    Sealed // 32 bytes
}

// Purpose is what the KEK is sealed for.
func (r Init) Purpose() Operation {
	return operation("Init", u32(r.Params.Time), u32(r.Params.MemoryKiB), []byte{r.Params.Threads}, r.Salt[:])
}

// Unlock opens the vault through one key slot.
type Unlock struct {
	Slot uint32
	KEK  Sealed // 32 bytes
	// SeenRevision is the newest revision that the operator remembers; an older
	// vault refuses to open. Zero remembers none.
	SeenRevision uint64
	// AcceptRollback goes on where the vault file or the audit log is older than what is
	// known of it, or mixed: bots are suspended, limits of the day spent, and request
	// nonces go on ahead. It takes a slot that a human opens.
	AcceptRollback bool
	// AcceptConfig goes on where config.toml is laxer than at the last unlock. It takes a
	// slot that a human opens.
	AcceptConfig bool
}

// Purpose is what the KEK is sealed for.
func (r Unlock) Purpose() Operation {
	accept := byte(0)
	if r.AcceptRollback {
		accept = 1
	}
	if r.AcceptConfig {
		accept |= 2
	}
	return operation("Unlock", u32(r.Slot), binary.BigEndian.AppendUint64(nil, r.SeenRevision), []byte{accept})
}

// AddKey stores an API key under a new label.
type AddKey struct {
	Label, APIKey string
	Permissions   policy.Class
	Secret        Sealed // 1 to 512 printable ASCII characters
}

// Purpose is what the API secret is sealed for.
func (r AddKey) Purpose() Operation {
	return operation("AddKey", []byte(r.Label), []byte(r.APIKey), []byte{byte(r.Permissions)})
}

// Operation is what a proof is made for: the sealed secret included.
func (r AddKey) Operation() Operation {
	digest := sha256.Sum256(r.Secret.Box)
	return r.Purpose().with(digest[:])
}

// AddBot registers a program.
type AddBot struct {
	Name string
	// Match lists the callers that are the bot. Without any it is known by its stand-in
	// credentials only.
	Match []policy.Match
	Role  string // policy.RoleProxy or RoleProxySameUID, or empty
}

// Operation is what a proof is made for.
func (r AddBot) Operation() Operation {
	return operation("AddBot", []byte(r.Name), textOf(r.Match), []byte(r.Role))
}

// EnableBot ends the suspension of a bot.
type EnableBot struct{ Name string }

// Operation is what a proof is made for.
func (r EnableBot) Operation() Operation { return operation("EnableBot", []byte(r.Name)) }

// SetGrant gives a bot the use of the API key that Grant names, in place of an
// earlier grant.
type SetGrant struct {
	Bot   string
	Grant policy.GrantSpec
}

// Operation is what a proof is made for.
func (r SetGrant) Operation() Operation {
	return operation("SetGrant", []byte(r.Bot), textOf(r.Grant))
}

// ApplyPolicy puts these bots and grants in place of all that there are.
type ApplyPolicy struct {
	Bots map[string]policy.BotSpec
	// Merge keeps the bots that are not named, and grants of those that are, on API
	// keys that are not.
	Merge bool
}

// Operation is what a proof is made for.
func (r ApplyPolicy) Operation() Operation {
	merge := byte(0)
	if r.Merge {
		merge = 1
	}
	return operation("ApplyPolicy", textOf(record.Policy(r.Bots)), []byte{merge})
}

// textOf is the one JSON text of a value. What has none, for want of UTF-8, is
// refused where it would be stored.
func textOf[T record.Text](value T) []byte {
	text, err := record.Append(nil, value)
	if err != nil {
		return nil
	}
	return text
}

// GrantText prints a grant as JSON, which ParseGrant reads. It is how grants travel.
func GrantText(g policy.GrantSpec) []byte { return textOf(g) }

// ParseGrant reads a grant as GrantText prints it: strictly, an unknown or doubled
// name is KindInvalid (A31, A63).
func ParseGrant(text []byte) (policy.GrantSpec, error) {
	return parseText[policy.GrantSpec]("read grant", text)
}

// PolicyText prints bots and their grants as JSON, which ParsePolicy reads.
func PolicyText(bots map[string]policy.BotSpec) []byte { return textOf(record.Policy(bots)) }

// ParsePolicy reads bots and their grants as PolicyText prints them, as strictly as
// ParseGrant.
func ParsePolicy(text []byte) (map[string]policy.BotSpec, error) {
	return parseText[record.Policy]("read policy", text)
}

func parseText[T record.Text](op string, text []byte) (T, error) {
	value, err := record.Parse[T](text)
	if err != nil {
		return value, fail(op, KindInvalid, "not JSON of the kind that this version understands")
	}
	return value, nil
}

// AcceptNonce takes the wall clock for an API key whose request nonces are held
// back.
type AcceptNonce struct{ Label string }

// Operation is what a proof is made for.
func (r AcceptNonce) Operation() Operation { return operation("AcceptNonce", []byte(r.Label)) }

// checkName refuses what is no label or bot name.
func checkName(op, what, name string) error {
	if !policy.IsName(name) {
		return fail(op, KindInvalid, "a %s is 1 to 32 characters of a-z, 0-9 and -", what)
	}
	return nil
}

// printable says whether all of b is printable ASCII without spaces.
func printable(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r > '~' })
}
