package audit

// Keys opens what a passphrase opens of a log, and makes the ratchets that its tags
// are checked with. A nil Keys checks the plain chain alone.
type Keys interface {
	// Begun opens the text of field "ratchet": the ratchet that runs after the record with
	// this sequence, which follows the record with that hash. It fails for a text that
	// was sealed for another place, or by somebody without a key slot.
	Begun(text string, seq uint64, before Hash, accepted bool) (*Ratchet, error)
	// Sealed opens the text of field "sealed": the ratchet of a segment. Anybody can seal.
	Sealed(text string) (*Ratchet, error)
}

// VerifyOptions say what a log is verified against.
type VerifyOptions struct {
	// Keys is nil without a passphrase.
	Keys Keys
	// Known are records that others know of: those of checkpoints.
	Known []Position
}

// Report is what Verify found.
type Report struct {
	Records uint64 `json:"records"`
	// FirstBad is the sequence of the first record that is not right or is missing.
	FirstBad *uint64 `json:"first_bad"`
	// Problem says what is wrong with it.
	Problem string `json:"problem,omitempty"`
	// Proven is how many have a tag that was checked; without a passphrase none is.
	Proven uint64 `json:"proven"`
	// Unproven is how many were written while no ratchet ran, or under one whose beginning
	// is not kept. What they said when the next ratchet began is proven; who wrote them is
	// not.
	Unproven uint64 `json:"unproven"`
	// Accepted are the gaps that an operator has accepted, with a passphrase.
	Accepted []Gap `json:"accepted,omitempty"`
	// First and Last are the first record that is kept and the last.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Head  string `json:"head"`
	// Torn says that the newest segment ends within a record: what a log looks like
	// while it is written to, or after a crash before the next start.
	Torn bool `json:"torn,omitempty"`
}

// Gap are records that are missing or damaged, from First up to and without Next.
type Gap struct {
	First uint64 `json:"first"`
	Next  uint64 `json:"next"`
}
