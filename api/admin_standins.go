package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// IssueStandIn gives a bot a stand-in credential, or brings one back.
func (a *admin) IssueStandIn(ctx context.Context, r *pb.IssueStandInRequest) (*pb.IssueStandInResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	request := vault.IssueStandIn{Bot: r.GetBot(), Label: r.GetLabel(), ID: r.GetId(), UID: r.Uid, Expires: r.GetExpires()}
	if r.GetSecret() != nil {
		if request.Secret, err = toSealed(r.GetSecret()); err != nil {
			return nil, err
		}
	}
	revision, err := a.vault.IssueStandIn(ctx, by, request, proof)
	if err != nil {
		return nil, err
	}
	return &pb.IssueStandInResponse{Revision: revision}, nil
}

// ListStandIns lists the stand-in credentials of a bot, or of all.
func (a *admin) ListStandIns(_ context.Context, r *pb.ListStandInsRequest) (*pb.ListStandInsResponse, error) {
	list, err := a.vault.StandIns(r.GetBot())
	if err != nil {
		return nil, err
	}
	response := &pb.ListStandInsResponse{}
	for _, s := range list {
		response.StandIns = append(response.StandIns, &pb.IssuedStandIn{
			Id: s.ID, Bot: s.Bot, Label: s.Label, Uid: s.UID, Created: s.Created, Expires: s.Expires,
			LastUsed: s.LastUsed, Recalled: s.Recalled, Suspended: s.Suspended,
		})
	}
	return response, nil
}

// RecallStandIn ends a stand-in credential at once.
func (a *admin) RecallStandIn(ctx context.Context, r *pb.RecallStandInRequest) (*pb.RecallStandInResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.RecallStandIn(ctx, by, r.GetBot(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &pb.RecallStandInResponse{Revision: revision}, nil
}
