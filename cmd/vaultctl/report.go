package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"text/tabwriter"
	"time"
)

// What is printed: results on standard output, as text or with --json as one JSON
// object; everything else on standard error, in lower case, as
//
//	vaultctl: error: …
//	vaultctl: warning: …
//	vaultctl: hint: …
//
// Names that came from outside are printed quoted where they are not known to be
// plain.

// report prints a result: the value as JSON, or the text.
func (a *app) report(value any, text func()) error {
	if !a.json {
		text()
		return nil
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func (a *app) hintf(format string, args ...any) {
	fmt.Fprintf(a.stderr, "vaultctl: hint: "+format+"\n", args...)
}

// warnf says what went another way than one might think, though the command did its part.
func (a *app) warnf(format string, args ...any) {
	fmt.Fprintf(a.stderr, "vaultctl: warning: "+format+"\n", args...)
}

func (a *app) reportFailure(f *failure) {
	fmt.Fprintf(a.stderr, "vaultctl: error: %s\n", f.message)
	if f.hint != "" {
		a.hintf("%s", f.hint)
	}
	if a.json {
		value := map[string]any{"error": map[string]string{"reason": f.reason, "message": f.message, "hint": f.hint}}
		maps.Copy(value, f.more)
		_ = a.report(value, nil)
	}
}

// table prints rows under a header, in columns.
func (a *app) table(header string, rows [][]string) {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, header)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

func date(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04") }

// done is the JSON of a change that has nothing else to say.
func (a *app) done(revision uint64, format string, args ...any) error {
	return a.report(map[string]any{"ok": true, "revision": revision}, func() { a.printf(format+"\n", args...) })
}
