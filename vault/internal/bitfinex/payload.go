package bitfinex

import (
	"bytes"
	"encoding/base64"
	"strconv"
)

// The frame that the vault builds around v1 parameters, members in the order of
// Bitfinex's own client.
const (
	v1Head  = `{"request":"/`
	v1Nonce = `","nonce":"`
)

// AppendRest appends what REST v2 signs: "/api/", path, nonce in decimal, body,
// as they are. Path and body must have passed Parse; a nonce that is signed has
// 16 digits. It allocates only where dst lacks room.
// Source: docs.bitfinex.com/docs/rest-auth.
func AppendRest(dst []byte, path string, nonce uint64, body []byte) []byte {
	dst = append(dst, "/api/"...)
	dst = append(dst, path...)
	dst = strconv.AppendUint(dst, nonce, 10)
	return append(dst, body...)
}

// AppendRestV1 appends what REST v1 signs and sends as X-BFX-PAYLOAD: base64 of
// the JSON object with `request`, `nonce` and the bytes of params' members. Path
// and params must have passed ParseV1; empty params are {}. It allocates only
// where dst lacks room. Source: docs.bitfinex.com/v1/docs/rest-auth.
func AppendRestV1(dst []byte, path string, nonce uint64, params []byte) []byte {
	e := encoder{dst: dst}
	var digits [20]byte
	e.writeString(v1Head)
	e.writeString(path)
	e.writeString(v1Nonce)
	e.write(strconv.AppendUint(digits[:0], nonce, 10))
	switch members := membersOf(params); {
	case members == nil:
		e.writeString(`"}`)
	default:
		e.writeString(`",`)
		e.write(members)
	}
	return e.finish()
}

// membersOf returns what follows params' opening brace, or nil if there is no
// member.
func membersOf(params []byte) []byte {
	if len(params) == 0 {
		return nil
	}
	if bytes.HasPrefix(bytes.TrimLeft(params[1:], " \t\r\n"), []byte("}")) {
		return nil
	}
	return params[1:]
}

// AppendWebSocket appends what the WebSocket's auth event signs: "AUTH" and the
// nonce. Official clients write the nonce twice, so Bitfinex seems to take both;
// the vault signs the documented form. Source: docs.bitfinex.com/docs/ws-auth.
func AppendWebSocket(dst []byte, nonce uint64) []byte {
	return strconv.AppendUint(append(dst, "AUTH"...), nonce, 10)
}

// encoder appends base64 of what is written to it, piece by piece.
// base64.NewEncoder does the same with two allocations.
type encoder struct {
	dst  []byte
	held [96]byte // whole groups of three
	n    int
}

func (e *encoder) write(p []byte) {
	for len(p) > 0 {
		n := copy(e.held[e.n:], p)
		p = p[n:]
		e.advance(n)
	}
}

func (e *encoder) writeString(p string) {
	for len(p) > 0 {
		n := copy(e.held[e.n:], p)
		p = p[n:]
		e.advance(n)
	}
}

func (e *encoder) advance(n int) {
	if e.n += n; e.n == len(e.held) {
		e.dst = base64.StdEncoding.AppendEncode(e.dst, e.held[:])
		e.n = 0
	}
}

// finish appends the last, padded piece and returns the whole.
func (e *encoder) finish() []byte {
	return base64.StdEncoding.AppendEncode(e.dst, e.held[:e.n])
}
