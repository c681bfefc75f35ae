package vault_test

import (
	"bytes"
	"errors"
	"strconv"
	"sync"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/internal/store"
)

// backup makes a backup.
func (r *rig) backup() []byte {
	r.t.Helper()
	text, err := r.tryBackup()
	r.must(err)
	return text
}

func (r *rig) tryBackup() (text []byte, err error) {
	err = r.v.CreateBackup(r.by, func(part []byte) error {
		if len(part) == 0 || len(part) > 64<<10 {
			r.t.Errorf("a part of %d bytes", len(part))
		}
		text = append(text, part...)
		return nil
	})
	return text, err
}

func (r *rig) verifyBackup(text []byte) (vault.BackupContents, error) {
	return vault.VerifyBackup(text, 1, (*[32]byte)(&r.kek))
}

// A67, P1: nothing of the vault shows in a backup, neither names nor what is sealed.
func TestABackupShowsNothing(t *testing.T) {
	r := newRig(t).ready()
	text := r.backup()
	c, err := r.verifyBackup(text)
	if err != nil || c.Keys != 1 || c.Bots != 1 || c.Grants != 1 || len(c.Slots) != 1 {
		t.Fatalf("%+v: %v", c, err)
	}
	status := r.v.Status()
	if c.Revision != status.Revision || string(c.VaultID[:]) != string(status.VaultID) {
		t.Errorf("of revision %d of vault %x", c.Revision, c.VaultID)
	}
	r.must(r.v.Close())
	for bucket, records := range dump(t, r.path) {
		for key, value := range records {
			if bucket == store.Meta || bucket == store.Slots {
				continue // as anybody may see it
			}
			if bytes.Contains(text, value) && len(value) > 0 || len(key) > 3 && bytes.Contains(text, []byte(key)) {
				t.Errorf("%s %s shows", bucket, key)
			}
		}
	}
	if bytes.Contains(text, []byte(testSecret)) || bytes.Contains(text, r.kek[:]) {
		t.Error("a secret shows")
	}
}

// A45: the records in a backup are those of one revision, or it is refused.
func TestABackupOfAnotherPassphraseOrChangedIsRefused(t *testing.T) {
	r := newRig(t).ready()
	text := r.backup()
	_, err := vault.VerifyBackup(text, 1, &[32]byte{1})
	wantKind(t, err, vault.KindWrongPassphrase)
	_, err = vault.VerifyBackup(text, 2, (*[32]byte)(&r.kek))
	wantKind(t, err, vault.KindNotFound)
	for at := 17; at < len(text); at += 7 {
		changed := bytes.Clone(text)
		changed[at] ^= 1
		if _, err := r.verifyBackup(changed); vault.KindOf(err) != vault.KindTampered && vault.KindOf(err) != vault.KindWrongPassphrase {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	_, err = r.verifyBackup(text[:len(text)-1])
	wantKind(t, err, vault.KindTampered)
	_, err = r.verifyBackup([]byte("a text"))
	wantKind(t, err, vault.KindInvalid)
	later := bytes.Clone(text)
	later[16]++
	_, err = r.verifyBackup(later)
	wantKind(t, err, vault.KindVersion)
}

// P7: a backup is of one revision, whatever is changed and signed meanwhile.
func TestABackupIsOfOneRevisionWhileSigningGoesOn(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grantDaily(1 << 40))
	for i := range 100 { // so that sealing takes as long as a change
		r.must(r.addKey("n-"+strconv.Itoa(i), "n-"+strconv.Itoa(i), testSecret))
	}
	stop := make(chan struct{})
	var signing sync.WaitGroup
	signed := make([]int, 8)
	for i := range signed {
		signing.Go(func() {
			for ; ; signed[i]++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := r.sign(uid(1001), "main"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	changed := 0
	signing.Go(func() {
		for ; ; changed++ {
			select {
			case <-stop:
				return
			default:
			}
			err := r.addBot("bot-"+strconv.Itoa(changed), uint32(2000+changed))
			if err == nil && changed%5 == 0 {
				err = r.rotate()
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	var last vault.BackupContents
	for range 30 {
		c, err := r.verifyBackup(r.backup())
		if err != nil || c.Revision < last.Revision || c.Bots < last.Bots {
			t.Errorf("%+v after %+v: %v", c, last, err)
			break
		}
		last = c
	}
	close(stop)
	signing.Wait()
	if c, err := r.verifyBackup(r.backup()); err != nil || c.Bots != changed+1 || changed == 0 {
		t.Errorf("%+v, and %d bots: %v", c, changed, err)
	}
	for i, n := range signed {
		if n == 0 {
			t.Errorf("signer %d signed nothing", i)
		}
	}
}

// P2, P5: it is on record before a byte of it leaves, and no key outlives a lock.
func TestABackupIsOnRecordAndNeedsAnUnlockedVault(t *testing.T) {
	r := newRig(t).ready()
	gone := errors.New("who asked is gone")
	err := r.v.CreateBackup(r.by, func([]byte) error {
		if !r.recorded("backup create", audit.Done) {
			t.Error("a part left before the record")
		}
		r.v.Lock() // does not wait for who reads slowly
		if _, err := r.tryBackup(); vault.KindOf(err) != vault.KindBusy {
			t.Errorf("a second one: %v", err)
		}
		return gone
	})
	if !errors.Is(err, gone) {
		t.Error(err)
	}
	_, err = r.tryBackup()
	wantKind(t, err, vault.KindLocked)
	r.must(r.v.Close()) // nobody waits for the record of a refusal
	if !r.recorded("backup create", audit.Failed) {
		t.Error("the refusal is not on record")
	}
}

func (r *rig) recorded(op string, decision string) bool {
	for _, e := range r.records() {
		if e.Op == op && e.Decision == decision {
			return true
		}
	}
	return false
}
