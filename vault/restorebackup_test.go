package vault_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/internal/backup"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// restore restores a backup with the rig's KEK.
func (r *rig) restore(text []byte) error {
	_, err := r.restoreAs(vault.RestoreBackup{Slot: 1, Digest: sha256.Sum256(text)}, text)
	return err
}

func (r *rig) restoreAs(request vault.RestoreBackup, text []byte) (vault.Opened, error) {
	r.t.Helper()
	request.KEK = r.seal(r.by, request.Purpose(), r.kek[:])
	return r.v.RestoreBackup(ctx, r.by, request, bytes.NewReader(text))
}

// elsewhere is another folder, with nothing in it but what vaultd makes.
func elsewhere(t *testing.T, of *rig) *rig {
	t.Helper()
	r := newFolder(t)
	r.kek = of.kek
	r.open()
	return r
}

// restoredBackup is a vault restored from a backup elsewhere. Since the backup was made
// the day's requests were spent, an order was signed under a cid that it does not know,
// the bot mm-2 was removed, mm-3's grant revoked, and last was given out.
func restoredBackup(t *testing.T) (r *rig, last uint64) {
	t.Helper()
	old := newRig(t).ready()
	old.must(old.grantDaily(6), old.addBot("mm-2", 1002), old.grant("mm-2", "main", policy.Read|policy.Trade),
		old.addBot("mm-3", 1003), old.grant("mm-3", "main", policy.Read|policy.Trade), old.order(7), old.raise(7))
	text := old.backup()
	old.must(old.order(8))
	for range 2 {
		s, err := old.sign(uid(1001), "main")
		old.must(err)
		last = max(last, s.RequestNonce)
	}
	_, err := old.v.RemoveBot(ctx, old.by, "mm-2")
	old.must(err)
	_, err = old.v.RevokeGrant(ctx, old.by, "mm-3", "main")
	old.must(err, old.v.Close())
	r = elsewhere(t, old)
	r.must(r.restore(text))
	return r, last
}

// A67, P6: nothing is signed after a restore before the operator has said who may, and
// with which API keys; no request nonce repeats, no limit is refilled, no order is known.
func TestARestoredBackupSignsNothingByItself(t *testing.T) {
	began := dayOf(time.Now()) // which may end meanwhile
	r, last := restoredBackup(t)
	for range 2 { // and stays so over a restart
		for _, n := range []uint32{1001, 1002, 1003} {
			_, err := r.sign(uid(n), "main")
			wantDenied(t, err, vault.KindDenied, "suspended path")
		}
		r.verified()
		r.reopen(nil)
		r.must(r.unlock())
	}
	bots, err := r.v.Policy()
	r.must(err)
	delete(bots, "mm-2")
	one := bots["mm-3"]
	one.Grants = nil
	bots["mm-3"] = one
	r.must(r.apply(bots, false))
	for _, n := range []uint32{1002, 1003} {
		_, err = r.sign(uid(n), "main")
		wantKind(t, err, vault.KindNoGrant)
	}
	r.wantInactive()
	r.must2(r.promote("main", 0, 0))
	_, err = r.sign(uid(1001), "main")
	if dayOf(time.Now()) == began {
		wantDenied(t, err, vault.KindLimited, "daily_requests")
	}
	r.must(r.unlimited())
	s, err := r.sign(uid(1001), "main")
	r.must(err)
	verify(t, s, testSecret)
	if s.RequestNonce <= last {
		t.Errorf("request nonce %d after %d", s.RequestNonce, last)
	}
	for _, cid := range []int{7, 8} {
		wantKind(t, r.raise(cid), vault.KindUnknownOrder)
	}
	r.verified()
}

