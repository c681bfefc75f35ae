package vault

import (
	"bfxvault/vault/internal/limits"
	"bfxvault/vault/policy"
)

// MaxReported is how many orders one answer names at most: those of the largest order
// multi, each with the stop of an OCO.
const MaxReported = 2 * policy.MaxOps

// PlacedOrder is an order as Bitfinex's answer names it.
type PlacedOrder = limits.Reported

// ReportOrder notes which ids Bitfinex has given to the orders of a request that was signed
// with a stand-in credential, whose record is seq: updates by them can be judged then, as
// of what was signed (A35). It returns of how many. Who reports is believed, so only
// vaultproxy may. Errors: KindLocked, KindNoGrant, KindMalformed.
func (v *Vault) ReportOrder(c Caller, standIn string, seq uint64, orders []PlacedOrder) (known int, err error) {
	const op = "report order"
	u, err := v.unlocked(op)
	if err != nil {
		return 0, v.veil(err)
	}
	s := u.snapshot.Load()
	if !s.isProxy(c, func(b *bot) bool { return b.role == policy.RoleProxySameUID || s.isAlone(c.UID) }) {
		return 0, fail(op, KindNoGrant, "only vaultproxy may report orders, under a user that no bot has").
			hint("the operator runs: vaultctl bot add vaultproxy --uid %d --role proxy", c.UID)
	}
	if len(orders) == 0 || len(orders) > MaxReported {
		return 0, fail(op, KindMalformed, "an answer names 1 to %d orders", MaxReported)
	}
	si := s.standIns[standIn]
	if si == nil || s.keys[si.record.Label] == nil {
		return 0, nil // it has gone meanwhile
	}
	k := s.keys[si.record.Label]
	return k.orders.Report(seq, orders, nowOf(k.clock)), nil
}

// isAlone says whether no bot but vaultproxy is of a uid, by a match or by a stand-in
// credential.
func (s *snapshot) isAlone(uid uint32) bool {
	for _, b := range s.byUID[uid] {
		if !policy.IsProxy(b.role) {
			return false
		}
	}
	for _, si := range s.standIns {
		if si.record.UID != nil && *si.record.UID == uid && isGood(&si.record) {
			return false
		}
	}
	return true
}
