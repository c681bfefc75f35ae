package envelope_test

import (
	"errors"
	"fmt"
	"testing"

	"bfxvault/vault/internal/envelope"

	"pgregory.net/rapid"
)

func setHashState(t testing.TB, key *[32]byte) []byte {
	t.Helper()
	state := guarded(t, envelope.SetHashStateSize)
	if err := envelope.SetHashState(state, key); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestAManifestIsReadBack(t *testing.T) {
	want := envelope.Manifest{Revision: 1<<63 + 5, Count: 7, Sum: *randomKey()}
	b, err := want.AppendBinary([]byte("x"))
	if err != nil || len(b) != 1+envelope.ManifestSize {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if got, err := envelope.ParseManifest(b[1:]); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, b, b[2:]} {
		if _, err := envelope.ParseManifest(bad); !errors.Is(err, envelope.ErrManifestDamaged) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// The set hash kept up to date change by change is that of the final set, in
// whatever order, and the empty set's is zero.
func TestTheSetHashForgetsThePathAndKeepsTheSet(t *testing.T) {
	state := setHashState(t, randomKey())
	rapid.Check(t, func(rt *rapid.T) {
		var h envelope.SetHash
		set := map[string]string{}
		for range rapid.IntRange(0, 60).Draw(rt, "changes") {
			key := fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "key"))
			if old, there := set[key]; there {
				h.Remove(state, "keys", []byte(key), []byte(old))
				delete(set, key)
			}
			if rapid.Bool().Draw(rt, "put") {
				set[key] = rapid.String().Draw(rt, "value")
				h.Add(state, "keys", []byte(key), []byte(set[key]))
			}
		}
		var want envelope.SetHash
		for key, value := range set {
			want.Add(state, "keys", []byte(key), []byte(value))
		}
		if h != want || h.Count != uint64(len(set)) || (len(set) == 0) != (h == envelope.SetHash{}) {
			rt.Errorf("%x of %d; want %x", h.Sum, h.Count, want.Sum)
		}
	})
}

// A45: a dropped, swapped, replaced or moved entry changes the hash, and so does
// another vault's key.
func TestTheSetHashTellsSetsApart(t *testing.T) {
	type entry struct{ bucket, key, value string }
	hash := func(state []byte, set ...entry) (h envelope.SetHash) {
		for _, e := range set {
			h.Add(state, e.bucket, []byte(e.key), []byte(e.value))
		}
		return h
	}
	state := setHashState(t, randomKey())
	a, b := entry{"keys", "a", "1"}, entry{"keys", "b", "2"}
	seen := map[envelope.SetHash]string{}
	for name, h := range map[string]envelope.SetHash{
		"as it was":               hash(state, a, b),
		"one dropped":             hash(state, a),
		"the other dropped":       hash(state, b),
		"values swapped":          hash(state, entry{"keys", "a", "2"}, entry{"keys", "b", "1"}),
		"yesterday's value":       hash(state, a, entry{"keys", "b", "1"}),
		"one moved":               hash(state, a, entry{"bots", "b", "2"}),
		"one added":               hash(state, a, b, entry{"slots", "c", "3"}),
		"bucket and key moved":    hash(state, a, entry{"key", "sb", "2"}),
		"key and value moved":     hash(state, a, entry{"keys", "b2", ""}),
		"one twice, one dropped":  hash(state, a, a),
		"another twice":           hash(state, b, b, b),
		"under another data key":  hash(setHashState(t, randomKey()), a, b),
		"dropped under its count": {Sum: hash(state, a).Sum, Count: 2},
	} {
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %q have one hash", name, other)
		}
		seen[h] = name
	}
}

func TestASetHashStateOfAnotherLengthIsRefused(t *testing.T) {
	if err := envelope.SetHashState(make([]byte, envelope.SetHashStateSize-1), randomKey()); err == nil {
		t.Error("no error")
	}
}
