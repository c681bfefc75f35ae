package main

import (
	"strings"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// A text of the log does nothing to the terminal that shows it, whoever wrote it there.
func TestRecordsAreShownWithoutWhatSteersATerminal(t *testing.T) {
	const esc = `\u001b[2J\u009b`
	e, err := audit.ParseEntry([]byte(`{"seq":7,"time":"2026-11-25T08:00:00.123456Z","op":"` + esc + `","phase":"` + esc + `","process":"` + esc +
		`","bot":"` + esc + `","key":"` + esc + `","endpoint":"` + esc + `","symbol":"` + esc + `","decision":"` + esc + `","rule":"` + esc +
		`","field":"` + esc + `","target":"` + esc + `","alert":"` + esc + `","detail":"` + esc + `",` +
		`"ops":[{"do":"` + esc + `","symbol":"` + esc + `","type":"` + esc + `","amount":"` + esc + `","address":"` + esc + `"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	line := recordLine(&e)
	for _, c := range []byte(line) {
		if c < ' ' || c > '~' {
			t.Fatalf("%q", line)
		}
	}
	if n := strings.Count(line, `"\x1b[2J\u009b"`); n != 18 {
		t.Errorf("%d of 18 texts are there: %s", n, line)
	}
}

func TestTimesOnTheCommandLine(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-24T10:00:00Z":        "2026-11-24T10:00:00Z",
		"2026-11-24T10:00:00.5+02:00": "2026-11-24T08:00:00.5Z",
		"2026-11-24":                  "2026-11-24T00:00:00Z",
		"1h":                          "2026-11-25T11:00:00Z",
		"1h30m":                       "2026-11-25T10:30:00Z",
		"0s":                          "2026-11-25T12:00:00Z",
		"":                            "0001-01-01T00:00:00Z",
		"-1h":                         "",
		"1d":                          "",
		"yesterday":                   "",
		"2026-11-24 10:00":            "",
	} {
		got, err := timeFlag("since", text, now)
		if (err != nil) != (want == "") || err == nil && got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
