package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// AddSlot adds a key slot.
func (a *admin) AddSlot(ctx context.Context, r *pb.AddSlotRequest) (*pb.AddSlotResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	request := vault.AddSlot{Slot: vault.KeySlot{Kind: r.GetKind()}, By: r.GetBy()}
	if request.Slot.Params, err = toParams(r.GetParams()); err != nil {
		return nil, err
	}
	if len(r.GetSalt()) > 0 {
		if request.Slot.Salt, err = toSalt(r.GetSalt()); err != nil {
			return nil, err
		}
	}
	if request.KEKs, err = toSealed(r.GetKeks()); err != nil {
		return nil, err
	}
	id, revision, err := a.vault.AddSlot(ctx, by, request)
	if err != nil {
		return nil, err
	}
	return &pb.AddSlotResponse{Slot: id, Revision: revision}, nil
}

// ReplaceSlot puts a new slot in the place of one.
func (a *admin) ReplaceSlot(ctx context.Context, r *pb.ReplaceSlotRequest) (*pb.ReplaceSlotResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	request := vault.ReplaceSlot{ID: r.GetSlot(), By: r.GetBy()}
	if request.Params, err = toParams(r.GetParams()); err != nil {
		return nil, err
	}
	if request.Salt, err = toSalt(r.GetSalt()); err != nil {
		return nil, err
	}
	if request.KEKs, err = toSealed(r.GetKeks()); err != nil {
		return nil, err
	}
	id, revision, err := a.vault.ReplaceSlot(ctx, by, request)
	if err != nil {
		return nil, err
	}
	return &pb.ReplaceSlotResponse{Slot: id, Revision: revision}, nil
}

// RemoveSlot removes a key slot.
func (a *admin) RemoveSlot(ctx context.Context, r *pb.RemoveSlotRequest) (*pb.RemoveSlotResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.RemoveSlot(ctx, by, vault.RemoveSlot{ID: r.GetSlot()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.RemoveSlotResponse{Revision: revision}, nil
}

// RotateDataKey seals everything under a new data key.
func (a *admin) RotateDataKey(ctx context.Context, r *pb.RotateDataKeyRequest) (*pb.RotateDataKeyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.RotateDataKey(ctx, by, vault.RotateDataKey{}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.RotateDataKeyResponse{Revision: revision}, nil
}
