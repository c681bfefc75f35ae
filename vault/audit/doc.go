// Package audit is the log of what a vault signed, refused and was told to do.
//
// Open a [Log] over a folder and hand it records: [Log.Append] returns once a
// record is where its kind has to be (written, or on disk), [Log.Note] does not
// wait. A [Reader] finds records in a folder, and [Verify] proves them.
//
// Each line of a segment is one JSON object. It ends in the hash of the line
// before and of itself, and, where a [Ratchet] runs, in a tag that only the key of
// that moment can make (P2). docs/format.md has it byte by byte.
//
// Traps: what a record says comes from callers; nothing of a request's body may be
// in it, and no text that was not checked (A49). A record that could not be
// written may stand in the file all the same; a signature without a record never
// leaves. The package knows no key: ratchets come in as function values.
//
// Promise: later versions read and verify what this one wrote.
package audit
