package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// Panic stops everything. A proof that no proof can be is as good as none: it keeps
// nothing from being stopped.
func (a *admin) Panic(ctx context.Context, r *pb.PanicRequest) (*pb.PanicResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	proof, err := toProof(r.GetProof())
	if err != nil {
		proof = vault.Proof{}
	}
	s := a.vault.Panic(ctx, by, vault.Panic{CancelAll: r.GetCancelAll()}, proof)
	return &pb.PanicResponse{
		Already: s.Already, Requests: fromSigned(s.Requests), Unburnt: fromUnburnt(s.Unburnt),
		Forgetful: s.Forgetful, Refused: s.Refused,
	}, nil
}

// SetPanic says whether Panic may cancel all orders without a proof.
func (a *admin) SetPanic(ctx context.Context, r *pb.SetPanicRequest) (*pb.SetPanicResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.SetPanic(ctx, by, vault.SetPanic{CancelAll: r.GetCancelAll()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.SetPanicResponse{Revision: revision}, nil
}

func fromSigned(list []vault.SignedRequest) []*pb.SignedRequest {
	signed := make([]*pb.SignedRequest, 0, len(list))
	for _, r := range list {
		signed = append(signed, &pb.SignedRequest{
			Label: r.Label, Version: r.Version, Path: r.Path, Body: r.Body, ApiKey: r.Signature.APIKey,
			RequestNonce: r.Signature.RequestNonce, Signature: string(r.Signature.Hex[:]), AuditSeq: r.Signature.AuditSeq,
		})
	}
	return signed
}

func fromUnburnt(list []vault.Unburnt) []*pb.Unburnt {
	unburnt := make([]*pb.Unburnt, 0, len(list))
	for _, u := range list {
		unburnt = append(unburnt, &pb.Unburnt{Label: u.Label, Version: u.Version, Reason: u.Reason})
	}
	return unburnt
}
