package api

import (
	"context"
	"time"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/release"
)

// admin serves AdminService.
type admin struct {
	pb.UnimplementedAdminServiceServer
	vault *vault.Vault
}

// Status answers in every state.
func (a *admin) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	s := a.vault.Status()
	response := &pb.StatusResponse{
		State: string(s.State), Version: release.Version, VaultId: s.VaultID, Problem: s.Problem,
		Keys: uint32(s.Keys), Bots: uint32(s.Bots), Grants: uint32(s.Grants),
		Since: s.Since, Memory: s.Memory, Alerts: s.Alerts, Revision: s.Revision,
		AuditProblem: s.AuditProblem, AuditSeq: s.Synced.Seq, AuditHead: s.Synced.Head[:],
		Setup:    fromSetup(s.Setup),
		IdleLock: seconds(s.AutoLock.Idle), MaxUnlock: seconds(s.AutoLock.Max), LocksAt: s.Locks,
		LockedAt: s.LockedAt, LockedBy: string(s.LockedBy),
		PanicCancelAll: s.PanicCancels,
	}
	for _, alert := range s.Recent {
		response.Recent = append(response.Recent, &pb.Alert{Time: alert.Time, Name: alert.Name, Detail: alert.Detail})
	}
	return response, nil
}

// seconds are those of a setting, of less than a lifetime.
func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

// ListSlots lists the key slots, locked or not.
func (a *admin) ListSlots(context.Context, *pb.ListSlotsRequest) (*pb.ListSlotsResponse, error) {
	id, slots, err := a.vault.Slots()
	if err != nil {
		return nil, err
	}
	response := &pb.ListSlotsResponse{VaultId: id[:]}
	for _, s := range slots {
		response.Slots = append(response.Slots, fromSlot(s))
	}
	return response, nil
}

// BeginSealed makes a one-shot key.
func (a *admin) BeginSealed(ctx context.Context, _ *pb.BeginSealedRequest) (*pb.BeginSealedResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	id, public, err := a.vault.BeginSealed(by)
	if err != nil {
		return nil, err
	}
	return &pb.BeginSealedResponse{Id: id, PublicKey: public[:]}, nil
}

// BeginProof makes a one-shot challenge.
func (a *admin) BeginProof(ctx context.Context, _ *pb.BeginProofRequest) (*pb.BeginProofResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	id, challenge, err := a.vault.BeginProof(by)
	if err != nil {
		return nil, err
	}
	return &pb.BeginProofResponse{Id: id, Challenge: challenge[:]}, nil
}

// Init makes the vault.
func (a *admin) Init(ctx context.Context, r *pb.InitRequest) (*pb.InitResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	var request vault.Init
	if request.Params, err = toParams(r.GetParams()); err != nil {
		return nil, err
	}
	if request.Salt, err = toSalt(r.GetSalt()); err != nil {
		return nil, err
	}
	if request.KEK, err = toSealed(r.GetKek()); err != nil {
		return nil, err
	}
	opened, err := a.vault.Init(by, request)
	if err != nil {
		return nil, err
	}
	return &pb.InitResponse{VaultId: opened.VaultID[:], Revision: opened.Revision}, nil
}

// Unlock opens the vault.
func (a *admin) Unlock(ctx context.Context, r *pb.UnlockRequest) (*pb.UnlockResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	request := vault.Unlock{Slot: r.GetSlot(), SeenRevision: r.GetSeenRevision(), AcceptRollback: r.GetAcceptRollback(), AcceptConfig: r.GetAcceptConfig()}
	if request.KEK, err = toSealed(r.GetKek()); err != nil {
		return nil, err
	}
	opened, err := a.vault.Unlock(ctx, by, request)
	if err != nil {
		return nil, err
	}
	return &pb.UnlockResponse{Already: opened.Already, Revision: opened.Revision, Held: opened.Held}, nil
}

// Lock wipes all key material.
func (a *admin) Lock(ctx context.Context, r *pb.LockRequest) (*pb.LockResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	if r.GetBurn() {
		s := a.vault.LockAndBurn(by)
		return &pb.LockResponse{Already: s.Already, Burns: fromSigned(s.Requests), Unburnt: fromUnburnt(s.Unburnt)}, nil
	}
	return &pb.LockResponse{Already: a.vault.LockFor(vault.CauseOperator, by)}, nil
}

// ShowNonce says where the request nonces of an API key stand.
func (a *admin) ShowNonce(_ context.Context, r *pb.ShowNonceRequest) (*pb.ShowNonceResponse, error) {
	n, err := a.vault.ShowNonce(r.GetLabel())
	if err != nil {
		return nil, err
	}
	return &pb.ShowNonceResponse{Label: n.Label, Version: n.Version, Last: n.Last, Mark: n.Mark, Held: n.Held}, nil
}

// AcceptNonce takes the wall clock for an API key.
func (a *admin) AcceptNonce(ctx context.Context, r *pb.AcceptNonceRequest) (*pb.AcceptNonceResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.AcceptNonce(ctx, by, vault.AcceptNonce{Label: r.GetLabel()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.AcceptNonceResponse{Revision: revision}, nil
}

// proven reads what every widening operation comes with.
func proven(ctx context.Context, p *pb.Proof) (vault.Operator, vault.Proof, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return vault.Operator{}, vault.Proof{}, err
	}
	proof, err := toProof(p)
	return by, proof, err
}
