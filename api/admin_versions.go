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

// NoteVerified notes what Bitfinex answered to a probe.
func (a *admin) NoteVerified(ctx context.Context, r *pb.NoteVerifiedRequest) (*pb.NoteVerifiedResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	request := vault.NoteVerified{Label: r.GetLabel(), Version: r.GetVersion()}
	for _, scope := range r.GetScopes() {
		request.Scopes = append(request.Scopes, vault.Scope{Name: scope.GetName(), Read: scope.GetRead(), Write: scope.GetWrite()})
	}
	revision, err := a.vault.NoteVerified(ctx, by, request)
	if err != nil {
		return nil, err
	}
	return &pb.NoteVerifiedResponse{Revision: revision}, nil
}

// RetireKey lets a version end after a grace time.
func (a *admin) RetireKey(ctx context.Context, r *pb.RetireKeyRequest) (*pb.RetireKeyResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	version, revision, err := a.vault.RetireKey(ctx, by, vault.RetireKey{Label: r.GetLabel(), Version: r.GetVersion(), Grace: r.GetGrace()})
	if err != nil {
		return nil, err
	}
	return &pb.RetireKeyResponse{Version: version, Revision: revision}, nil
}

// RevokeKey ends versions at once.
func (a *admin) RevokeKey(ctx context.Context, r *pb.RevokeKeyRequest) (*pb.RevokeKeyResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	done, err := a.vault.RevokeKey(ctx, by, vault.RevokeKey{Label: r.GetLabel(), Version: r.GetVersion()})
	if err != nil {
		return nil, err
	}
	answer := &pb.RevokeKeyResponse{Revision: done.Revision, Burns: fromSigned(done.Burns), Unburnt: fromUnburnt(done.Unburnt)}
	if done.Unrecorded != nil {
		answer.Unrecorded = done.Unrecorded.Error()
	}
	return answer, nil
}

// PurgeKey removes the secrets of versions that have ended.
func (a *admin) PurgeKey(ctx context.Context, r *pb.PurgeKeyRequest) (*pb.PurgeKeyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	done, err := a.vault.PurgeKey(ctx, by, vault.PurgeKey{Label: r.GetLabel(), Version: r.GetVersion()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.PurgeKeyResponse{Versions: done.Versions, Gone: done.Gone, Revision: done.Revision}, nil
}
