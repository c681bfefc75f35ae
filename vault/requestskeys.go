package vault

import "crypto/sha256"

// RotateKey stages a new version of an API key: another pair of API key and API secret of
// the same account, with the same permissions.
type RotateKey struct {
	Label, APIKey string
	Secret        Sealed // 1 to 512 printable ASCII characters
}

// Purpose is what the API secret is sealed for.
func (r RotateKey) Purpose() Operation {
	return operation("RotateKey", []byte(r.Label), []byte(r.APIKey))
}

// Operation is what a proof is made for: the sealed secret included.
func (r RotateKey) Operation() Operation {
	digest := sha256.Sum256(r.Secret.Box)
	return r.Purpose().with(digest[:])
}

// PromoteKey makes a version of an API key the active one.
type PromoteKey struct {
	Label   string
	Version uint32 // zero for the newest staged one
	// Grace is for how long the version before goes on with what is under way, in
	// seconds.
	Grace uint32
}

// Operation is what a proof is made for.
func (r PromoteKey) Operation() Operation {
	return operation("PromoteKey", []byte(r.Label), u32(r.Version), u32(r.Grace))
}

// RetireKey lets a version of an API key end after a grace time.
type RetireKey struct {
	Label   string
	Version uint32 // zero for the active one
	Grace   uint32 // seconds
}

// Operation is what the records of it are made of.
func (r RetireKey) Operation() Operation {
	return operation("RetireKey", []byte(r.Label), u32(r.Version), u32(r.Grace))
}

// RevokeKey ends versions of an API key at once.
type RevokeKey struct {
	Label   string
	Version uint32 // zero for all
}

// Operation is what the records of it are made of.
func (r RevokeKey) Operation() Operation {
	return operation("RevokeKey", []byte(r.Label), u32(r.Version))
}

// PurgeKey removes the secrets of versions that have ended.
type PurgeKey struct {
	Label   string
	Version uint32 // zero for all that were revoked or have retired
}

// Operation is what a proof is made for.
func (r PurgeKey) Operation() Operation {
	return operation("PurgeKey", []byte(r.Label), u32(r.Version))
}

// Scope is one line of what Bitfinex says that an API key may do
// (docs.bitfinex.com/reference/key-permissions).
type Scope struct {
	Name        string // account, history, orders, positions, funding, settings, wallets, withdraw, …
	Read, Write bool
}

// SignedRequest is one of the two requests that the vault signs for the operator.
type SignedRequest struct {
	Label      string
	Version    uint32
	Path, Body string
	Signature  Signature
}

// Unburnt is a version of an API key for which no request could be signed, so that
// signatures that bots hold may still be good.
type Unburnt struct {
	Label   string
	Version uint32
	Reason  string
}

// SetPanic says whether Panic may cancel all orders without a proof.
type SetPanic struct{ CancelAll bool }

// Operation is what a proof is made for.
func (r SetPanic) Operation() Operation {
	all := byte(0)
	if r.CancelAll {
		all = 1
	}
	return operation("SetPanic", []byte{all})
}

// Panic stops everything.
type Panic struct{ CancelAll bool }

// Operation is what a proof is made for, where one is needed.
func (r Panic) Operation() Operation {
	all := byte(0)
	if r.CancelAll {
		all = 1
	}
	return operation("Panic", []byte{all})
}
