// Package record is what stands inside the sealed records of a vault: strict
// JSON for what describes (API keys, bots, grants), raw bytes for what does not.
// docs/format.md shows each.
//
// Use the Append methods to write and the Parse functions to read. Reading is
// strict: an unknown or doubled field is an error, since a record that this
// version does not fully understand may carry a restriction that it would drop.
//
// Promise: what version 1 wrote, every later version reads.
package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bfxvault/vault/policy"
)

// The states of a version of an API key.
const (
	Staged   = "staged"   // signs nothing but a probe
	Active   = "active"   // signs for bots; at most one of a label
	Retiring = "retiring" // signed until lately, and goes on with what is under way until Retires
	Revoked  = "revoked"  // signs nothing
)

// Key stands under a label: an API key's metadata and its versions, without a secret.
type Key struct {
	// Permissions is what its owner declared it may do at Bitfinex.
	Permissions []string     `json:"permissions"`
	Versions    []KeyVersion `json:"versions"`
}

// KeyVersion is one pair of API key and API secret.
type KeyVersion struct {
	Version uint32 `json:"version"`
	APIKey  string `json:"api_key"`
	State   string `json:"state"`
	Created int64  `json:"created"` // unix seconds
	// Retires is when a retiring version ends, or has ended, unix seconds.
	Retires int64 `json:"retires,omitzero"`
	// Revoked is when a revoked version was, unix seconds.
	Revoked int64 `json:"revoked,omitzero"`
	// Verified is what Bitfinex said of it last; zero for never.
	Verified Verified `json:"verified,omitzero"`
}

// Verified is what Bitfinex said that a version of an API key may do.
type Verified struct {
	Time   int64   `json:"time"` // unix seconds
	Scopes []Scope `json:"scopes"`
}

// IsZero says whether Bitfinex was never asked.
func (v Verified) IsZero() bool { return v.Time == 0 }

// Scope is one line of that.
type Scope struct {
	Name  string `json:"name"`
	Read  bool   `json:"read,omitzero"`
	Write bool   `json:"write,omitzero"`
}

// Bot stands under a name: a registered program, or what is left of a removed one.
type Bot struct {
	// Match lists the callers that are the bot.
	Match   []policy.Match `json:"match,omitzero"`
	Role    string         `json:"role,omitzero"`
	Created int64          `json:"created"`
	// Suspended is since when nothing is signed for the bot, unix seconds; zero while
	// it is not suspended.
	Suspended int64 `json:"suspended,omitzero"`
	// Removed is when the bot was removed, unix seconds; zero while it stands.
	Removed int64 `json:"removed,omitzero"`
}

// Grant stands under bot "/" label: the use of one API key by one bot, or what is left of a revoked one.
type Grant struct {
	Grant   policy.GrantSpec `json:"grant"`
	Created int64            `json:"created"`
	// Revoked is when the grant was taken away, unix seconds; zero while it
	// stands.
	Revoked int64 `json:"revoked,omitzero"`
}

// StandIn stands under the id of a stand-in credential: whose it is, without its secret.
type StandIn struct {
	Bot   string `json:"bot"`
	Label string `json:"label"`
	// UID is the user that may use it; nil for any.
	UID     *uint32 `json:"uid,omitzero"`
	Created int64   `json:"created"` // unix seconds
	// Expires is when it ends, unix seconds; zero for never.
	Expires int64 `json:"expires,omitzero"`
	// Recalled is since when it is good for nothing, unix seconds; zero while it is.
	Recalled int64 `json:"recalled,omitzero"`
	// Suspended is since when it waits for its operator, as after a restore.
	Suspended int64 `json:"suspended,omitzero"`
}

// Policy is all bots with their grants, by name: what a policy file says.
type Policy map[string]policy.BotSpec

// Text is what stands in a record or on the wire as JSON.
type Text interface {
	Key | Bot | Grant | StandIn | Policy | Settings | policy.GrantSpec | []policy.Match
}

// Append adds the JSON of a value to dst. The same value always gives the same
// text. It fails where a string is not UTF-8.
func Append[T Text](dst []byte, value T) ([]byte, error) {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return append(dst, text...), nil
}

// Parse reads the JSON of a value. Doubled names, unknown names, names in another
// case and invalid UTF-8 are errors.
func Parse[T Text](text []byte) (T, error) {
	var value T
	if err := check(text); err != nil {
		return value, err
	}
	if err := json.Unmarshal(text, &value, json.RejectUnknownMembers(true)); err != nil {
		return value, errNotARecord
	}
	return value, nil
}

var errNotARecord = errors.New("record: not a record that this version understands")

// mostItems bounds how many matches and grants a policy has, before anything is made of
// its text: each takes a thousand times the memory of "{}," (A18).
const mostItems = 1 << 16

// itemDepth is where they stand: in a list of a bot of the policy.
const itemDepth = 4

// check refuses what Append never writes: null, which to a reader is the same as a rule
// that is not there, and more items than any policy has.
func check(text []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	items := 0
	for {
		token, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil, token.Kind() == 'n':
			return errNotARecord
		case token.Kind() == '{' && d.StackDepth() == itemDepth:
			if items++; items > mostItems {
				return errNotARecord
			}
		}
	}
}

// AppendMark adds a nonce mark: 8 bytes, big endian.
func AppendMark(dst []byte, mark uint64) []byte { return binary.BigEndian.AppendUint64(dst, mark) }

// ParseMark reads a nonce mark.
func ParseMark(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errors.New("record: a nonce mark is 8 bytes")
	}
	return binary.BigEndian.Uint64(b), nil
}
