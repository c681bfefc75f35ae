package api

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"google.golang.org/grpc"

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
	return s.signRest(caller, r)
}

func (s *signer) signRest(caller vault.Caller, r *pb.SignRestRequest) (*pb.SignRestResponse, error) {
	signed, err := s.vault.Sign(caller, vault.SignRequest{Label: r.GetLabel(), Path: r.GetPath(), Body: r.GetBody(), Bot: r.GetBot()})
	if err != nil {
		return nil, err
	}
	return &pb.SignRestResponse{
		ApiKey: signed.APIKey, RequestNonce: signed.RequestNonce,
		Signature: string(signed.Hex[:]), KeyVersion: signed.KeyVersion, AuditSeq: signed.AuditSeq,
	}, nil
}

// SignRestV1 signs a REST v1 request.
func (s *signer) SignRestV1(ctx context.Context, r *pb.SignRestV1Request) (*pb.SignRestV1Response, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	return s.signRestV1(caller, r)
}

func (s *signer) signRestV1(caller vault.Caller, r *pb.SignRestV1Request) (*pb.SignRestV1Response, error) {
	signed, payload, err := s.vault.SignV1(caller, vault.SignRequest{Label: r.GetLabel(), Path: r.GetPath(), Body: r.GetParams(), Bot: r.GetBot()})
	if err != nil {
		return nil, err
	}
	return &pb.SignRestV1Response{
		ApiKey: signed.APIKey, RequestNonce: signed.RequestNonce, Payload: payload,
		Signature: string(signed.Hex[:]), KeyVersion: signed.KeyVersion, AuditSeq: signed.AuditSeq,
	}, nil
}

// SignStream signs requests until the caller ends the stream. Replies come in the
// order of the requests, each with its id. The caller is looked at anew for each.
func (s *signer) SignStream(stream grpc.BidiStreamingServer[pb.SignStreamRequest, pb.SignStreamResponse]) error {
	var request pb.SignStreamRequest
	for {
		request.Reset()
		if err := stream.RecvMsg(&request); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		caller, err := callerOf(stream.Context())
		if err != nil {
			return err
		}
		if err := stream.Send(s.answer(caller, &request)); err != nil {
			return err
		}
	}
}

func (s *signer) answer(caller vault.Caller, r *pb.SignStreamRequest) *pb.SignStreamResponse {
	response := &pb.SignStreamResponse{Id: r.GetId()}
	var err error
	switch r.GetRequest().(type) {
	case *pb.SignStreamRequest_Rest:
		var signed *pb.SignRestResponse
		if signed, err = s.signRest(caller, r.GetRest()); err == nil {
			response.Result = &pb.SignStreamResponse_Rest{Rest: signed}
		}
	case *pb.SignStreamRequest_RestV1:
		var signed *pb.SignRestV1Response
		if signed, err = s.signRestV1(caller, r.GetRestV1()); err == nil {
			response.Result = &pb.SignStreamResponse_RestV1{RestV1: signed}
		}
	default:
		err = invalid("request", "a stream request is rest or rest_v1")
	}
	if err != nil {
		response.Result = &pb.SignStreamResponse_Error{Error: toStatus(s.log, err).Proto()}
	}
	return response
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
