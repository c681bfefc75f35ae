package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// AddBot registers a program.
func (a *admin) AddBot(ctx context.Context, r *pb.AddBotRequest) (*pb.AddBotResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	matches, err := toMatches(r.GetMatches())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.AddBot(ctx, by, vault.AddBot{Name: r.GetName(), Match: matches, Role: r.GetRole()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.AddBotResponse{Revision: revision}, nil
}

// ListBots lists the bots.
func (a *admin) ListBots(_ context.Context, r *pb.ListBotsRequest) (*pb.ListBotsResponse, error) {
	bots, err := a.vault.Bots(r.GetRemoved())
	if err != nil {
		return nil, err
	}
	response := &pb.ListBotsResponse{}
	for _, b := range bots {
		response.Bots = append(response.Bots, fromBot(b))
	}
	return response, nil
}

// ShowBot shows one bot.
func (a *admin) ShowBot(_ context.Context, r *pb.ShowBotRequest) (*pb.ShowBotResponse, error) {
	bot, err := a.vault.Bot(r.GetName())
	if err != nil {
		return nil, err
	}
	return &pb.ShowBotResponse{Bot: fromBot(bot)}, nil
}

// RemoveBot removes a bot and its grants.
func (a *admin) RemoveBot(ctx context.Context, r *pb.RemoveBotRequest) (*pb.RemoveBotResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.RemoveBot(ctx, by, r.GetName())
	if err != nil {
		return nil, err
	}
	return &pb.RemoveBotResponse{Revision: revision}, nil
}

// EnableBot ends the suspension of a bot.
func (a *admin) EnableBot(ctx context.Context, r *pb.EnableBotRequest) (*pb.EnableBotResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.EnableBot(ctx, by, vault.EnableBot{Name: r.GetName()}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.EnableBotResponse{Revision: revision}, nil
}

// SetGrant gives a bot the use of an API key.
func (a *admin) SetGrant(ctx context.Context, r *pb.SetGrantRequest) (*pb.SetGrantResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	spec, err := vault.ParseGrant([]byte(r.GetSpec()))
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.SetGrant(ctx, by, vault.SetGrant{Bot: r.GetBot(), Grant: spec}, proof)
	if err != nil {
		return nil, err
	}
	return &pb.SetGrantResponse{Revision: revision}, nil
}

// RevokeGrant takes a grant away.
func (a *admin) RevokeGrant(ctx context.Context, r *pb.RevokeGrantRequest) (*pb.RevokeGrantResponse, error) {
	by, err := operatorOf(ctx)
	if err != nil {
		return nil, err
	}
	revision, err := a.vault.RevokeGrant(ctx, by, r.GetBot(), r.GetLabel())
	if err != nil {
		return nil, err
	}
	return &pb.RevokeGrantResponse{Revision: revision}, nil
}
