package vault_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/store"
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
	r.reopen(func(path string) { addKeyfileSlot(t, path, [32]byte(r.kek), [32]byte([]byte(goldenKeyfile))) })
	copy(r.kek[:], goldenKeyfile)
	unlock := vault.Unlock{Slot: 2}
	unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
	_, err := r.v.Unlock(ctx, r.by, unlock)
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
	r.must(err, r.v.Close())
	addKeyfileSlot(t, r.path, [32]byte(r.kek), [32]byte([]byte(goldenKeyfile)))
	if err := os.WriteFile(goldenFile, readFile(t, r.path), 0o644); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, goldenAudit, auditOf(r.path))
}

// addKeyfileSlot adds slot 2 to a closed vault file by hand, from the format's
// description: wrap the data key, put the slot into the set hash, seal the
// manifest.
func addKeyfileSlot(t *testing.T, path string, kek, keyfile [32]byte) {
	t.Helper()
	entries := dump(t, path)
	id := envelope.VaultID(entries[store.Meta]["vault"][:16])
	first, err := envelope.ParseSlot(entries[store.Slots]["1"])
	if err != nil {
		t.Fatal(err)
	}
	var dataKey [32]byte
	slot := envelope.Slot{ID: 2, Kind: envelope.Keyfile, Created: first.Created}
	if err := first.Unwrap(id, &kek, &dataKey); err != nil {
		t.Fatal(err)
	}
	if err := envelope.Wrap(&slot, id, &keyfile, &dataKey); err != nil {
		t.Fatal(err)
	}
	text, err := slot.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	entries[store.Slots]["2"] = text
	var auditKey [envelope.AuditKeySize]byte
	if err := envelope.UnwrapAuditKey(&auditKey, id, "1", &kek, entries[store.Audit]["1"]); err != nil {
		t.Fatal(err)
	}
	if entries[store.Audit]["2"], err = envelope.WrapAuditKey(id, "2", &keyfile, &auditKey); err != nil {
		t.Fatal(err)
	}

	state := make([]byte, mac.StateSize)
	if err := envelope.SetHashState(state, &dataKey); err != nil {
		t.Fatal(err)
	}
	var set envelope.SetHash
	for bucket, records := range entries {
		for key, value := range records {
			if bucket != store.Meta && bucket != store.Manifest {
				set.Add(state, bucket, []byte(key), value)
			}
		}
	}
	place := envelope.Place{Vault: id, Bucket: store.Manifest, Key: []byte("manifest")}
	old, revision, err := envelope.Open(nil, &dataKey, place, entries[store.Manifest]["manifest"])
	if err != nil || len(old) == 0 {
		t.Fatal(err)
	}
	m := envelope.Manifest{Revision: revision + 1, Count: set.Count, Sum: set.Sum}
	plain, _ := m.AppendBinary(nil)
	sealed, err := envelope.Seal(nil, &dataKey, place, m.Revision, plain)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, put(store.Slots, "2", text), put(store.Audit, "2", entries[store.Audit]["2"]), put(store.Manifest, "manifest", sealed))
}
