package vault

import (
	"context"
	"crypto/rand"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/crash"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/store"
)

const (
	kekSize      = 32
	proofKeySize = 32
)

// Opened is what Init and Unlock report.
type Opened struct {
	VaultID  [16]byte
	Revision uint64
	// Already is set where the vault was unlocked before.
	Already bool
	// Held are the labels whose request nonces wait for AcceptNonce.
	Held []string
}

// Init makes the vault: a new data key, wrapped in one passphrase slot. It ends
// unlocked. A vault that exists is KindInitialised; parameters out of bounds are
// KindInvalid; too little lockable memory is KindMemoryLimit, and nothing was
// written.
func (v *Vault) Init(by Operator, r Init) (Opened, error) {
	const op = "init"
	if err := r.Params.Check(); err != nil {
		return Opened{}, fail(op, KindInvalid, "%w", err)
	}
	kek, err := v.openKEKs(op, by, r.KEK, r.Purpose(), 1)
	if err != nil {
		return Opened{}, err
	}
	defer kek.Destroy()

	v.mu.Lock()
	defer v.mu.Unlock()
	switch state, problem := v.state(); {
	case problem != nil:
		return Opened{}, problem.during(op)
	case v.closed:
		return Opened{}, lockedError(op)
	case state != Uninitialised:
		return Opened{}, fail(op, KindInitialised, "there is a vault in this folder already").hint("vaultctl unlock")
	}
	l, err := v.audit.open()
	if err != nil {
		return Opened{}, auditError(op, err)
	}
	u, auditKey, err := v.create(op, kek, envelope.Slot{
		ID: 1, Kind: envelope.Passphrase, Params: envelope.Params(r.Params), Salt: r.Salt, Created: unixNow(),
	})
	if err != nil {
		return Opened{}, err
	}
	defer auditKey.Destroy()
	u.snapshot.Store(newSnapshot())
	v.initialised.Store(true)
	crash.Point("vault file made")
	if err := v.beginRatchet(op, u, by, auditKey, l, false); err != nil {
		u.destroy()
		return Opened{}, err
	}
	if err := v.publish(op, u, true); err != nil {
		u.destroy()
		return Opened{}, err // unreachable: a human may
	}
	v.log.Info("made a vault", "memory", u.slab.Backend())
	return Opened{VaultID: u.id, Revision: u.revision.Load()}, nil
}

// create writes the first revision of a vault file.
// It returns the audit key as well, which the caller destroys.
func (v *Vault) create(op string, kek *guard.Buffer, slot envelope.Slot) (*unlocked, *guard.Buffer, error) {
	var id envelope.VaultID
	rand.Read(id[:]) // never fails: crypto/rand
	u, err := v.newUnlocked(op, id, 0)
	if err != nil {
		return nil, nil, err
	}
	auditKey, err := guard.NewBuffer(envelope.AuditKeySize)
	if err != nil {
		u.destroy()
		return nil, nil, memoryError(op, err)
	}
	if err := v.createIn(op, u, kekOf(kek, 0), slot, auditKey); err != nil {
		auditKey.Destroy()
		u.destroy()
		return nil, nil, err
	}
	return u, auditKey, nil
}

func (v *Vault) createIn(op string, u *unlocked, kek *[kekSize]byte, slot envelope.Slot, auditKey *guard.Buffer) error {
	room, err := guard.NewBuffer(slotRoomSize)
	if err != nil {
		return memoryError(op, err)
	}
	defer room.Destroy()
	if err := u.enter(op); err != nil {
		return err
	}
	defer u.slab.Leave()
	var changes []change
	err = quietly(func() (err error) {
		if err := u.drawDataKey(); err != nil {
			return err
		}
		envelope.NewAuditKey(auditKeyOf(auditKey))
		changes, err = u.slotChanges(slot, kek, auditKeyOf(auditKey), (*slotRoom)(room.Bytes()))
		return err
	})
	if err != nil {
		return memoryError(op, err)
	}
	config, err := v.configChange(op)
	if err != nil {
		return err
	}
	return v.commitFirstMu(op, u, append(changes, config...)...)
}

// Unlock opens the vault with the KEK of one slot. Where it is unlocked already,
// nothing is checked and nothing changes. A KEK that does not open the slot is
// KindWrongPassphrase and costs its process a second; a file that is not what was
// written is KindTampered, one older than r.SeenRevision KindRollback.
func (v *Vault) Unlock(ctx context.Context, by Operator, r Unlock) (opened Opened, err error) {
	const op = "unlock"
	if u := v.current.Load(); u != nil {
		return v.opened(u, true), nil
	}
	defer func() {
		if err != nil {
			v.attempted(op, by, err)
		}
	}()
	err = v.try(ctx, op, by, "wrong passphrase", func() error {
		// The KEK is opened only now, so that none waits for its turn in the clear.
		kek, err := v.openKEKs(op, by, r.KEK, r.Purpose(), 1)
		if err != nil {
			return err
		}
		defer kek.Destroy()
		opened, err = v.unlockWith(op, by, kekOf(kek, 0), r)
		return err
	})
	return opened, err
}

