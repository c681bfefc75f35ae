package vault

import (
	"fmt"
	"os"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/store"
)

// AuditLog is where the audit log is, and what a passphrase verifies it with. All of it
// may be shown to anybody who may try a passphrase.
type AuditLog struct {
	Dir     string
	VaultID [16]byte
	// Synced is the newest record that is on disk; zero where no daemon runs.
	Synced audit.Position
	Keys   []AuditKey
	// Head is the newest record that the vault file knows, sealed; empty before there is one.
	Head []byte
	// Problem says why nothing can be written; empty where it can.
	Problem string
}

// AuditKey is the audit key as one slot wraps it, with the slot.
type AuditKey struct {
	Slot      uint32
	SlotBytes []byte // as they stand in the file
	Wrapped   []byte
}

// AuditLog says where the audit log is. It answers while locked. Errors:
// KindUninitialised, KindTampered, KindCannotWrite.
func (v *Vault) AuditLog() (AuditLog, error) {
	const op = "audit show"
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != nil {
		return AuditLog{}, v.fault.during(op)
	}
	f, err := readFile(op, v.store)
	if err != nil {
		return AuditLog{}, err
	}
	list, err := f.auditLog(op)
	list.Dir, list.Synced = v.audit.options.Dir, v.audit.synced()
	list.Problem = v.audit.problem()
	return list, err
}

// ReadAuditLog is AuditLog for a vault file that no daemon has open. A missing file is
// an error of package fs.
func ReadAuditLog(path string) (AuditLog, error) {
	const op = "audit show"
	if _, err := os.Lstat(path); err != nil {
		return AuditLog{}, err // or Open would make one
	}
	s, err := store.Open(path)
	if err != nil {
		return AuditLog{}, storeError(op, err)
	}
	defer s.Close()
	f, err := readFile(op, s)
	if err != nil {
		return AuditLog{}, err
	}
	list, err := f.auditLog(op)
	list.Dir = auditDir(path)
	return list, err
}

func (f *file) auditLog(op string) (AuditLog, error) {
	list := AuditLog{VaultID: f.id}
	if f.revision == 0 {
		return list, fail(op, KindUninitialised, "there is no vault yet").hint("vaultctl init")
	}
	list.Head = f.raw[place{store.Audit, auditHead}]
	for _, id := range sortedKeys(f.slots) {
		key := slotKey(id)
		list.Keys = append(list.Keys, AuditKey{
			Slot: id, SlotBytes: f.raw[place{store.Slots, key}], Wrapped: f.raw[place{store.Audit, key}],
		})
	}
	return list, nil
}

// HeadPlace is the place that Head is sealed at.
func (l *AuditLog) HeadPlace() envelope.Place {
	return envelope.Place{Vault: l.VaultID, Bucket: store.Audit, Key: []byte(auditHead)}
}

// ParseAuditHead reads Head, opened.
func ParseAuditHead(plain []byte) (audit.Position, error) {
	p, err := parsePosition(plain)
	if err != nil {
		return p, fmt.Errorf("the vault file's knowledge of the audit log is malformed: %w", err)
	}
	return p, nil
}
