// Package bitfinex is what the vault knows of Bitfinex: which endpoints exist,
// what a request to one means to policy, and which bytes its signature covers.
//
// Use Parse (REST v2) or ParseV1 (REST v1) first; what they accept, and only
// that, goes through AppendRest, AppendRestV1 or AppendWebSocket into Sign:
//
//	err := bitfinex.Parse(&request, path, body)
//	…                                    // policy decides about request
//	payload = bitfinex.AppendRest(payload[:0], path, nonce, body)
//	bitfinex.Sign(&signature, state, payload)
//
// # Traps
//
// The bytes that were parsed are the bytes that are signed, and the bytes that
// must be sent: nothing is normalised, re-encoded or trimmed on the way. The
// builders do not parse again; what they are handed must have been accepted.
//
// A request nonce that is signed has 16 digits: the border between path and
// nonce, which no delimiter marks, stays where it is only because of that
// (border.go). The builders write any number, since clients in the field sign
// 13 digits and their signatures must be checked too.
//
// A request that Parse fills points into path and body, and is valid as long as they
// are. On an error it means nothing.
//
// # Promise
//
// A path is one of the table's, character by character, and a body is JSON that
// every reader reads alike: well-formed, valid UTF-8, without duplicate names,
// within the caps below; anything else is an error (P3). The body of a write is
// read field by field (forms_v2.go, forms_v1.go): what is in an endpoint's list is
// read by its grammar into policy.Op or refused, and what is not is named in
// Unread. No field is judged that a reader which ignores case, or undoes escapes,
// could find twice. Errors never repeat a byte of the request (P1). Nothing here allocates unless it fails, or a buffer
// handed in is too small. Endpoints that mint or revoke credentials are
// recognised and have the zero Class, which no grant allows.
package bitfinex

// Caps on a request. A body above one of them is refused before anything is
// made of it (A18).
const (
	MaxPath   = 256      // bytes of a path
	MaxBody   = 64 << 10 // bytes of a body or of v1 parameters
	MaxDepth  = 16       // arrays and objects inside each other
	MaxValues = 4096     // values, arrays and objects included
	MaxNames  = 128      // names in all the objects that are open at one point
)

// MaxPayload is the length in bytes that no payload of an accepted request
// exceeds. REST v1 needs the most: base64 of the parameters and a frame.
const MaxPayload = (len(v1Head)+MaxPath+len(v1Nonce)+nonceDigits+len(`",`)+MaxBody)/3*4 + 4
