package vault

import (
	"encoding/binary"
	"errors"
	"strings"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/crash"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

// auditHead is the record of how far the audit log is known: 8 bytes of sequence and 32
// of hash. The other entries of its bucket are wrapped audit keys, by slot.
const auditHead = "head"

// anchored is the record that says that there was an anchor; its value is empty.
const anchored = "anchored"

func appendPosition(b []byte, p audit.Position) []byte {
	return append(binary.BigEndian.AppendUint64(b, p.Seq), p.Head[:]...)
}

func parsePosition(b []byte) (p audit.Position, err error) {
	if len(b) != 8+len(p.Head) {
		return p, errors.New("not a position")
	}
	p.Seq = binary.BigEndian.Uint64(b)
	copy(p.Head[:], b[8:])
	return p, nil
}

// openAudit files one of the records of its bucket.
func (u *unlocked) openAudit(c *contents, key string, plain []byte) (err error) {
	bot, isUsage := strings.CutPrefix(key, usagePrefix)
	switch {
	case key == auditHead:
		c.logged, err = parsePosition(plain)
	case key == anchored:
		c.anchored = true
	case isUsage:
		u.usageOf(bot, plain)
	default:
		err = errors.New("unknown record")
	}
	return err
}

// auditKey unwraps the audit key of a vault.
func (f *file) auditKey(op string, slot uint32, kek *[kekSize]byte) (*guard.Buffer, error) {
	at := place{store.Audit, slotKey(slot)}
	key, err := guard.NewBuffer(envelope.AuditKeySize)
	if err != nil {
		return nil, memoryError(op, err)
	}
	err = quietly(func() error {
		return envelope.UnwrapAuditKey(auditKeyOf(key), f.id, at.key, kek, f.raw[at])
	})
	if err != nil {
		key.Destroy()
		return nil, tampered(op, at)
	}
	return key, nil
}

func auditKeyOf(b *guard.Buffer) *[envelope.AuditKeySize]byte {
	return (*[envelope.AuditKeySize]byte)(b.Bytes())
}

// beginRatchet writes the record of an unlock, with which a new ratchet begins: its
// first key and the head of the log so far are sealed under the audit key.
func (v *Vault) beginRatchet(op string, u *unlocked, by Operator, key *guard.Buffer, l *audit.Log, accepted bool) error {
	var public [32]byte
	err := quietly(func() (err error) {
		public, err = envelope.AuditPublic(auditKeyOf(key))
		return err
	})
	if err != nil {
		return memoryError(op, err)
	}
	seal := func() (sealed string, r *audit.Ratchet, err error) {
		r, err = v.audit.ratchets.make(func(first *[envelope.AuditKeySize]byte) error {
			sealed, err = envelope.SealSegmentKey(first, &public)
			return err
		})
		return sealed, r, err
	}
	r := audit.Record{Op: op, Process: by.Process, Decision: audit.Done, Revision: u.revision.Load(), Accepted: accepted}
	_, err = l.Begin(&r, func(seq uint64, before audit.Hash) (sealed string, r *audit.Ratchet, _ audit.Seal, err error) {
		at := envelope.AuditPlace{Vault: u.id, Seq: seq, Before: before, Accepted: accepted}
		r, err = v.audit.ratchets.make(func(first *[envelope.AuditKeySize]byte) error {
			sealed, err = envelope.BeginRatchet(first, auditKeyOf(key), at)
			return err
		})
		return sealed, r, seal, err
	})
	if err != nil {
		return auditError(op, err)
	}
	return nil
}

// keepCheckpoint writes to the file how far the log is known, and what bots have used.
func (v *Vault) keepCheckpoint(at audit.Position) {
	u := v.current.Load()
	if u == nil || !v.mu.TryLock() { // what is under way writes it too
		return
	}
	defer v.mu.Unlock()
	if v.current.Load() != u {
		return
	}
	if err := v.commitMu("checkpoint", u, u.usageChanges()...); err != nil {
		v.log.Warn("how far the audit log is known could not be written to the vault file", "error", err)
		return
	}
	v.noteOutside(u, at)
	v.retain(u)
}

// noteOutside tells the journal and the anchor how new the vault is.
func (v *Vault) noteOutside(u *unlocked, at audit.Position) {
	mark := Mark{VaultID: u.id, Revision: u.revision.Load(), Seq: at.Seq, Head: at.Head}
	if v.journal != nil {
		v.journal(mark)
	}
	if err := v.anchor.write(mark); err != nil {
		v.log.Warn("the anchor cannot be written: a rolled-back vault may go unnoticed", "error", err)
	}
}

// retain removes old segments of the log. A clock that ran ahead removes nothing.
func (v *Vault) retain(u *unlocked) {
	l := v.audit.log.Load()
	if l == nil {
		return
	}
	now := nowOf(u.clock)
	if now.Steady.Before(now.Wall) {
		now.Wall = now.Steady
	}
	if err := l.Retain(now.Wall); err != nil {
		v.log.Warn("old segments of the audit log could not be removed", "error", err)
	}
}

// openLog opens the audit log of a vault that is about to be unlocked. A damaged one is
// nil where the operator accepts that.
func (v *Vault) openLog(op string, r Unlock) (*audit.Log, error) {
	l, err := v.audit.open()
	var damaged *audit.DamagedError
	switch {
	case err == nil:
		return l, nil
	case errors.As(err, &damaged) && r.AcceptRollback:
		return nil, nil
	}
	return nil, auditError(op, err)
}

// staleness is what is older than it should be: file and log each know how new the
// other is (A42, A43).
type staleness struct {
	file, log bool
	newest    uint64 // the newest revision that is known of
}

// checkNewest compares a file whose records are open with the log and with what the
// operator remembers. What is older is an error, unless the operator accepts it.
func (u *unlocked) checkNewest(op string, l *audit.Log, r Unlock, outside uint64) (s staleness, err error) {
	s = staleness{newest: max(r.SeenRevision, outside), log: l == nil}
	if l != nil {
		s.newest = max(s.newest, l.Revision())
		if s.log, err = lacks(op, l, u.logged); err != nil {
			return s, err
		}
	}
	s.file = u.revision.Load() < s.newest
	switch {
	case r.AcceptRollback:
	case s.file:
		return s, fail(op, KindRollback,
			"the vault file is of revision %d, and revision %d has been seen: an older copy was put in its place",
			u.revision.Load(), s.newest).hint("put the newest vault.db back; if it is lost: vaultctl unlock --accept-rollback")
	case s.log:
		return s, fail(op, KindRollback,
			"the audit log lacks record %d, which the vault file knows: an older copy was put in its place",
			u.logged.Seq).hint("put the newest audit folder back; if it is lost: vaultctl unlock --accept-rollback")
	}
	return s, nil
}

func lacks(op string, l *audit.Log, p audit.Position) (bool, error) {
	if p.Seq == 0 {
		return false, nil
	}
	has, err := l.Has(p)
	if err != nil {
		return false, auditError(op, err)
	}
	return !has, nil
}

// beginUnlocked writes the record of an unlock and, where an older file was accepted,
// what its restore changes. Nothing is signed before both are on disk.
func (v *Vault) beginUnlocked(op string, by Operator, kek *[kekSize]byte, o *opening) error {
	key, err := o.file.auditKey(op, o.request.Slot, kek)
	if err != nil {
		return err
	}
	defer key.Destroy()
	if o.stale.log {
		above := o.unlocked.logged.Seq
		if o.backup {
			above += restoreGap
		}
		if o.log, err = v.audit.reopen(above); err != nil {
			return auditError(op, err)
		}
	}
	if err := v.beginRatchet(op, o.unlocked, by, key, o.log, o.stale.log || o.stale.file); err != nil {
		return err
	}
	crash.Point("unlock written")
	changes := o.restored
	if v.anchor.path != "" && !o.anchored {
		changes = append(changes, sealedChange(store.Audit, anchored, nil))
	}
	changes = append(changes, o.config...)
	if o.panicked {
		changes = append(changes, setting(humanOnly, false))
	}
	o.unlocked.newest = o.stale.newest
	switch {
	case o.backup:
		o.unlocked.newest = max(o.stale.newest, o.unlocked.revision.Load()) + restoreGap
		return v.commitFirstMu(op, o.unlocked, changes...)
	case len(changes) == 0:
		return nil
	}
	return v.commitMu(op, o.unlocked, changes...)
}
