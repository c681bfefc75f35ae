package bitfinex

import "strings"

// Why a signature is good for one request only (A36).
//
// REST v2 signs "/api/" + path + nonce + body with nothing between them. Take
// one such text. The bytes { and [ occur in no path and no nonce, and an
// accepted body is empty or starts with one of them: so the body begins at the
// first of them, or is empty. The nonce is the 16 digits before it, and the path
// is the rest. There is one way to read it, also for paths that end in a
// parameter made of digits: two accepted requests never share a payload.
//
// Bitfinex is no such strict reader, so someone who holds a signature could try
// to send other borders with the same text:
//
//   - a nonce of 15 digits or fewer, the first of them given to the path: smaller
//     than every nonce the API key has seen, so refused;
//   - a nonce with more digits, taken from the path: above 2^53 and refused,
//     unless they are zeros. Then number and endpoint are the same and the
//     parameter that ends the path has lost zeros. No table line turns into
//     another that way, and a body is not touched;
//   - a nonce further to the left, out of digits of the path: what it leaves
//     behind stands before the body, and `7{}` is no JSON. Before an empty body,
//     though, it is a bare number, as 7 or 0E1764000000000000, and the sender
//     chooses the nonce and could burn the API key (P6). So an empty body is
//     refused behind a path that has the digits for it (couldHoldNonce).
//
// REST v1 payloads are base64 of {"request":… and start with "eyJ", WebSocket's
// start with "AUTH", REST v2's with "/": no two kinds overlap (A37).

// nonceDigits is the length of a request nonce: microseconds, from 2001 to 2255.
const nonceDigits = 16

// couldHoldNonce says whether path holds 16 digits in a row, or ends in some that
// could begin a nonce. Zeros alone, as of tBTCF0:USTF0, could not: a nonce that
// begins with them and leaves a digit behind is too small.
func couldHoldNonce(path string) bool {
	run := 0
	for i := range len(path) {
		if run++; path[i] < '0' || path[i] > '9' {
			run = 0
		}
		if run == nonceDigits {
			return true
		}
	}
	return strings.Trim(path[len(path)-run:], "0") != ""
}
