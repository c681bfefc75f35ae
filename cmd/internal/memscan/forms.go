package memscan

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// piece is how many bytes of a secret count as a leak of it. In base64, 16 bytes
// settle at least 20 characters, wherever they stand; as decimals they take at
// least 31.
const piece, piece64, pieceDecimals = 16, 20, 31

// Forms returns the needles of one secret: raw, hex (lower and upper),
// base64 (standard and URL alphabet, at each of the three alignments at which
// it can stand in a longer text), UTF-16, reversed, ⊕0x36 and ⊕0x5c (the pads of
// HMAC, RFC 2104), and the decimal lists that Go and JSON print of a []byte. A
// piece of any form that stands for 16 bytes of the secret counts. Two forms
// that are the same bytes are listed once.
//
// The name appears in hits; the secret is copied.
func Forms(name string, secret []byte) []Needle {
	var all []Needle
	add := func(form string, value []byte, pieceLen int) {
		same := func(n Needle) bool { return string(n.Value) == string(value) }
		if slices.ContainsFunc(all, same) {
			return
		}
		if len(secret) < piece {
			pieceLen = 0
		}
		all = append(all, Needle{Name: name, Form: form, Value: value, Piece: pieceLen})
	}
	add("raw", slices.Clone(secret), piece)
	add("hex", []byte(hex.EncodeToString(secret)), 2*piece)
	add("HEX", []byte(strings.ToUpper(hex.EncodeToString(secret))), 2*piece)
	for shift := range 3 {
		add(fmt.Sprintf("base64+%d", shift), aligned(base64.RawStdEncoding, shift, secret), piece64)
	}
	for shift := range 3 {
		add(fmt.Sprintf("base64url+%d", shift), aligned(base64.RawURLEncoding, shift, secret), piece64)
	}
	add("utf-16", wide(secret), 2*piece)
	reversed := slices.Clone(secret)
	slices.Reverse(reversed)
	add("reversed", reversed, piece)
	add("xor 0x36", xor(secret, 0x36), piece)
	add("xor 0x5c", xor(secret, 0x5c), piece)
	add("decimals", decimals(secret, " "), pieceDecimals)
	add("decimals,", decimals(secret, ","), pieceDecimals)
	return all
}

// aligned is what the secret looks like in base64 after shift other bytes: the
// characters that no neighbour has a bit in.
func aligned(e *base64.Encoding, shift int, secret []byte) []byte {
	all := e.EncodeToString(append(make([]byte, shift), secret...))
	first := (shift*8 + 5) / 6
	last := (shift + len(secret)) * 8 / 6
	return []byte(all[first:max(first, last)])
}

func wide(secret []byte) []byte {
	out := make([]byte, 2*len(secret))
	for i, c := range secret {
		out[2*i] = c
	}
	return out
}

func xor(secret []byte, pad byte) []byte {
	out := make([]byte, len(secret))
	for i, c := range secret {
		out[i] = c ^ pad
	}
	return out
}

func decimals(secret []byte, sep string) []byte {
	return []byte(strings.ReplaceAll(strings.Trim(fmt.Sprint(secret), "[]"), " ", sep))
}
