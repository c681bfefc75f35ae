package vault

import (
	"cmp"
	"crypto/rand"
	"errors"
	"maps"
	"slices"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/backup"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

// MaxBackup is how many bytes a backup has at most.
const MaxBackup = backup.MaxSize

// backupPart is how many bytes of a backup are handed out at a time.
const backupPart = 64 << 10

// CreateBackup seals the whole vault, as of one revision, and hands it to send piece by
// piece, up to 64 KiB each. Signing goes on meanwhile. That it was asked for is on record
// before the first piece. One backup is made at a time: another is KindBusy. What send
// fails with is returned as it is.
func (v *Vault) CreateBackup(by Operator, send func(part []byte) error) error {
	const op = "backup create"
	if !v.backups.TryLock() {
		return fail(op, KindBusy, "another backup is under way").hint("try again when it is done")
	}
	defer v.backups.Unlock()
	text, err := v.backup(op, by)
	if err != nil {
		v.attempted(op, by, err)
		return err
	}
	for part := range slices.Chunk(text, backupPart) {
		if err := send(part); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) backup(op string, by Operator) ([]byte, error) {
	u, err := v.unlocked(op)
	if err != nil {
		return nil, err
	}
	l, err := v.audit.open()
	if err != nil {
		return nil, auditError(op, err)
	}
	c, err := v.copyFile(op, u)
	if err != nil {
		return nil, err
	}
	text, err := c.seal(op)
	if err != nil {
		return nil, err
	}
	_, err = l.Append(&audit.Record{Op: op, Process: by.Process, Decision: audit.Done, Revision: c.revision}, true)
	if err != nil {
		return nil, auditError(op, err)
	}
	v.log.Info("made a backup", "revision", c.revision, "bytes", len(text))
	return text, nil
}

// fileCopy is a vault file as of one revision, and its data key in guarded memory.
type fileCopy struct {
	*file
	unlocked *unlocked // entered, until seal is done
	key      *guard.Buffer
}

// copyFile copies what is known of the file in memory: it is what was written last, and
// reading it there waits for no disk. Commits wait for as long as a map takes to copy.
func (v *Vault) copyFile(op string, u *unlocked) (*fileCopy, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current.Load() != u {
		return nil, lockedError(op)
	}
	key, err := guard.NewBuffer(kekSize)
	if err != nil {
		return nil, memoryError(op, err)
	}
	if err := u.enter(op); err != nil {
		key.Destroy()
		return nil, err
	}
	c := &fileCopy{file: newFile(), unlocked: u, key: key}
	c.id, c.revision, c.raw = u.id, u.revision.Load(), maps.Clone(u.raw)
	var manifest store.Op
	err = quietly(func() (err error) {
		copy(key.Bytes(), u.key()[:])
		manifest, err = u.sealManifest(&fileView{c.revision, u.set})
		return err
	})
	if err != nil {
		c.leave()
		return nil, fail(op, KindInternal, "%w", err)
	}
	c.manifest = manifest.Value
	return c, nil
}

// leave ends the use of the key material: a lock waits for it (P5).
func (c *fileCopy) leave() {
	c.key.Destroy()
	c.unlocked.slab.Leave()
}

// seal makes the backup, and leaves.
func (c *fileCopy) seal(op string) ([]byte, error) {
	defer c.leave()
	head := backup.File{Vault: c.id, Revision: c.revision, Created: unixNow()}
	entries := []backup.Entry{{Bucket: manifestPlace.bucket, Key: manifestPlace.key, Value: c.manifest}}
	for p, value := range c.raw {
		if p.bucket != store.Slots {
			entries = append(entries, backup.Entry{Bucket: p.bucket, Key: p.key, Value: value})
		}
	}
	slices.SortFunc(entries, func(a, b backup.Entry) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key))
	})
	if err := c.readSlots(op); err != nil {
		return nil, err
	}
	for _, id := range sortedKeys(c.slots) {
		head.SlotBytes = append(head.SlotBytes, c.raw[place{store.Slots, slotKey(id)}])
	}
	var salt [32]byte
	rand.Read(salt[:]) // never fails: crypto/rand
	text, err := backup.Seal(head, salt, (*[kekSize]byte)(c.key.Bytes()), entries)
	if err != nil {
		return nil, backupError(op, err)
	}
	return text, nil
}

// Backup is what stands in a backup in the clear. Only VerifyBackup proves it.
type Backup struct {
	VaultID  [16]byte
	Revision uint64
	Created  int64 // unix seconds
	Slots    []Slot
}

