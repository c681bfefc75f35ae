package audit

import (
	"bytes"
	"time"
)

// Filter says which records are wanted: those that have all that is given. The zero
// value wants every record.
type Filter struct {
	Bot, Key     string
	Op, Decision string
	// Symbol is that of the path, or of any operation of the request.
	Symbol string
	// Since is inclusive, Until is not. Zero is without a bound.
	Since, Until time.Time
	// Alerts wants what was alerted and nothing else.
	Alerts bool
}

// wanted is a filter as it is looked for in the text of lines. A line of the log has
// each field at most once outside its operations, and no text in it has a quotation
// mark that is not escaped: so what is looked for stands in no other place.
type wanted struct {
	texts        [][]byte // each stands in a line that is wanted; likely the rarest first
	since, until []byte   // nil is without a bound
}

func (f *Filter) compile() *wanted {
	w := &wanted{}
	if f.Alerts {
		w.texts = append(w.texts, []byte(`,"alert":"`))
	}
	for _, field := range []struct{ name, text string }{
		{`,"bot":`, f.Bot},
		{`,"key":`, f.Key},
		{`,"symbol":`, f.Symbol},
		{`,"decision":`, f.Decision},
		{`","op":`, f.Op}, // it follows the time
	} {
		if field.text != "" {
			w.texts = append(w.texts, AppendField(nil, field.name, field.text))
		}
	}
	if !f.Since.IsZero() {
		w.since = appendTime(nil, ceil(f.Since))
	}
	if !f.Until.IsZero() {
		w.until = appendTime(nil, ceil(f.Until))
	}
	return w
}

// ceil rounds up to what the times of records are counted in.
func ceil(t time.Time) time.Time {
	if down := t.Truncate(time.Microsecond); down.Before(t) {
		return down.Add(time.Microsecond)
	}
	return t
}

// first is what is looked for in a whole chunk at once.
func (w *wanted) first() []byte {
	if len(w.texts) == 0 {
		return nil
	}
	return w.texts[0]
}

// has says whether a line that has the first text has all the others, and its time.
func (w *wanted) has(text []byte) bool {
	for _, each := range w.texts[min(1, len(w.texts)):] {
		if !bytes.Contains(text, each) {
			return false
		}
	}
	if w.since == nil && w.until == nil {
		return true
	}
	at := timeOf(text)
	return at != nil && bytes.Compare(at, w.since) >= 0 && (w.until == nil || bytes.Compare(at, w.until) < 0)
}
