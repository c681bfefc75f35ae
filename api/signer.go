package api

import (
	"context"
	"log/slog"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// signer serves SignerService.
type signer struct {
	pb.UnimplementedSignerServiceServer
	vault *vault.Vault
	log   *slog.Logger
}

// SignRest signs a REST v2 request.
func (s *signer) SignRest(ctx context.Context, r *pb.SignRestRequest) (*pb.SignRestResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := s.vault.Sign(caller, fromRest(r))
	if err != nil {
		return nil, err
	}
	return toRest(signed), nil
}

func fromRest(r *pb.SignRestRequest) vault.SignRequest {
	return vault.SignRequest{Label: r.GetLabel(), Path: r.GetPath(), Body: r.GetBody(), Bot: r.GetBot(), StandIn: fromStandIn(r.GetStandIn(), "")}
}

func fromStandIn(s *pb.StandIn, payload string) *vault.StandInProof {
	switch {
	case s == nil && payload == "":
		return nil
	case s == nil: // a payload alone is of no credential that there is
		return &vault.StandInProof{Payload: payload}
	}
	return &vault.StandInProof{
		ID: s.GetId(), Nonce: s.GetNonce(), Signature: s.GetSignature(), UID: s.Uid, Retries: s.GetRetries(), Payload: payload,
	}
}

func toRest(signed vault.Signature) *pb.SignRestResponse {
	return &pb.SignRestResponse{
		ApiKey: signed.APIKey, RequestNonce: signed.RequestNonce,
		Signature: string(signed.Hex[:]), KeyVersion: signed.KeyVersion, AuditSeq: signed.AuditSeq,
	}
}

// SignRestV1 signs a REST v1 request.
func (s *signer) SignRestV1(ctx context.Context, r *pb.SignRestV1Request) (*pb.SignRestV1Response, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	signed, payload, err := s.vault.SignV1(caller, fromRestV1(r))
	if err != nil {
		return nil, err
	}
	return toRestV1(signed, payload), nil
}

func fromRestV1(r *pb.SignRestV1Request) vault.SignRequest {
	return vault.SignRequest{Label: r.GetLabel(), Path: r.GetPath(), Body: r.GetParams(), Bot: r.GetBot(), StandIn: fromStandIn(r.GetStandIn(), r.GetPayload())}
}

func toRestV1(signed vault.Signature, payload string) *pb.SignRestV1Response {
	return &pb.SignRestV1Response{
		ApiKey: signed.APIKey, RequestNonce: signed.RequestNonce, Payload: payload,
		Signature: string(signed.Hex[:]), KeyVersion: signed.KeyVersion, AuditSeq: signed.AuditSeq,
	}
}

// ReportOrder notes which ids Bitfinex has given to orders.
func (s *signer) ReportOrder(ctx context.Context, r *pb.ReportOrderRequest) (*pb.ReportOrderResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	orders := make([]vault.PlacedOrder, 0, len(r.GetOrders()))
	for _, o := range r.GetOrders() {
		orders = append(orders, vault.PlacedOrder{ID: o.GetId(), CID: o.GetCid(), Symbol: o.GetSymbol()})
	}
	known, err := s.vault.ReportOrder(caller, r.GetStandIn(), r.GetAuditSeq(), orders)
	if err != nil {
		return nil, err
	}
	return &pb.ReportOrderResponse{Known: uint32(known)}, nil
}

// WhoAmI says how the vault knows the caller.
func (s *signer) WhoAmI(ctx context.Context, _ *pb.WhoAmIRequest) (*pb.WhoAmIResponse, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	self, err := s.vault.WhoAmI(caller)
	if err != nil {
		return nil, err
	}
	response := &pb.WhoAmIResponse{Uid: caller.UID, Gid: caller.GID, Unit: self.Unit, Exe: self.Exe}
	for _, b := range self.Bots {
		response.Bots = append(response.Bots, fromBotGrants(b))
	}
	return response, nil
}