func (v *Vault) unlockWith(op string, by Operator, kek *[kekSize]byte, r Unlock) (Opened, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if u := v.current.Load(); u != nil {
		return v.opened(u, true), nil
	}
	if v.fault != nil {
		return Opened{}, v.fault.during(op)
	}
	if v.closed {
		return Opened{}, lockedError(op)
	}
	o := &opening{request: r}
	if err := v.readOpening(op, o); err != nil {
		return Opened{}, err
	}
	if err := v.openFile(op, kek, o); err != nil {
		if KindOf(err) == KindRollback {
			v.alert(AlertRollback, err.Error())
		}
		return Opened{}, err
	}
	u := o.unlocked
	if err := v.beginUnlocked(op, by, kek, o); err != nil {
		u.destroy()
		return Opened{}, err
	}
	if err := v.publish(op, u, o.human); err != nil {
		u.destroy()
		return Opened{}, err
	}
	if o.stale.file || o.stale.log {
		v.alert(AlertRollback, "an older copy was accepted")
	}
	v.log.Info("unlocked", "slot", r.Slot, "memory", u.slab.Backend(), "keys", len(u.snapshot.Load().keys))
	v.remind(u)
	return v.opened(u, false), nil
}

// opening is an unlock under way.
type opening struct {
	request  Unlock
	file     *file
	log      *audit.Log // nil where it is damaged, and that is accepted
	unlocked *unlocked
	stale    staleness
	backup   bool     // the file is one, and goes into an empty one
	restored []change // what accepting an older file changes
	outside  uint64   // the revision that the anchor knows
	missing  bool     // there is to be an anchor, and there is none
	anchored bool     // there was one before
	panicked bool     // a panic is written down, which this unlock ends
	human    bool     // who opens the slot
	config   []change // that notes what it is unlocked with
}

// readOpening reads the file and opens the log.
func (v *Vault) readOpening(op string, o *opening) (err error) {
	if o.file, err = readFile(op, v.store); err != nil {
		return err
	}
	if o.file.revision == 0 {
		return fail(op, KindUninitialised, "there is no vault yet").hint("vaultctl init")
	}
	if o.outside, o.missing, err = v.anchor.read(op, o.file.id); err != nil {
		return err
	}
	o.log, err = v.openLog(op, o.request)
	return err
}

// openFile makes the unlocked state of a file, or nothing at all.
func (v *Vault) openFile(op string, kek *[kekSize]byte, o *opening) error {
	slot, ok := o.file.slots[o.request.Slot]
	switch {
	case !ok:
		return fail(op, KindNotFound, "there is no key slot %d", o.request.Slot)
	case o.request.AcceptRollback && !slot.Kind.Human():
		return fail(op, KindInvalid, "a keyfile accepts no rollback").hint("unlock with the passphrase")
	case o.request.AcceptConfig && !slot.Kind.Human():
		return fail(op, KindInvalid, "a keyfile accepts no laxer settings").hint("unlock with the passphrase")
	}
	u, err := v.newUnlocked(op, o.file.id, countBucket(o.file.raw, store.Secrets))
	if err != nil {
		return err
	}
	o.unlocked = u
	if err := v.openIn(op, kek, o, &slot); err != nil {
		u.destroy()
		return err
	}
	return nil
}

func (v *Vault) openIn(op string, kek *[kekSize]byte, o *opening, slot *envelope.Slot) error {
	u := o.unlocked
	c, err := u.openWith(op, o.file, slot, kek)
	if err != nil {
		return err
	}
	if err := o.restore(op, c); err != nil {
		return err
	}
	if o.human = slot.Kind.Human(); !o.human && (c.humanOnly || v.panicked()) {
		return humanOnlyError(op)
	}
	if err := v.checkConfig(op, o, c); err != nil {
		return err
	}
	s, err := v.buildSnapshot(op, u, c)
	if err != nil {
		return err
	}
	s.panicCancels, o.panicked = c.panicCancels, c.humanOnly
	u.snapshot.Store(s)
	return nil
}

// restore finds out whether anything is older than it should be and, where that is
// accepted, applies the rules of a restore to what was read.
func (o *opening) restore(op string, c *contents) (err error) {
	if c.mixed != nil && (o.backup || !o.request.AcceptRollback) {
		return c.mixed
	}
	if o.stale, err = o.unlocked.checkNewest(op, o.log, o.request, o.outside); err != nil {
		return err
	}
	o.anchored = c.anchored
	if c.anchored && o.missing && !o.request.AcceptRollback { // A42
		return fail(op, KindRollback, "the anchor is not there").
			hint("mount what it is on; if it is lost: vaultctl unlock --accept-rollback")
	}
	o.stale.file = o.stale.file || c.mixed != nil || o.backup
	if o.stale.file {
		o.restored, err = c.restoreRules(op, nowOf(o.unlocked.clock))
	}
	o.unlocked.restored = c.restored
	return err
}

// openKEKs opens a box with n KEKs, of which kekOf finds each. The caller destroys it.
func (v *Vault) openKEKs(op string, by Operator, box Sealed, purpose Operation, n int) (*guard.Buffer, error) {
	buffer, err := v.openSealed(op, by, box, purpose)
	if err != nil {
		return nil, err
	}
	if len(buffer.Bytes()) != sealedPrefixSize+n*kekSize {
		buffer.Destroy()
		return nil, fail(op, KindInvalid, "a KEK is %d bytes", kekSize)
	}
	return buffer, nil
}

// kekOf is one of the KEKs of a box, the first being 0.
func kekOf(b *guard.Buffer, n int) *[kekSize]byte {
	return (*[kekSize]byte)(b.Bytes()[sealedPrefixSize+n*kekSize:])
}

func (v *Vault) opened(u *unlocked, already bool) Opened {
	return Opened{VaultID: u.id, Revision: u.revision.Load(), Already: already, Held: u.snapshot.Load().held()}
}
