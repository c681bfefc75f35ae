package envelope_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/vault/internal/envelope"

	"github.com/go-json-experiment/json"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// golden is a file of testdata: things sealed once by a version of this package
// and never made again, since every later version must open them.
type golden struct {
	Vault   hexBytes `json:"vault"`
	KEK     hexBytes `json:"kek"`
	DataKey hexBytes `json:"data_key"`
	Slots   []struct {
		ID   uint32   `json:"id"`
		Kind string   `json:"kind"`
		Slot hexBytes `json:"slot"`
	} `json:"slots"`
	Records []struct {
		Bucket    string   `json:"bucket"`
		Key       string   `json:"key"`
		Revision  uint64   `json:"revision"`
		Plaintext hexBytes `json:"plaintext"`
		Sealed    hexBytes `json:"sealed"`
	} `json:"records"`
	Manifest hexBytes `json:"manifest"`
}

func TestWhatEveryVersionSealedStillOpens(t *testing.T) {
	files, err := filepath.Glob("testdata/v*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := readGolden(t, file)
			g.check(t)
		})
	}
}

func readGolden(t testing.TB, file string) (g golden) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *golden) check(t *testing.T) {
	vault := envelope.VaultID(g.Vault)
	for _, s := range g.Slots {
		slot, err := envelope.ParseSlot(s.Slot)
		if err != nil || slot.ID != s.ID || slot.Kind.String() != s.Kind {
			t.Fatalf("slot %d: %+v, %v", s.ID, slot, err)
		}
		if !bytes.Equal(encode(t, slot), s.Slot) {
			t.Errorf("slot %d is written in another way", s.ID)
		}
		var key [32]byte
		if err := slot.Unwrap(vault, (*[32]byte)(g.KEK), &key); err != nil || !bytes.Equal(key[:], g.DataKey) {
			t.Errorf("slot %d: %v", s.ID, err)
		}
	}
	var set envelope.SetHash
	state := setHashState(t, (*[32]byte)(g.DataKey))
	for _, r := range g.Records {
		p := envelope.Place{Vault: vault, Bucket: r.Bucket, Key: []byte(r.Key)}
		got, rev, err := envelope.Open(nil, (*[32]byte)(g.DataKey), p, r.Sealed)
		if err != nil || rev != r.Revision || !bytes.Equal(got, r.Plaintext) {
			t.Errorf("%s %s: %q at %d, %v", r.Bucket, r.Key, got, rev, err)
		}
		set.Add(state, r.Bucket, []byte(r.Key), r.Sealed)
	}
	m, err := envelope.ParseManifest(g.Manifest)
	if err != nil || m.Sum != set.Sum || m.Count != set.Count {
		t.Errorf("manifest %+v, %v; want %x of %d", m, err, set.Sum, set.Count)
	}
}
