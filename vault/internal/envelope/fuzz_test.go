package envelope_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"bfxvault/vault/internal/envelope"
)

func addSeeds(f *testing.F, seeds ...[]byte) {
	if len(seeds) == 0 || !slices.ContainsFunc(seeds, func(s []byte) bool { return len(s) > 0 }) {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
		f.Add(s[:len(s)/2])
		f.Add(append(bytes.Clone(s), 0))
	}
}

// FuzzParseSlot: what parses is written back as it was read, has parameters within
// bounds, and opens only if it is the slot that was made (A45, A46).
func FuzzParseSlot(f *testing.F) {
	g := readGolden(f, "testdata/v1.json") // every worker must know the same ones
	var good [][]byte
	for _, s := range g.Slots {
		good = append(good, s.Slot)
	}
	addSeeds(f, good...)
	f.Add(make([]byte, envelope.SlotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == envelope.SlotSize {
			b = reseal(b)
		}
		s, err := envelope.ParseSlot(b)
		if err != nil {
			return
		}
		if !bytes.Equal(encode(t, s), b) {
			t.Errorf("%x is written back as another slot", b)
		}
		if s.Kind.Human() && s.Params.Check() != nil {
			t.Errorf("parameters %+v", s.Params)
		}
		err = s.Unwrap(envelope.VaultID(g.Vault), (*[32]byte)(g.KEK), new([32]byte))
		ours := slices.ContainsFunc(good, func(slot []byte) bool { return bytes.Equal(slot, b) })
		if (err == nil) != ours || err != nil && !errors.Is(err, envelope.ErrWrongKey) {
			t.Errorf("Unwrap: %v", err)
		}
	})
}

// FuzzOpen: no record opens but the one that was sealed (A45).
func FuzzOpen(f *testing.F) {
	g := readGolden(f, "testdata/v1.json")
	key, r := (*[32]byte)(g.DataKey), g.Records[0]
	p := envelope.Place{Vault: envelope.VaultID(g.Vault), Bucket: r.Bucket, Key: []byte(r.Key)}
	for _, r := range g.Records {
		addSeeds(f, r.Sealed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, rev, err := envelope.Open(nil, key, p, b)
		if bytes.Equal(b, r.Sealed) {
			if err != nil || rev != r.Revision {
				t.Errorf("the record: revision %d, %v", rev, err)
			}
		} else if !isTampered(err) || got != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// FuzzParseManifest: what parses is written back as it was read.
func FuzzParseManifest(f *testing.F) {
	addSeeds(f, bytes.Repeat([]byte{1}, envelope.ManifestSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := envelope.ParseManifest(b)
		if err != nil {
			return
		}
		if again, err := m.AppendBinary(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is written back as %x, %v", b, again, err)
		}
	})
}

// FuzzTransportOpen: no box opens but one that was sealed to the key, and none
// leaves the key behind.
func FuzzTransportOpen(f *testing.F) {
	tr, _ := transport(f)
	public := tr.Public()
	other, err := envelope.SealBox(&public, []byte("a secret"))
	if err != nil {
		f.Fatal(err)
	}
	addSeeds(f, other, make([]byte, envelope.BoxOverhead))
	mem := (*[envelope.TransportSize]byte)(guarded(f, envelope.TransportSize))
	dst := make([]byte, 1<<16)
	f.Fuzz(func(t *testing.T, b []byte) {
		tr := envelope.NewTransport(mem)
		got, err := tr.Open(dst[:0], b)
		if got != nil || !errors.Is(err, envelope.ErrBox) && !errors.Is(err, envelope.ErrShortBuffer) {
			t.Errorf("%q, %v", got, err)
		}
		if *mem != [envelope.TransportSize]byte{} {
			t.Error("the key pair is still there")
		}
	})
}
