package envelope_test

import (
	"strings"
	"testing"

	"bfxvault/vault/internal/envelope"
)

// P2: the first key of a ratchet opens with the audit key, at its place and nowhere
// else; that of a segment with the audit key alone.
func TestFirstKeysOpenWithTheAuditKeyAtTheirPlace(t *testing.T) {
	var key, other, first, got [envelope.AuditKeySize]byte
	envelope.NewAuditKey(&key)
	envelope.NewAuditKey(&other)
	here := envelope.AuditPlace{Vault: envelope.VaultID{1}, Seq: 7, Before: [32]byte{2}}
	text, err := envelope.BeginRatchet(&first, &key, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := envelope.OpenRatchet(&got, &key, here, text); err != nil || got != first {
		t.Fatalf("it does not open: %v", err)
	}
	for name, p := range map[string]envelope.AuditPlace{
		"vault":    {Vault: envelope.VaultID{2}, Seq: 7, Before: [32]byte{2}},
		"sequence": {Vault: envelope.VaultID{1}, Seq: 8, Before: [32]byte{2}},
		"before":   {Vault: envelope.VaultID{1}, Seq: 7, Before: [32]byte{3}},
		"accepted": {Vault: envelope.VaultID{1}, Seq: 7, Before: [32]byte{2}, Accepted: true},
	} {
		if envelope.OpenRatchet(&got, &key, p, text) == nil {
			t.Errorf("it opens with another %s", name)
		}
	}
	if envelope.OpenRatchet(&got, &other, here, text) == nil || envelope.OpenRatchet(&got, &key, here, text+"=") == nil {
		t.Error("it opens with another key or text")
	}
	public, err := envelope.AuditPublic(&key)
	if err != nil {
		t.Fatal(err)
	}
	text, err = envelope.SealSegmentKey(&first, &public)
	if err != nil {
		t.Fatal(err)
	}
	if err := envelope.OpenSegmentKey(&got, &key, text); err != nil || got != first {
		t.Fatalf("a segment's key does not open: %v", err)
	}
	if envelope.OpenSegmentKey(&got, &other, text) == nil || envelope.OpenSegmentKey(&got, &key, strings.ToUpper(text)) == nil {
		t.Error("a segment's key opens with another key or text")
	}
}

// P2, A50: a wrapped audit key opens with its slot's KEK, in its vault and slot.
func TestAWrappedAuditKeyOpensWithItsSlotAlone(t *testing.T) {
	var key, got [envelope.AuditKeySize]byte
	envelope.NewAuditKey(&key)
	kek := [32]byte{1}
	wrapped, err := envelope.WrapAuditKey(envelope.VaultID{1}, "1", &kek, &key)
	if err != nil {
		t.Fatal(err)
	}
	if err := envelope.UnwrapAuditKey(&got, envelope.VaultID{1}, "1", &kek, wrapped); err != nil || got != key {
		t.Fatalf("it does not open: %v", err)
	}
	wrong := [32]byte{2}
	if envelope.UnwrapAuditKey(&got, envelope.VaultID{1}, "1", &wrong, wrapped) == nil ||
		envelope.UnwrapAuditKey(&got, envelope.VaultID{1}, "2", &kek, wrapped) == nil ||
		envelope.UnwrapAuditKey(&got, envelope.VaultID{2}, "1", &kek, wrapped) == nil {
		t.Error("it opens elsewhere")
	}
}
