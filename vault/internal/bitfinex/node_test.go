package bitfinex_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nodeAnswer is a line of testdata/node-answers.jsonl.
type nodeAnswer struct {
	Path, Body string
	Answer     *string // as Node prints what it parsed; nil where it refused
}

func readNodeAnswers(t *testing.T) (answers []nodeAnswer) {
	t.Helper()
	text, err := os.ReadFile("testdata/node-answers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var a nodeAnswer
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) < 300 {
		t.Fatalf("%d answers of Node, want 300 and more", len(answers))
	}
	return answers
}

// rounded is m with its numbers as JavaScript's doubles.
func rounded(m meaning) meaning {
	for _, text := range []*string{&m.Amount, &m.Delta, &m.Price, &m.AuxPrice, &m.StopPrice, &m.Trailing, &m.Lever} {
		if r, ok := new(big.Rat).SetString(*text); ok {
			f, _ := r.Float64()
			*text = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return m
}

// Node is what Bitfinex's own clients are written for. Its numbers are doubles: it
// sees the same to within their precision.
func TestFieldsAreReadAsNodeReadsThem(t *testing.T) { // A31, A32, A33
	taken := 0
	for _, a := range readNodeAnswers(t) {
		r, err := parseAny(a.Path, a.Body)
		switch {
		case err != nil:
			continue
		case a.Answer == nil:
			t.Errorf("%s %s: taken, and Node refuses it", a.Path, a.Body)
			continue
		}
		taken++
		want := expect(t, a.Path, []byte(*a.Answer), len(r.Unread) > 0)
		var got []meaning
		for i, op := range r.Ops {
			got = append(got, rounded(meaningOf(op)))
			want[i] = rounded(want[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-Node +parser):\n%s", a.Path, a.Body, diff)
		}
	}
	if taken < 100 {
		t.Errorf("only %d bodies were taken: the comparison says little", taken)
	}
}
