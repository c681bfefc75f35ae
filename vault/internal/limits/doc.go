// Package limits counts what grants may spend, and remembers which orders were
// signed, so that an update can be judged.
//
// Make one [Ledger] per unlock with the function that persists, then one [Meter]
// per grant and one [Orders] per API key. Signing a request is then
//
//	decision := orders.Judge(request, now, decide)          // an update gets the order that it changes; decide asks meter.Check too
//	err := meter.Take(limits, request, now)                 // pays for it
//	err = orders.Remember(request, now)                     // before the request nonce is drawn
//	n := counter.Next(...)                                  // the request nonce
//	ok := orders.Confirm(request)                           // after it
//	orders.Await(by, seq, orders.Placed(request, now), now) // where its answer will be reported
//	orders.Report(seq, reported, now)                       // what the exchange has made of it
//
// and locking in good order is [Ledger.Drain], which loses nothing. Records that may
// be older than the last that was written go through [SpendDay] and [Forget] first.
//
// Traps:
//   - Two meters of one grant would spend twice what it may, two memories of one
//     API key would know half each. The vault makes them once per unlock.
//   - Remember comes before the request nonce and Confirm after it. Only then is an
//     update that was judged as one order never valid after a second order with
//     the same cid: Bitfinex takes request nonces only in rising order.
//   - Remember has to see every order that is signed with the API key, and Judge
//     every update, also under grants that ask nothing of them: a cid that was not
//     seen is taken for new, and an order for what it was.
//   - Where the exchange chooses a cid (an order without one, the stop of an OCO
//     without one, whatever an algorithm places), a bot can foresee it and have
//     another order signed under it. So for 49 hours after such an order, updates by
//     cids that look like the exchange's are of unknown orders: of up to 86,400,000,000,
//     and of 10^12 to 10^13. Whoever leaves out cids and updates by cid needs others.
//   - A new order that a crash loses before it is written is unknown. Should the bot
//     have its cid signed again after that crash, only the second is known. And should
//     the clock be set back by days as well, an older order of that cid is known again.
//   - A signature that a bot holds back for days may place an order long after it
//     was signed. No memory of two days helps against that.
//
// Promises. A limit is never exceeded by any number of callers (A39). What was
// spent stays spent over a restart, a crash, and either clock set back or ahead
// (A40): it is reserved on disk first (A41), in slices of a 64th of the limit, so
// that in steady use nobody waits; a crash loses the rest of its slice. An update
// is judged as no less than what the order can have become, or as unknown (A35):
// what would make the memory too generous after a crash is on disk before the
// call returns. What an update of an unknown order can have been of, under a grant that
// does not ask, is unknown from then on. Of an order that was reported, its id alone is
// taken on trust: what it can have become is what was signed.
//
// # Formats
//
// Numbers are varints as of encoding/binary, in their shortest form; a string is
// its length in one byte and its bytes; a decimal is a string as policy.Decimal
// prints it, empty where the value is too large for that. Every record begins with
// the version byte 1. Records are whole: what follows the last field is an error.
//
//	meter      := 1 day count account* [1] ; days since 1970; nothing of the day is left; key "bot/label"
//	account    := name decimal             ; currency, or empty for requests; reserved; rising names
//	block      := 1 seconds order+         ; since 1970, of signing the first; key "apikey/" 16 hex digits
//	order      := kind cid seconds [known] [id] ; kind 0 unknown, 1 known, 2 known and with the exchange's id, cid 0 where that chose it too; seconds since the one before
//	known      := type symbol amount low high
//	missed     := 1 low high seconds       ; cids signed but not remembered, and until when; key "apikey/missed"
//	bare       := 1 seconds seconds [lost] ; until when orders were signed whose cids the exchange chose, REST v2 and v1, or 0; key "apikey/bare"
//	stray      := 1 seconds seconds        ; until when updates of unknown orders were signed, by the exchange's id and by cid, or 0; key "apikey/stray"
//	lost       := seconds                  ; until when nothing is known of any order
package limits
