package vault_test

import (
	"os"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/operator"
)

const goldenBackup = "../testdata/vault-v1.backup"

// P7: a backup of format 1 opens in this and every later release, through each kind of
// slot.
func TestTheGoldenBackupOfFormat1StillOpens(t *testing.T) {
	if *updateGolden {
		makeGoldenBackup(t)
	}
	text := readFile(t, goldenBackup)
	b, err := vault.ReadBackup(text)
	if err != nil || len(b.Slots) != 2 {
		t.Fatalf("%+v: %v", b, err)
	}
	for _, slot := range b.Slots {
		kek, err := operator.Keyfile([]byte(goldenKeyfile))
		if slot.Kind == "passphrase" {
			kek, err = operator.DeriveKEK([]byte(goldenPassphrase), slot.Params, slot.Salt)
		}
		if err != nil {
			t.Fatal(err)
		}
		c, err := vault.VerifyBackup(text, slot.ID, (*[32]byte)(kek))
		if err != nil || c.Keys != 2 || c.Bots != 2 || c.Grants != 1 || c.Revision != b.Revision {
			t.Errorf("%s: %+v, %v", slot.Kind, c, err)
		}
	}
}

// makeGoldenBackup backs the golden vault file up.
func makeGoldenBackup(t *testing.T) {
	r := newFolder(t)
	r.must(os.WriteFile(r.path, readFile(t, goldenFile), 0o600))
	copyFolder(t, auditOf(r.path), goldenAudit)
	r.open()
	_, slots, err := r.v.Slots()
	r.must(err)
	kek, err := operator.DeriveKEK([]byte(goldenPassphrase), slots[0].Params, slots[0].Salt)
	r.must(err)
	r.kek = *kek
	r.must(r.unlock())
	if err := os.WriteFile(goldenBackup, r.backup(), 0o644); err != nil {
		t.Fatal(err)
	}
}