// ReadBackup reads what stands in a backup in the clear. Errors: KindTampered,
// KindVersion, KindInvalid for a file that is no backup.
func ReadBackup(text []byte) (Backup, error) {
	f, err := backup.Parse(text)
	if err != nil {
		return Backup{}, backupError("backup read", err)
	}
	return aboutBackup(f), nil
}

func aboutBackup(f *backup.File) Backup {
	b := Backup{VaultID: f.Vault, Revision: f.Revision, Created: f.Created}
	for i := range f.Slots {
		b.Slots = append(b.Slots, slotView(&f.Slots[i]))
	}
	return b
}

// BackupContents is what a backup would restore.
type BackupContents struct {
	Backup
	Keys, Bots, Grants int
}

// VerifyBackup opens all of a backup with the KEK of one of its slots, as a restore does,
// and changes nothing. It works in guarded memory of the process that calls it. Errors:
// those of ReadBackup; KindWrongPassphrase; KindNotFound for a slot that is not there;
// KindMemoryLimit.
func VerifyBackup(text []byte, slot uint32, kek *[kekSize]byte) (BackupContents, error) {
	const op = "backup verify"
	b, err := backup.Parse(text)
	if err != nil {
		return BackupContents{}, backupError(op, err)
	}
	f, err := openBackup(op, b, slot, kek)
	if err != nil {
		return BackupContents{}, err
	}
	v := new(Vault) // nothing is persisted: there is no store, and nothing is signed
	u, err := v.newUnlocked(op, f.id, countBucket(f.raw, store.Secrets))
	if err != nil {
		return BackupContents{}, err
	}
	defer u.destroy()
	s, err := v.checkContents(op, u, f, slot, kek)
	if err != nil {
		return BackupContents{}, err
	}
	c := BackupContents{Backup: aboutBackup(b), Keys: len(s.keys), Bots: len(s.bots)}
	for _, bot := range s.bots {
		c.Grants += len(bot.grants)
	}
	return c, nil
}

func (v *Vault) checkContents(op string, u *unlocked, f *file, id uint32, kek *[kekSize]byte) (*snapshot, error) {
	slot := f.slots[id]
	c, err := u.openWith(op, f, &slot, kek)
	if err != nil {
		return nil, err
	}
	if c.mixed != nil {
		return nil, c.mixed
	}
	return v.buildSnapshot(op, u, c)
}

// openBackup opens a backup with the KEK of one of its slots and returns the vault file
// that it holds. The records in it are sealed as they were.
func openBackup(op string, b *backup.File, id uint32, kek *[kekSize]byte) (*file, error) {
	i := slices.IndexFunc(b.Slots, func(s envelope.Slot) bool { return s.ID == id })
	if i < 0 {
		return nil, fail(op, KindNotFound, "the backup has no key slot %d", id)
	}
	key, err := guard.NewBuffer(kekSize)
	if err != nil {
		return nil, memoryError(op, err)
	}
	defer key.Destroy()
	dataKey := (*[kekSize]byte)(key.Bytes())
	if err := quietly(func() error { return b.Slots[i].Unwrap(b.Vault, kek, dataKey) }); err != nil {
		return nil, unwrapError(op, id, err)
	}
	entries, err := b.Open(dataKey)
	if err != nil {
		return nil, backupError(op, err)
	}
	f := newFile()
	f.id, f.revision = b.Vault, b.Revision
	for _, e := range entries {
		if p := (place{e.Bucket, e.Key}); p.bucket == store.Meta || p.bucket == store.Slots {
			return nil, tampered(op, p) // unreachable: what stands in the header is not sealed again
		} else if err := f.add(op, p, e.Value); err != nil {
			return nil, err
		}
	}
	for i, text := range b.SlotBytes {
		f.raw[place{store.Slots, slotKey(b.Slots[i].ID)}] = text
	}
	return f, f.readSlots(op)
}

// backupError gives an error of a backup its kind.
func backupError(op string, err error) *Error {
	var bounds *envelope.ParamsError
	switch {
	case errors.Is(err, backup.ErrNotABackup), errors.Is(err, backup.ErrTooLarge):
		return fail(op, KindInvalid, "%w", err)
	case errors.Is(err, backup.ErrVersion):
		return fail(op, KindVersion, "%w", err).hint("use the version of bfxvault that wrote it, or a newer one")
	case errors.Is(err, backup.ErrDamaged), errors.As(err, &bounds):
		return fail(op, KindTampered, "%w", err).hint("take another copy of it, or an older backup")
	}
	return memoryError(op, err)
}
