package vault_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

var updateGolden = flag.Bool("update", false, "make the golden vault file anew; only for a format that was never released")

const (
	goldenFile       = "../testdata/vault-v1.db"
	goldenAudit      = "../testdata/vault-v1.audit"
	goldenPassphrase = "correct horse battery staple"
	goldenKeyfile    = "32 bytes of a golden keyfile...!"
)

// P7: a vault file of format 1 opens in this and every later release, through
// each kind of slot, and signs what it signed.
func TestTheGoldenVaultFileOfFormat1StillOpens(t *testing.T) {
	if *updateGolden {
		makeGolden(t)
	}
	for name, open := range map[string]func(s vault.Slot) (*operator.KEK, error){
		"passphrase": func(s vault.Slot) (*operator.KEK, error) {
			return operator.DeriveKEK([]byte(goldenPassphrase), s.Params, s.Salt)
		},
		"keyfile": func(vault.Slot) (*operator.KEK, error) { return operator.Keyfile([]byte(goldenKeyfile)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := &rig{t: t, path: filepath.Join(t.TempDir(), "vault.db"), log: &syncBuffer{}, by: vault.Operator{Conn: 1, Process: "op"}}
			if err := os.WriteFile(r.path, readFile(t, goldenFile), 0o600); err != nil {
				t.Fatal(err)
			}
			copyFolder(t, auditOf(r.path), goldenAudit)
			r.open()
			unlock := vault.Unlock{}
			_, slots, err := r.v.Slots()
			r.must(err)
			for _, s := range slots {
				if s.Kind == name {
					unlock.Slot = s.ID
					kek, err := open(s)
					r.must(err)
					r.kek = *kek
				}
			}
			unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
			_, err = r.v.Unlock(ctx, r.by, unlock)
			r.must(err)
			if keys, err := r.v.Keys(); err != nil || len(keys) != 2 || keys[0].Versions[0].APIKey != "KEY-1" {
				t.Fatalf("API keys %+v: %v", keys, err)
			}
			if bots, err := r.v.Bots(false); err != nil || len(bots) != 2 || len(bots[0].Grants) != 0 || len(bots[1].Grants) != 1 {
				t.Fatalf("bots %+v: %v", bots, err)
			}
			if name == "passphrase" {
				signGolden(t, r, unlock.Slot)
			}
		})
	}
}

// signGolden accepts the clock first: the marks are as old as the file.
func signGolden(t *testing.T, r *rig, slot uint32) {
	accept := vault.AcceptNonce{Label: "main"}
	id, challenge, err := r.v.BeginProof(r.by)
	r.must(err)
	proof, err := operator.Prove(&r.kek, slot, id, challenge, accept.Operation())
	r.must(err)
	_, err = r.v.AcceptNonce(ctx, r.by, accept, proof)
	r.must(err)
	s, err := r.sign(uid(1001), "main")
	r.must(err)
	verify(t, s, testSecret)
}

// A68: a keyfile unlocks and proves nothing.
func TestAKeyfileUnlocksAndProvesNothing(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.addSlot(vault.KeySlot{Kind: "keyfile"}, (*operator.KEK)([]byte(goldenKeyfile)))
	r.must(err)
	r.reopen(nil)
	copy(r.kek[:], goldenKeyfile)
	unlock := vault.Unlock{Slot: 2}
	unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
	_, err = r.v.Unlock(ctx, r.by, unlock)
	r.must(err)
	_, err = r.sign(uid(1001), "main")
	r.must(err)
	add := vault.AddBot{Name: "mm-2", Match: []policy.Match{{GID: new(uint32)}}}
	id, challenge, err := r.v.BeginProof(r.by)
	r.must(err)
	proof, err := operator.Prove(&r.kek, 2, id, challenge, add.Operation())
	r.must(err)
	wantKind(t, sendTo(r, r.by, add, proof), vault.KindWrongPassphrase)
}

func makeGolden(t *testing.T) {
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "vault.db"), log: &syncBuffer{}, by: vault.Operator{Conn: 1, Process: "op"}}
	r.open()
	init := vault.Init{Params: vault.MinArgon2(), Salt: [16]byte([]byte("a golden salt...")[:16])}
	kek, err := operator.DeriveKEK([]byte(goldenPassphrase), init.Params, init.Salt)
	r.must(err)
	r.kek = *kek
	init.KEK = r.seal(r.by, init.Purpose(), r.kek[:])
	_, err = r.v.Init(r.by, init)
	r.must(err)
	r.ready()
	r.must(r.addKey("second", "KEY-2", testSecret), r.addBot("idle", 4000000000), r.grant("idle", "second", policy.Read))
	_, err = r.v.RevokeGrant(ctx, r.by, "idle", "second")
	r.must(err)
	_, err = r.addSlot(vault.KeySlot{Kind: "keyfile"}, (*operator.KEK)([]byte(goldenKeyfile)))
	r.must(err, r.v.Close())
	if err := os.WriteFile(goldenFile, readFile(t, r.path), 0o644); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, goldenAudit, auditOf(r.path))
}
