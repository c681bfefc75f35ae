package envelope_test

import (
	"bytes"
	"errors"
	"testing"

	"bfxvault/vault/internal/envelope"
)

func wrapKeys(t *testing.T, kek *[32]byte) *envelope.WrapKeys {
	t.Helper()
	k := (*envelope.WrapKeys)(guarded(t, envelope.WrapKeysSize))
	if err := envelope.DeriveWrapKeys(k, kek); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestADataKeyIsWrappedWithoutTheKEKAndOpensWithIt(t *testing.T) {
	kek, old, fresh := randomKey(), randomKey(), randomKey()
	s := wrap(t, passphraseSlot(), vaultID(1), kek, old)
	if err := envelope.WrapWith(&s, vaultID(1), wrapKeys(t, kek), fresh); err != nil {
		t.Fatal(err)
	}
	parsed, err := envelope.ParseSlot(encode(t, s))
	if err != nil {
		t.Fatal(err)
	}
	var got [32]byte
	if err := parsed.Unwrap(vaultID(1), kek, &got); err != nil || got != *fresh {
		t.Errorf("Unwrap: %v", err)
	}
}

// Who has what wraps, and so once had a data key, opens nothing with it: neither half,
// nor both, serves as a KEK; and one half of somebody else's makes another wrap.
func TestWhatWrapsDoesNotOpen(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	keys := wrapKeys(t, kek)
	s := passphraseSlot()
	if err := envelope.WrapWith(&s, vaultID(1), keys, dataKey); err != nil {
		t.Fatal(err)
	}
	for name, half := range map[string][]byte{"the public half": keys[:32], "the shared key": keys[32:]} {
		if err := s.Unwrap(vaultID(1), (*[32]byte)(half), new([32]byte)); !errors.Is(err, envelope.ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, from := range map[string]int{"another public half": 0, "another shared key": 32} {
		mixed := *keys
		copy(mixed[from:from+32], wrapKeys(t, randomKey())[from:])
		s := passphraseSlot()
		if err := envelope.WrapWith(&s, vaultID(1), &mixed, dataKey); err != nil {
			t.Fatal(err)
		}
		if err := s.Unwrap(vaultID(1), kek, new([32]byte)); !errors.Is(err, envelope.ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// RFC 7748, section 6.1: with a point of low order everybody would know the key.
func TestAPointOfLowOrderIsRefused(t *testing.T) {
	kek, dataKey := randomKey(), randomKey()
	low := *wrapKeys(t, kek)
	clear(low[:32])
	s := passphraseSlot()
	if err := envelope.WrapWith(&s, vaultID(1), &low, dataKey); !errors.Is(err, envelope.ErrBox) {
		t.Errorf("WrapWith: %v", err)
	}
	s = wrap(t, passphraseSlot(), vaultID(1), kek, dataKey)
	text := bytes.Clone(encode(t, s))
	clear(text[63:95])
	s, err := envelope.ParseSlot(reseal(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unwrap(vaultID(1), kek, new([32]byte)); !errors.Is(err, envelope.ErrWrongKey) {
		t.Errorf("Unwrap: %v", err)
	}
}
