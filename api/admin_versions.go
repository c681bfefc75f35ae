package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// RotateKey stages a new version of an API key.
func (a *admin) RotateKey(ctx context.Context, r *pb.RotateKeyRequest) (*pb.RotateKeyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	request := vault.RotateKey{Label: r.GetLabel(), APIKey: r.GetApiKey()}
	if request.Secret, err = toSealed(r.GetSecret()); err != nil {
		return nil, err
	}
	version, revision, err := a.vault.RotateKey(ctx, by, request, proof)
	if err != nil {
		return nil, err
	}
	return &pb.RotateKeyResponse{Version: version, Revision: revision}, nil
}

// SignProbe signs one read of what a version of an API key may do.
func (a *admin) SignProbe(ctx context.Context, r *pb.SignProbeRequest) (*pb.SignProbeResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := a.vault.SignProbe(by, r.GetLabel(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	return &pb.SignProbeResponse{Request: fromSigned([]vault.SignedRequest{signed})[0]}, nil
}

// PromoteKey makes a version of an API key the active one.
func (a *admin) PromoteKey(ctx context.Context, r *pb.PromoteKeyRequest) (*pb.PromoteKeyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	request := vault.PromoteKey{Label: r.GetLabel(), Version: r.GetVersion(), Grace: r.GetGrace()}
	done, err := a.vault.PromoteKey(ctx, by, request, proof)
	if err != nil {
		return nil, err
	}
	return &pb.PromoteKeyResponse{
		Version: done.Version, Before: done.Before, Verified: done.Verified, Revision: done.Revision,
	}, nil
}
