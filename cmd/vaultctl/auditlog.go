package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/operator"
)

// daemonPatience is how long vaultd may take to say where the log is, before that is
// read elsewhere.
const daemonPatience = 2 * time.Second

// auditFolder is where the log is: where vaultd says, or where it would be, whatever
// state vaultd and the vault file are in.
func (a *app) auditFolder(ctx context.Context) (string, error) {
	p, err := a.paths()
	if err != nil {
		return "", err
	}
	if l, err := a.shownAudit(ctx); err == nil {
		return l.Dir, nil
	}
	return p.Audit(), nil
}

// auditLog is where the log is and what verifies it: as vaultd says, or as the vault file
// says where none runs. Without a passphrase the files are enough.
func (a *app) auditLog(ctx context.Context, plainOnly bool) (vault.AuditLog, error) {
	p, err := a.paths()
	if err != nil {
		return vault.AuditLog{}, err
	}
	l, err := a.shownAudit(ctx)
	switch {
	case err == nil:
		return l, nil
	case plainOnly:
		return vault.AuditLog{Dir: p.Audit()}, nil
	case !is(err, "UNREACHABLE"):
		return l, err
	}
	l, err = vault.ReadAuditLog(p.VaultFile())
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, fs.ErrNotExist):
		return l, failed("UNREACHABLE", "there is no vaultd that answers, and no vault file: %v", err).withHint(hintStart)
	case errors.Is(err, fs.ErrPermission):
		return l, unreadable(p.VaultFile(), err)
	}
	return l, failed(fileReason(err), "%v", err).withHint("vaultctl audit verify --no-passphrase")
}

// fileReason is why a vault file cannot be read, as vaultd would say it.
func fileReason(err error) string {
	switch kind := vault.KindOf(err); kind {
	case vault.KindTampered, vault.KindVersion, vault.KindUninitialised:
		return kind.Reason()
	}
	return "FAILED"
}

// shownAudit is what vaultd says of the log.
func (a *app) shownAudit(ctx context.Context) (l vault.AuditLog, err error) {
	ctx, cancel := context.WithTimeout(ctx, daemonPatience)
	defer cancel()
	err = a.with(func(s *session) error {
		r, err := s.admin.ShowAudit(ctx, &pb.ShowAuditRequest{})
		if err != nil {
			return err
		}
		l = vault.AuditLog{Dir: r.GetDir(), Head: r.GetKnown(), Problem: r.GetProblem()}
		if len(r.GetVaultId()) != len(l.VaultID) || len(r.GetHead()) != len(l.Synced.Head) {
			return failed("FAILED", "vaultd sent an id or a hash of another size")
		}
		copy(l.VaultID[:], r.GetVaultId())
		l.Synced.Seq = r.GetSeq()
		copy(l.Synced.Head[:], r.GetHead())
		for _, k := range r.GetKeys() {
			l.Keys = append(l.Keys, vault.AuditKey{Slot: k.GetSlot(), SlotBytes: k.GetSlotBytes(), Wrapped: k.GetWrapped()})
		}
		return nil
	})
	return l, err
}

// auditSecrets is what a passphrase opens of the log: its keys, and how far the vault
// file knows it. The caller wipes the keys.
func (a *app) auditSecrets(ctx context.Context, l vault.AuditLog, from passphraseFlags) (*operator.AuditKeys, audit.Position, error) {
	var slots []vault.Slot
	for _, k := range l.Keys {
		slot, err := operator.SlotOf(k)
		if err != nil {
			return nil, audit.Position{}, failed("TAMPERED", "key slot %d: %v", k.Slot, err)
		}
		if slot.Kind == from.kind() {
			slots = append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return nil, audit.Position{}, failed("NO_SLOT", "this vault has no %s slot", from.kind())
	}
	kekOf, forget, err := a.kekMaker(ctx, from)
	if err != nil {
		return nil, audit.Position{}, err
	}
	defer forget()
	for _, slot := range slots {
		keys, known, err := openAudit(slot, kekOf, l)
		if !isWrong(err) {
			return keys, known, err
		}
	}
	return nil, audit.Position{}, failed("WRONG_PASSPHRASE", "wrong passphrase for slot %d", slots[0].ID)
}

func openAudit(slot vault.Slot, kekOf kekMaker, l vault.AuditLog) (*operator.AuditKeys, audit.Position, error) {
	kek, err := kekOf(slot)
	if err != nil {
		return nil, audit.Position{}, err
	}
	defer kek.Wipe()
	keys, known, err := operator.OpenAudit(kek, slot.ID, l)
	if err != nil && !isWrong(err) {
		err = failed("TAMPERED", "%v", err)
	}
	return keys, known, err
}