// A43: a file of the vault that was lost, whatever its revision, is older than the
// restored one.
func TestARestoreIsNewerThanAllThatIsKnown(t *testing.T) {
	old := newRig(t).ready()
	text := old.backup()
	made, err := old.verifyBackup(text)
	old.must(err)
	for name, seen := range map[string]uint64{"nothing is known": 0, "an older one is": 2, "a newer one is": made.Revision + 1000} {
		r := elsewhere(t, old)
		opened, err := r.restoreAs(vault.RestoreBackup{Slot: 1, Digest: sha256.Sum256(text), SeenRevision: seen}, text)
		r.must(err)
		if opened.Revision <= max(seen, made.Revision)+1<<32 || opened.VaultID != made.VaultID || opened.Revision != r.v.Status().Revision {
			t.Errorf("%s: %+v of revision %d", name, opened, made.Revision)
		}
		// It goes on from there, also for who has seen it.
		r.reopen(nil)
		unlock := vault.Unlock{Slot: 1, SeenRevision: opened.Revision}
		unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
		_, err = r.v.Unlock(ctx, r.by, unlock)
		r.must(err)
	}
}

// A67: a restore overwrites nothing.
func TestARestoreNeedsAnEmptyFolder(t *testing.T) {
	r := newRig(t).ready()
	text := r.backup()
	for range 2 { // unlocked, and locked
		before := r.v.Status().Revision
		wantKind(t, r.restore(text), vault.KindInitialised)
		if r.v.Status().Revision != before {
			t.Error("something was written")
		}
		r.v.Lock()
	}
	r.must(r.unlock())
	_, err := r.sign(uid(1001), "main")
	r.must(err)
}

