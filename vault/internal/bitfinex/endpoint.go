package bitfinex

import (
	"strings"

	"bfxvault/vault/policy"
)

// Version is a version of Bitfinex's REST API. The zero Version is none.
type Version uint8

// The versions that are signed for.
const (
	V1 Version = 1 // payload in a header, base64
	V2 Version = 2 // path, nonce and body, concatenated
)

// Endpoint is one line of the endpoint table.
type Endpoint struct {
	// Pattern is the path as a request and a grant name it, without a leading
	// slash, its parameters in braces: "v2/auth/r/orders/{symbol}/hist".
	Pattern string
	Version Version
	// Class, ByName and Write are what policy.Request says about them.
	Class  policy.Class
	ByName bool
	Write  bool
	// Scope is the permission of an API key that Bitfinex asks for. Bitfinex
	// documents few of them; the rest is inferred, and a "?" marks a guess.
	Scope string
}

// Endpoints returns the endpoint table, REST v2 first. The slice is the
// caller's to keep.
func Endpoints() []Endpoint {
	return append(append([]Endpoint(nil), endpointsV2[:]...), endpointsV1[:]...)
}

// NamedEndpoints returns the patterns that a grant's `endpoints` may name: those that
// need it.
func NamedEndpoints() []string {
	var patterns []string
	for _, e := range Endpoints() {
		if e.ByName {
			patterns = append(patterns, e.Pattern)
		}
	}
	return patterns
}

// read is an endpoint that changes nothing.
func read(pattern, scope string) Endpoint {
	return Endpoint{Pattern: pattern, Version: versionOf(pattern), Class: policy.Read, Scope: scope}
}

// write is an endpoint that changes something; class alone allows it.
func write(pattern string, class policy.Class, scope string) Endpoint {
	return Endpoint{Pattern: pattern, Version: versionOf(pattern), Class: class, Write: true, Scope: scope}
}

// byName is a write that a grant must name, on top of its class.
func byName(pattern string, class policy.Class, scope string) Endpoint {
	e := write(pattern, class, scope)
	e.ByName = true
	return e
}

// never is a write that no grant can allow: it makes or unmakes credentials.
func never(pattern, scope string) Endpoint {
	return write(pattern, 0, scope)
}

func versionOf(pattern string) Version {
	if strings.HasPrefix(pattern, "v1/") {
		return V1
	}
	return V2
}
