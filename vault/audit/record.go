package audit

import (
	"strconv"
	"time"
)

// What a record says about its outcome.
const (
	Allowed = "allowed" // signed
	Denied  = "denied"  // not within the grant
	Limited = "limited" // the grant has spent what it may
	Refused = "refused" // malformed, nobody's, locked, or a wrong proof
	Done    = "done"    // an operation that was asked for and made
	Failed  = "failed"  // one that was not
	Unknown = "unknown" // one that a crash cut off
)

// The phases of an operation that changes the vault: its intent is on disk before
// the change, and its outcome before the change is acknowledged.
const (
	Intent  = "intent"
	Outcome = "outcome"
)

// What a log says about itself.
const (
	opSegment    = "segment"    // the first of a segment
	opNext       = "next"       // the last
	opStart      = "start"      // a daemon has opened the log, and no ratchet runs
	opCheckpoint = "checkpoint" // all before it is on disk
	opRetention  = "retention"  // segments before a sequence are removed
)

// Record is what is to be written. Fields that are empty or zero are left out. All
// texts are short, checked before, and no secrets.
type Record struct {
	Op       string // "sign", "unlock", "key add", "alert", …
	Phase    string // Intent or Outcome
	Of       uint64 // of an outcome: the sequence of its intent
	Revision uint64 // of the vault file at the time

	Caller  *Caller // who asked on sign.sock
	Process string  // who asked on admin.sock
	Bot     string
	Key     string // the API key's label
	Version uint32
	Nonce   uint64 // the request nonce that was given

	Endpoint string    // the pattern of the endpoint table
	Class    []byte    // what it needs: "trade,cancel"
	Symbol   string    // of the path
	View     []byte    // JSON array of its operations as policy saw them; no bodies
	Digest   *[32]byte // SHA-256 of the path, a zero byte and the body

	Decision    string
	Rule, Field string
	Target      string // what an admin operation is about
	Alert       string // the name of an alert
	Detail      string // one sentence for a human
	Count       uint64 // how many a record stands for
	Accepted    bool   // of an unlock: records are missing, and the operator goes on
}

// Caller is the uid and gid that the kernel reports.
type Caller struct{ UID, GID uint32 }

// append appends the fields of the record, without the braces.
func (r *Record) append(b []byte) []byte {
	b = AppendField(b, `"op":`, r.Op)
	b = AppendField(b, `,"phase":`, r.Phase)
	b = AppendNumber(b, `,"of":`, r.Of)
	b = AppendNumber(b, `,"rev":`, r.Revision)
	if r.Caller != nil {
		b = strconv.AppendUint(append(b, `,"uid":`...), uint64(r.Caller.UID), 10)
		b = strconv.AppendUint(append(b, `,"gid":`...), uint64(r.Caller.GID), 10)
	}
	b = AppendField(b, `,"process":`, r.Process)
	b = AppendField(b, `,"bot":`, r.Bot)
	b = AppendField(b, `,"key":`, r.Key)
	b = AppendNumber(b, `,"version":`, uint64(r.Version))
	b = AppendNumber(b, `,"nonce":`, r.Nonce)
	b = AppendField(b, `,"endpoint":`, r.Endpoint)
	b = AppendField(b, `,"class":`, r.Class)
	b = AppendField(b, `,"symbol":`, r.Symbol)
	if len(r.View) > 0 {
		b = append(append(b, `,"ops":`...), r.View...)
	}
	b = AppendField(b, `,"decision":`, r.Decision)
	b = AppendField(b, `,"rule":`, r.Rule)
	b = AppendField(b, `,"field":`, r.Field)
	b = AppendField(b, `,"target":`, r.Target)
	b = AppendField(b, `,"alert":`, r.Alert)
	b = AppendField(b, `,"detail":`, r.Detail)
	b = AppendNumber(b, `,"count":`, r.Count)
	if r.Accepted {
		b = append(b, `,"accepted":true`...)
	}
	if r.Digest != nil {
		b = append(appendHex(append(b, `,"digest":"`...), r.Digest[:]), '"')
	}
	return b
}

// AppendNumber appends a field that is a number, and nothing for 0. name comes with its
// comma, quotation marks and colon.
func AppendNumber(b []byte, name string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, name...), n, 10)
}

// AppendField appends a field that is a text, and nothing for an empty one. name is as
// that of AppendNumber.
func AppendField[T ~string | ~[]byte](b []byte, name string, text T) []byte {
	if len(text) == 0 {
		return b
	}
	return AppendText(append(b, name...), text)
}

// AppendText appends a text as a JSON string of ASCII: what is not printable ASCII,
// or would end the string, becomes an escape.
func AppendText[T ~string | ~[]byte](b []byte, text T) []byte {
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, `\u00`...)
			b = appendHex(b, []byte{c})
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func appendHex(b, bytes []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range bytes {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// appendTime appends a time in UTC as 2026-11-25T08:00:00.123456Z: of one length, so
// that texts compare as times do.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, timeForm)
}

const timeForm = "2006-01-02T15:04:05.000000Z"
