package vault

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"

	"bfxvault/vault/internal/backup"
	"bfxvault/vault/internal/envelope"
)

// restoreGap is how far a restore is above every revision and every record of the log that
// are known of: further than a vault comes after the backup was made. So no file of the
// vault that was lost, newer than the backup and known to nobody here, is ever taken for a
// newer one of this vault, and no record's number stands for two.
const restoreGap = 1 << 32

// RestoreBackup makes the vault of a backup, which is read from file, in a folder where
// there is none, and ends unlocked. It is under the rules of a restore: bots are
// suspended, the limits of the day are spent, no order is known, and request nonces go on
// ahead of the clock. All of it is written at once, or nothing. Errors: those of Unlock
// and of ReadBackup; KindInitialised; KindInvalid for a slot that no human opens, and a
// file that is not what r.Digest says; KindBusy.
func (v *Vault) RestoreBackup(ctx context.Context, by Operator, r RestoreBackup, file io.Reader) (opened Opened, err error) {
	const op = "backup restore"
	if !v.backups.TryLock() {
		return Opened{}, fail(op, KindBusy, "another backup is under way").hint("try again when it is done")
	}
	defer v.backups.Unlock()
	defer func() {
		if err != nil {
			v.attempted(op, by, err)
		}
	}()
	if err := v.empty(op); err != nil {
		return Opened{}, err // before all of the file is read
	}
	b, err := receiveBackup(op, r, file)
	if err != nil {
		return Opened{}, err
	}
	err = v.try(ctx, op, by, "wrong passphrase", func() error {
		kek, err := v.openKEKs(op, by, r.KEK, r.Purpose(), 1)
		if err != nil {
			return err
		}
		defer kek.Destroy()
		opened, err = v.restoreWith(op, by, kekOf(kek, 0), r, b)
		return err
	})
	return opened, err
}

// empty fails where there is a vault already, or its file cannot be used.
func (v *Vault) empty(op string) error {
	switch state, problem := v.state(); {
	case problem != nil:
		return problem.during(op)
	case state != Uninitialised:
		return fail(op, KindInitialised, "there is a vault in this folder already, and nothing is overwritten").
			hint("restore it into an empty folder: vaultd --dir D")
	}
	return nil
}

// receiveBackup reads a backup and checks that it is the one that was announced.
func receiveBackup(op string, r RestoreBackup, file io.Reader) (*backup.File, error) {
	text, err := io.ReadAll(io.LimitReader(file, MaxBackup+1))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(text) != r.Digest {
		return nil, fail(op, KindInvalid, "the backup is not the one that was announced")
	}
	b, err := backup.Parse(text)
	if err != nil {
		return nil, backupError(op, err)
	}
	if slices.ContainsFunc(b.Slots, func(s envelope.Slot) bool { return s.ID == r.Slot && !s.Kind.Human() }) {
		return nil, fail(op, KindInvalid, "a keyfile restores nothing").hint("use the passphrase")
	}
	return b, nil
}

// restoreWith is an unlock of what a backup holds, under the rules of a restore, whose
// changes are written together with all the rest.
func (v *Vault) restoreWith(op string, by Operator, kek *[kekSize]byte, r RestoreBackup, b *backup.File) (Opened, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return Opened{}, lockedError(op)
	}
	if err := v.empty(op); err != nil {
		return Opened{}, err
	}
	o := &opening{request: Unlock{Slot: r.Slot, SeenRevision: r.SeenRevision, AcceptRollback: true}, backup: true}
	var err error
	if o.file, err = openBackup(op, b, r.Slot, kek); err != nil {
		return Opened{}, err
	}
	if o.outside, o.missing, err = v.anchor.read(op, o.file.id); err != nil {
		return Opened{}, err
	}
	if o.log, err = v.openLog(op, o.request); err != nil {
		return Opened{}, err
	}
	if err := v.openFile(op, kek, o); err != nil {
		return Opened{}, err
	}
	u := o.unlocked
	if err := v.beginUnlocked(op, by, kek, o); err != nil {
		u.destroy()
		return Opened{}, err
	}
	v.initialised.Store(true)
	if err := v.publish(op, u, o.human); err != nil {
		u.destroy()
		return Opened{}, err
	}
	v.alert(AlertRollback, "a backup was restored")
	v.log.Info("restored a backup", "of", b.Revision, "revision", u.revision.Load(), "slot", r.Slot, "keys", len(u.snapshot.Load().keys))
	return v.opened(u, false), nil
}
