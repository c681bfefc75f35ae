package vault_test

import (
	"crypto/sha256"
	"testing"

	"bfxvault/vault"
)

// A backup opens with each key slot that the vault had when it was made, whatever came
// later: it is restored by a human's, and then each of them unlocks.
func TestABackupOpensWithTheSlotsOfItsDay(t *testing.T) {
	old, keks := threeSlots(t)
	text := old.backup()
	fresh := kekOf("a new passphrase")
	old.must(old.rotate())
	_, err := old.replaceSlot(1, 1, keks[1], fresh)
	old.must(err)
	for id, kek := range keks {
		if c, err := vault.VerifyBackup(text, id, (*[32]byte)(kek)); err != nil || len(c.Slots) != 3 {
			t.Errorf("slot %d: %+v, %v", id, c, err)
		}
	}
	_, err = vault.VerifyBackup(text, 1, (*[32]byte)(fresh))
	wantKind(t, err, vault.KindWrongPassphrase)

	r := elsewhere(t, old)
	r.kek = *keks[2] // the recovery code
	_, err = r.restoreAs(vault.RestoreBackup{Slot: 2, Digest: sha256.Sum256(text)}, text)
	r.must(err)
	for id, kek := range keks {
		r.must(r.unlockBy(id, kek))
	}
	r.kek = *keks[1]
	r.must(r.resume("mm-1"))
	_, err = r.sign(uid(1001), "main")
	r.must(err)
}
