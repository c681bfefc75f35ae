package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Entry is a record as it was read.
type Entry struct {
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`
	Op       string    `json:"op"`
	Phase    string    `json:"phase,omitempty"`
	Of       uint64    `json:"of,omitempty"`
	Revision uint64    `json:"rev,omitempty"`

	UID     *uint32 `json:"uid,omitempty"`
	GID     *uint32 `json:"gid,omitempty"`
	Process string  `json:"process,omitempty"`
	Bot     string  `json:"bot,omitempty"`
	Key     string  `json:"key,omitempty"`
	Version uint32  `json:"version,omitempty"`
	Nonce   uint64  `json:"nonce,omitempty"`

	Endpoint string          `json:"endpoint,omitempty"`
	Class    string          `json:"class,omitempty"`
	Symbol   string          `json:"symbol,omitempty"`
	Ops      json.RawMessage `json:"ops,omitempty"`
	Digest   string          `json:"digest,omitempty"`

	Decision string `json:"decision,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Field    string `json:"field,omitempty"`
	Target   string `json:"target,omitempty"`
	Alert    string `json:"alert,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Count    uint64 `json:"count,omitempty"`

	Before  string `json:"before,omitempty"`
	Sealed  string `json:"sealed,omitempty"`
	Ratchet string `json:"ratchet,omitempty"`
	Gap     bool   `json:"gap,omitempty"`
	After   uint64 `json:"after,omitempty"`
	// Accepted is set where the operator went on behind a gap.
	Accepted bool `json:"accepted,omitempty"`
	Format   int  `json:"format,omitempty"`

	Hash string `json:"hash,omitempty"`
	Tag  string `json:"tag,omitempty"`
}

// parseEntry reads the content of a line, which lacks its end.
func parseEntry(content []byte) (Entry, error) {
	var e Entry
	err := json.Unmarshal(append(bytes.Clone(content), '}'), &e)
	return e, err
}

// ParseEntry reads a whole line.
func ParseEntry(text []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return Entry{}, fmt.Errorf("audit: not a record: %w", err)
	}
	return e, nil
}

// header is what the first record of a segment says.
type header struct {
	before Hash
	sealed string
	gap    bool
	after  uint64 // with a gap: the sequence of the record with hash before
}

func parseHeader(content []byte) (h header, ok bool) {
	e, err := parseEntry(content)
	if err != nil || e.Op != opSegment || e.Format != formatVersion || len(e.Before) != 2*len(h.before) ||
		!unhex(h.before[:], []byte(e.Before)) {
		return h, false
	}
	h.sealed, h.gap, h.after = e.Sealed, e.Gap, e.After
	return h, true
}