// A45, A46, A68: what is not restored leaves an empty folder, in which the right one is.
func TestWhatIsNotRestoredLeavesNothing(t *testing.T) {
	old := newRig(t).ready()
	_, err := old.addSlot(vault.KeySlot{Kind: "keyfile"}, kekOf(goldenKeyfile))
	old.must(err)
	text := old.backup()
	digest := sha256.Sum256(text)
	r := elsewhere(t, old)
	right := r.kek

	flipped := bytes.Clone(text)
	flipped[len(flipped)-1] ^= 1
	wantKind(t, r.restore(flipped), vault.KindTampered)
	wantKind(t, r.restore(text[:len(text)-1]), vault.KindTampered)
	wantKind(t, r.restore([]byte("a text")), vault.KindInvalid)
	_, err = r.restoreAs(vault.RestoreBackup{Slot: 1, Digest: digest}, flipped)
	wantKind(t, err, vault.KindInvalid)
	_, err = r.restoreAs(vault.RestoreBackup{Slot: 9, Digest: digest}, text)
	wantKind(t, err, vault.KindNotFound)
	copy(r.kek[:], goldenKeyfile)
	_, err = r.restoreAs(vault.RestoreBackup{Slot: 2, Digest: digest}, text)
	wantKind(t, err, vault.KindInvalid)
	if !strings.Contains(err.Error(), "a keyfile restores nothing") {
		t.Error(err)
	}
	wantKind(t, r.restore(text), vault.KindWrongPassphrase)
	r.kek = right
	request := vault.RestoreBackup{Slot: 1, Digest: digest}
	request.KEK = r.seal(r.by, vault.RestoreBackup{Slot: 1, Digest: sha256.Sum256(flipped)}.Purpose(), r.kek[:])
	_, err = r.v.RestoreBackup(ctx, r.by, request, bytes.NewReader(text))
	wantKind(t, err, vault.KindStaleOneShot) // sealed for another file
	_, err = r.v.RestoreBackup(ctx, r.by, request, io.MultiReader(bytes.NewReader(text), broken{}))
	if err == nil {
		t.Error("restored what broke off")
	}
	if state := r.v.Status().State; state != vault.Uninitialised {
		t.Fatalf("the vault is %s", state)
	}
	r.must(r.restore(text))
	for _, slot := range []uint32{1, 2} { // later every slot opens it
		r.reopen(nil)
		unlock := vault.Unlock{Slot: slot}
		unlock.KEK = r.seal(r.by, unlock.Purpose(), right[:])
		if slot == 2 {
			unlock.KEK = r.seal(r.by, unlock.Purpose(), []byte(goldenKeyfile))
		}
		_, err := r.v.Unlock(ctx, r.by, unlock)
		r.must(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A45: records that are each whole, and not of one revision, are not restored, sealed by
// whoever has the data key: an unlock goes on with such a file where the operator accepts
// it, and a backup is never accepted so.
func TestAMixedBackupIsNotRestored(t *testing.T) {
	old := newRig(t).ready()
	wider := old.entriesOf(old.backup())
	old.must(old.grant("mm-1", "main", policy.Read))
	text := old.backup()
	entries := old.entriesOf(text)
	for i, e := range entries {
		if e.Bucket == store.Grants {
			entries[i].Value = wider[i].Value
		}
	}
	f, err := backup.Parse(text)
	old.must(err)
	mixed, err := backup.Seal(*f, [32]byte{1}, old.dataKeyOf(f), entries)
	old.must(err)
	_, err = old.verifyBackup(mixed)
	wantKind(t, err, vault.KindTampered)
	r := elsewhere(t, old)
	wantKind(t, r.restore(mixed), vault.KindTampered)
	if state := r.v.Status().State; state != vault.Uninitialised {
		t.Fatalf("the vault is %s", state)
	}
	r.must(r.restore(text))
}

// entriesOf opens a backup.
func (r *rig) entriesOf(text []byte) []backup.Entry {
	r.t.Helper()
	f, err := backup.Parse(text)
	r.must(err)
	entries, err := f.Open(r.dataKeyOf(f))
	r.must(err)
	return entries
}

func (r *rig) dataKeyOf(f *backup.File) *[32]byte {
	r.t.Helper()
	var key [32]byte
	r.must(f.Slots[0].Unwrap(f.Vault, (*[32]byte)(&r.kek), &key))
	return &key
}

// The log of the vault that was lost, where it is still there, goes on; elsewhere it
// begins behind a gap, so that no number is given twice.
func TestTheAuditLogGoesOnBehindARestore(t *testing.T) {
	old := newRig(t).ready()
	text := old.backup()
	before := old.v.Status().Synced.Seq
	r := elsewhere(t, old)
	r.must(r.restore(text))
	if report := r.verified(); len(report.Accepted) != 1 || report.Last <= before+1<<31 {
		t.Errorf("elsewhere: %+v after record %d", report, before)
	}
	old.reopen(func(path string) { old.must(os.Remove(path)) })
	old.must(old.restore(text))
	if report := old.verified(); len(report.Accepted) != 0 || report.First != 1 || report.Last <= before {
		t.Errorf("beside the old log: %+v after record %d", report, before)
	}
	if !old.recorded("backup restore", "done") || old.alerted("rolled_back") != 1 {
		t.Error("the restore is not on record")
	}
	old.reopen(func(path string) { // and where it is damaged
		old.must(os.Remove(path))
		names, err := filepath.Glob(filepath.Join(auditOf(path), "*.jsonl"))
		old.must(err)
		log := readFile(t, names[0])
		log[len(log)/2] ^= 1
		old.must(os.WriteFile(names[0], log, 0o600))
	})
	old.must(old.restore(text))
	_, err := old.sign(uid(1001), "main")
	wantDenied(t, err, vault.KindDenied, "suspended path")
}

// A43: an anchor that knows a newer revision counts as what the operator has seen, and is
// that of the restored vault from then on.
func TestARestoreGoesBehindTheAnchor(t *testing.T) {
	old := newRig(t).ready()
	text := old.backup()
	r := newFolder(t)
	r.kek, r.anchor = old.kek, filepath.Join(t.TempDir(), "anchor")
	status := old.v.Status()
	r.must(os.WriteFile(r.anchor, fmt.Appendf(nil, `{"vault":"%x","revision":1000000,"seq":1,"head":""}`, status.VaultID), 0o600))
	r.open()
	opened, err := r.restoreAs(vault.RestoreBackup{Slot: 1, Digest: sha256.Sum256(text)}, text)
	r.must(err)
	if opened.Revision <= 1000000+1<<32 {
		t.Errorf("revision %d", opened.Revision)
	}
	r.reopen(nil)
	r.must(r.unlock())
	r.reopen(func(string) { r.must(os.Remove(r.anchor)) })
	wantKind(t, r.unlock(), vault.KindRollback)
}
