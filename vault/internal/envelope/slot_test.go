package envelope_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"bfxvault/vault/internal/envelope"
)

func TestASlotGivesItsDataKeyToItsKEK(t *testing.T) {
	for _, s := range []envelope.Slot{
		passphraseSlot(),
		{ID: 8, Kind: envelope.Recovery, Params: envelope.Params{Time: 64, MemoryKiB: 2 << 20, Threads: 16}, Created: -1},
		{ID: 1<<32 - 1, Kind: envelope.Keyfile},
	} {
		t.Run(s.Kind.String(), func(t *testing.T) {
			kek, want := randomKey(), randomKey()
			parsed, err := envelope.ParseSlot(encode(t, wrap(t, s, vaultID(1), kek, want)))
			if err != nil {
				t.Fatal(err)
			}
			if parsed.ID != s.ID || parsed.Kind != s.Kind || parsed.Params != s.Params || parsed.Salt != s.Salt || parsed.Created != s.Created {
				t.Errorf("parsed %+v; want %+v", parsed, s)
			}
			got := (*[32]byte)(guarded(t, 32))
			if err := parsed.Unwrap(vaultID(1), kek, got); err != nil || *got != *want {
				t.Errorf("Unwrap: %v", err)
			}
		})
	}
}

func TestAWrongKEKLeavesTheDestinationAlone(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	s := wrap(t, passphraseSlot(), vaultID(1), kek, dataKey)
	before := *randomKey()
	for name, try := range map[string]struct {
		vault envelope.VaultID
		kek   *[32]byte
	}{
		"wrong passphrase": {vaultID(1), randomKey()},
		"another vault":    {vaultID(2), kek},
	} {
		got := before
		if err := s.Unwrap(try.vault, try.kek, &got); !errors.Is(err, envelope.ErrWrongKey) || got != before {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrappingTwiceShowsNothingInCommon(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	a := encode(t, wrap(t, passphraseSlot(), vaultID(1), kek, dataKey))
	b := encode(t, wrap(t, passphraseSlot(), vaultID(1), kek, dataKey))
	const header = 39
	if !bytes.Equal(a[:header], b[:header]) || bytes.Equal(a[header:header+24], b[header:header+24]) ||
		bytes.Equal(a[header+24:], b[header+24:]) {
		t.Error("nonce or wrapped key repeats, or the header differs")
	}
}

// A45: accidental damage is told apart from a wrong passphrase.
func TestEveryDamagedByteOfASlotIsSeen(t *testing.T) {
	good := encode(t, wrap(t, passphraseSlot(), vaultID(1), randomKey(), randomKey()))
	for at := range good {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[at] ^= mask
			if _, err := envelope.ParseSlot(bad); !errors.Is(err, envelope.ErrSlotDamaged) {
				t.Errorf("byte %d ^ %#x: %v", at, mask, err)
			}
		}
	}
	for _, bad := range [][]byte{nil, {}, good[:len(good)-1], append(bytes.Clone(good), 0), make([]byte, len(good))} {
		if _, err := envelope.ParseSlot(bad); !errors.Is(err, envelope.ErrSlotDamaged) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// A46: whoever edits a slot and makes its checksum right again gets a slot that
// does not open, whatever byte it was: parameters, salt, kind, id, time of making.
func TestAnEditedSlotDoesNotOpen(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	good := encode(t, wrap(t, passphraseSlot(), vaultID(1), kek, dataKey))
	opened := 0
	for at := range len(good) - 8 {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[at] ^= 1 << bit
			s, err := envelope.ParseSlot(reseal(bad))
			if err == nil {
				opened++
				err = s.Unwrap(vaultID(1), kek, new([32]byte))
			}
			var params *envelope.ParamsError
			if !errors.Is(err, envelope.ErrWrongKey) && !errors.Is(err, envelope.ErrSlotDamaged) && !errors.As(err, &params) {
				t.Errorf("byte %d, bit %d: %v", at, bit, err)
			}
		}
	}
	if opened < 500 {
		t.Errorf("only %d edited slots got as far as a key", opened)
	}
}

// A46: below the floor or above the ceiling is refused by name, in a slot that is
// whole, before anything is computed.
func TestParametersOutOfBoundsAreNamed(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	good := encode(t, wrap(t, passphraseSlot(), vaultID(1), kek, dataKey))
	for _, tt := range []struct {
		name   string
		params envelope.Params
		bad    string // empty where the parameters are good
	}{
		{"the floor", envelope.Params{Time: 3, MemoryKiB: 65536, Threads: 4}, ""},
		{"the ceiling", envelope.Params{Time: 64, MemoryKiB: 2097152, Threads: 16}, ""},
		{"nothing at all", envelope.Params{}, "time"},
		{"one pass less", envelope.Params{Time: 2, MemoryKiB: 65536, Threads: 4}, "time"},
		{"one pass more", envelope.Params{Time: 65, MemoryKiB: 65536, Threads: 4}, "time"},
		{"a kibibyte less", envelope.Params{Time: 3, MemoryKiB: 65535, Threads: 4}, "memory"},
		{"a kibibyte more", envelope.Params{Time: 3, MemoryKiB: 2097153, Threads: 4}, "memory"},
		{"4 TiB", envelope.Params{Time: 3, MemoryKiB: 1<<32 - 1, Threads: 4}, "memory"},
		{"a lane less", envelope.Params{Time: 3, MemoryKiB: 65536, Threads: 3}, "threads"},
		{"a lane more", envelope.Params{Time: 3, MemoryKiB: 65536, Threads: 17}, "threads"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := bytes.Clone(good)
			binary.BigEndian.PutUint32(bad[6:], tt.params.Time)
			binary.BigEndian.PutUint32(bad[10:], tt.params.MemoryKiB)
			bad[14] = tt.params.Threads
			s := passphraseSlot()
			s.Params = tt.params
			_, parse := envelope.ParseSlot(reseal(bad))
			for what, err := range map[string]error{
				"Check": tt.params.Check(), "ParseSlot": parse,
				"Wrap":   envelope.Wrap(&s, vaultID(1), kek, dataKey),
				"Unwrap": ignoreWrongKey(s.Unwrap(vaultID(1), kek, new([32]byte))),
			} {
				var params *envelope.ParamsError
				if tt.bad == "" && err == nil || tt.bad != "" && errors.As(err, &params) && params.Name == tt.bad {
					continue
				}
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

func ignoreWrongKey(err error) error {
	if errors.Is(err, envelope.ErrWrongKey) {
		return nil
	}
	return err
}

func TestAKeyfileSlotHasNoParameters(t *testing.T) {
	for name, s := range map[string]envelope.Slot{
		"parameters": {Kind: envelope.Keyfile, Params: floor()},
		"a salt":     {Kind: envelope.Keyfile, Salt: [16]byte{15: 1}},
		"no kind":    {Params: floor()},
		"a new kind": {Kind: 4, Params: floor()},
	} {
		if err := envelope.Wrap(&s, vaultID(1), randomKey(), randomKey()); !errors.Is(err, envelope.ErrSlotDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A68: only what a human can open counts against removing the last such slot.
func TestKindsOfSlot(t *testing.T) {
	for kind, want := range map[envelope.SlotKind]struct {
		name  string
		human bool
	}{
		envelope.Passphrase: {"passphrase", true},
		envelope.Recovery:   {"recovery", true},
		envelope.Keyfile:    {"keyfile", false},
		0:                   {"slot kind 0", false},
		9:                   {"slot kind 9", false},
	} {
		if kind.String() != want.name || kind.Human() != want.human {
			t.Errorf("%d: %q, %t", kind, kind, kind.Human())
		}
	}
	s := envelope.Slot{Created: 1_767_225_600}
	if got := s.CreatedAt(); !got.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("created at %v", got)
	}
}
