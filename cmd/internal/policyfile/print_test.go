package policyfile_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bfxvault/cmd/internal/policyfile"
	"bfxvault/vault/policy"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// P3: what is printed and read again is the same policy, and decides the same.
func TestAPolicyPrintedAndReadAgainDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &policyfile.File{Bots: drawBots(t)}
		text := policyfile.Print(f)
		back, err := policyfile.Parse("printed.toml", text, endpoints)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if again := policyfile.Print(back); string(again) != string(text) {
			t.Fatalf("printed again it is\n%s\nnot\n%s", again, text)
		}
		if changes := append(policyfile.Diff(f.Bots, back.Bots), policyfile.Diff(back.Bots, f.Bots)...); len(changes) > 0 {
			t.Fatalf("%s\ndiffers: %v", text, changes)
		}
		for name, bot := range f.Bots {
			slices.SortFunc(bot.Grants, func(a, b policy.GrantSpec) int { return strings.Compare(a.Key, b.Key) })
			if len(bot.Grants) == 0 {
				bot.Grants = nil
			}
			if got := back.Bots[name]; !reflect.DeepEqual(got, bot) && !(len(got.Grants) == 0 && len(bot.Grants) == 0) {
				t.Fatalf("%s\nread back as %+v, not %+v", text, got, bot)
			}
			for i := range bot.Grants {
				r, now := drawRequest(t), drawNow(t)
				was, is := policy.Decide(compile(t, bot.Grants[i]), r, now), policy.Decide(compile(t, back.Bots[name].Grants[i]), r, now)
				if was != is {
					t.Fatalf("%s\ndecides %+v, not %+v", text, is, was)
				}
			}
		}
	})
}

func compile(t *rapid.T, g policy.GrantSpec) *policy.Grant {
	compiled, err := g.Compile(endpoints)
	if err != nil {
		t.Fatalf("%+v: %v", g, err)
	}
	return compiled
}

// The file as people write it, and the form that it is printed in.
func TestTheWholeGrammarReadsAndPrintsAsTheGoldenFileSays(t *testing.T) {
	written, golden := read(t, "testdata/whole.toml"), read(t, "testdata/whole.printed.toml")
	f, err := policyfile.Parse("whole.toml", written, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(golden), string(policyfile.Print(f))); d != "" {
		t.Fatalf("-golden +printed\n%s", d)
	}
}

func read(t testing.TB, name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
