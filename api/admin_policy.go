package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// ShowPolicy returns all bots with their grants.
func (a *admin) ShowPolicy(context.Context, *pb.ShowPolicyRequest) (*pb.ShowPolicyResponse, error) {
	bots, err := a.vault.Policy()
	if err != nil {
		return nil, err
	}
	suspended, err := a.vault.Suspended()
	if err != nil {
		return nil, err
	}
	return &pb.ShowPolicyResponse{Policy: string(vault.PolicyText(bots)), Suspended: suspended}, nil
}

// ApplyPolicy puts bots and grants in place of all that there are.
func (a *admin) ApplyPolicy(ctx context.Context, r *pb.ApplyPolicyRequest) (*pb.ApplyPolicyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	bots, err := vault.ParsePolicy([]byte(r.GetPolicy()))
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.ApplyPolicy(ctx, by, vault.ApplyPolicy{Bots: bots, Merge: r.GetMerge()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.ApplyPolicyResponse{Revision: revision}, nil
}
