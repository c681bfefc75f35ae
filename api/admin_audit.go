package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
)

// ShowAudit says where the audit log is.
func (a *admin) ShowAudit(context.Context, *pb.ShowAuditRequest) (*pb.ShowAuditResponse, error) {
	l, err := a.vault.AuditLog()
	if err != nil {
		return nil, err
	}
	response := &pb.ShowAuditResponse{
		Dir: l.Dir, VaultId: l.VaultID[:], Seq: l.Synced.Seq, Head: l.Synced.Head[:], Known: l.Head, Problem: l.Problem,
	}
	for _, k := range l.Keys {
		response.Keys = append(response.Keys, &pb.AuditKey{Slot: k.Slot, SlotBytes: k.SlotBytes, Wrapped: k.Wrapped})
	}
	return response, nil
}
