package api

import (
	"context"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// AddKey stores an API key.
func (a *admin) AddKey(ctx context.Context, r *pb.AddKeyRequest) (*pb.AddKeyResponse, error) {
	by, proof, err := proven(ctx, r.GetProof())
	if err != nil {
		return nil, err
	}
	request := vault.AddKey{Label: r.GetLabel(), APIKey: r.GetApiKey()}
	if request.Permissions, err = toClasses("permissions", r.GetPermissions()); err != nil {
		return nil, err
	}
	if request.Secret, err = toSealed(r.GetSecret()); err != nil {
		return nil, err
	}
	revision, err := a.vault.AddKey(ctx, by, request, proof)
	if err != nil {
		return nil, err
	}
	return &pb.AddKeyResponse{Version: 1, Revision: revision}, nil
}

// ListKeys lists the API keys.
func (a *admin) ListKeys(context.Context, *pb.ListKeysRequest) (*pb.ListKeysResponse, error) {
	keys, err := a.vault.Keys()
	if err != nil {
		return nil, err
	}
	response := &pb.ListKeysResponse{}
	for _, k := range keys {
		response.Keys = append(response.Keys, fromKey(k))
	}
	return response, nil
}

// ShowKey shows one API key.
func (a *admin) ShowKey(_ context.Context, r *pb.ShowKeyRequest) (*pb.ShowKeyResponse, error) {
	key, err := a.vault.Key(r.GetLabel())
	if err != nil {
		return nil, err
	}
	return &pb.ShowKeyResponse{Key: fromKey(key)}, nil
}
