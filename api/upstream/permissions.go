package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scope is one line of what Bitfinex says that an API key may do
// (docs.bitfinex.com/reference/key-permissions).
type Scope struct {
	Name        string // account, history, orders, positions, funding, settings, wallets, withdraw, …
	Read, Write bool
}

const (
	maxScopes    = 64 // Bitfinex has fourteen
	maxScopeName = 32
)

// Permissions reads the answer of auth/r/permissions: [[SCOPE, READ, WRITE], …], with 0
// or 1 for READ and WRITE. It is strict, since a line that was skipped would be a
// permission that nobody sees: another form, a name that is no lower-case word, a name
// twice, no line at all or more than 64 are an error, and none of the answer is in it.
func Permissions(body []byte) ([]Scope, error) {
	var rows [][]json.RawMessage
	if err := json.Unmarshal(body, &rows); err != nil {
		return nil, errors.New("the answer is not a list of permissions")
	}
	if len(rows) == 0 || len(rows) > maxScopes {
		return nil, fmt.Errorf("%d permissions, not 1 to %d", len(rows), maxScopes)
	}
	scopes := make([]Scope, 0, len(rows))
	for i, row := range rows {
		s, ok := scope(row)
		if !ok {
			return nil, fmt.Errorf("permission %d does not read [SCOPE, 0 or 1, 0 or 1]", i+1)
		}
		if slices.ContainsFunc(scopes, func(other Scope) bool { return other.Name == s.Name }) {
			return nil, fmt.Errorf("permission %d stands there twice", i+1)
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}

func scope(row []json.RawMessage) (s Scope, ok bool) {
	if len(row) != 3 || json.Unmarshal(row[0], &s.Name) != nil || !plainName(s.Name) {
		return Scope{}, false
	}
	read, readOK := flag(row[1])
	write, writeOK := flag(row[2])
	return Scope{s.Name, read, write}, readOK && writeOK
}

func plainName(name string) bool {
	return len(name) > 0 && len(name) <= maxScopeName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func flag(text json.RawMessage) (set, ok bool) {
	return string(text) == "1", string(text) == "1" || string(text) == "0"
}
