package vault

import (
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/internal/store"
)

// persistSpent writes down what grants are about to spend and which orders were
// signed. It is the commit of the ledger.
func (v *Vault) persistSpent(u *unlocked, records []limits.Record) error {
	const op = "sign"
	v.mu.Lock()
	defer v.mu.Unlock()
	// While a lock drains nothing is current, and nothing else has read the file; once it
	// has wiped the key material, nothing can be sealed.
	if now := v.current.Load(); now != nil && now != u {
		return lockedError(op)
	}
	changes := make([]change, 0, len(records))
	for _, r := range records {
		if r.Ended() {
			continue
		}
		bucket := store.Limits
		if r.Bucket == limits.InOrders {
			bucket = store.Orders
		}
		c := sealedChange(bucket, r.Key, r.Value)
		c.remove = r.Value == nil
		changes = append(changes, c)
	}
	return v.commitMu(op, u, changes...)
}
