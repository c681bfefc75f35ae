package api_test

import (
	"strings"
	"testing"
)

// attackClasses are the attacks that the corpus covers, with how many lines of each
// there are at least.
var attackClasses = map[string]int{
	"A26": 100, "A27": 10, "A28": 100, "A29": 5, "A30": 15, "A31": 100, "A32": 150, "A33": 70, "A34": 80, "A35": 300, "A36": 50, "A37": 15,
}

// P3, P4, A26 to A37: each hostile request is refused, and for the reason that makes
// it hostile, not for another that a change might take away. The controls among them
// come as close as a request may, and are signed: no refusal is one of everything.
func TestHostileRequestsAreRefusedForTheirReason(t *testing.T) {
	lines := readCorpus(t, "attacks")
	s := newCorpusStack(t, "attacks")
	counts, controls := map[string]int{}, map[string]bool{}
	total := 0
	for _, l := range lines {
		s.prepare(l)
		_, got := s.ask(l)
		if l.Want == nil {
			controls[l.Grant] = true
			if got != (outcome{}) {
				t.Errorf("%s: refused under %s: %+v\n%.300s", l, l.Grant, got, l.Body)
			}
			continue
		}
		total++
		counts[l.Attack]++
		if !l.Want.is(got, s.said) {
			t.Errorf("%s: under %s: %+v, %q, want %+v\n%s %.300s", l, l.Grant, got, s.said, *l.Want, l.Path, l.Body)
		}
	}
	if total < 400 {
		t.Errorf("%d hostile requests are too few", total)
	}
	for class, least := range attackClasses {
		if counts[class] < least {
			t.Errorf("%d requests of %s, want %d", counts[class], class, least)
		}
		delete(counts, class)
	}
	if len(counts) != 0 {
		t.Errorf("attacks that nobody listed: %v", counts)
	}
	t.Logf("%d hostile requests refused, %d controls' grants", total, len(controls))
}

// is compares what a line says. Of a refusal by a rule, the rule is always part.
func (w *want) is(got outcome, said string) bool {
	return w.Reason != "" && w.Reason == got.Reason && w.Rule == got.Rule &&
		(w.Field == "" || w.Field == got.Field) && strings.Contains(said, w.Text)
}
