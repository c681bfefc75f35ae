package api

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// inFlight is how many requests of a stream may wait for their records. Those that do
// share a write.
const inFlight = 64

// SignStream signs requests until the caller ends the stream. Replies come in the
// order of the requests, each with its id. The caller is looked at anew for each.
func (s *signer) SignStream(stream grpc.BidiStreamingServer[pb.SignStreamRequest, pb.SignStreamResponse]) error {
	answers := make(chan answer, inFlight)
	sent := make(chan error, 1)
	go func() { sent <- s.sendAnswers(stream, answers) }()
	err := s.receive(stream, answers)
	close(answers)
	return errors.Join(err, <-sent)
}

// receive begins to sign what comes in.
func (s *signer) receive(stream grpc.BidiStreamingServer[pb.SignStreamRequest, pb.SignStreamResponse], answers chan<- answer) error {
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
		answers <- s.begin(caller, &request)
	}
}

// answer is the reply to one request, or what there is of it.
type answer struct {
	id      uint64
	v1      bool
	pending vault.Pending
	err     error
}

func (s *signer) begin(caller vault.Caller, r *pb.SignStreamRequest) answer {
	a := answer{id: r.GetId()}
	switch r.GetRequest().(type) {
	case *pb.SignStreamRequest_Rest:
		a.pending, a.err = s.vault.Begin(caller, fromRest(r.GetRest()))
	case *pb.SignStreamRequest_RestV1:
		a.v1 = true
		a.pending, a.err = s.vault.BeginV1(caller, fromRestV1(r.GetRestV1()))
	default:
		a.err = invalid("request", "a stream request is rest or rest_v1")
	}
	return a
}

// sendAnswers sends what has its record, until answers is closed. After an error it
// waits for that and sends no more.
func (s *signer) sendAnswers(stream grpc.BidiStreamingServer[pb.SignStreamRequest, pb.SignStreamResponse], answers <-chan answer) (err error) {
	guard := &interceptor{vault: s.vault, log: s.log}
	defer func() {
		for range answers { // whoever receives must not wait for ever
		}
	}()
	defer guard.rescue(&err)
	for a := range answers {
		if err := stream.Send(s.finish(&a)); err != nil {
			return err
		}
	}
	return nil
}

func (s *signer) finish(a *answer) *pb.SignStreamResponse {
	response := &pb.SignStreamResponse{Id: a.id}
	var signed vault.Signature
	err := a.err
	if err == nil {
		signed, err = a.pending.Wait()
	}
	switch {
	case err != nil:
		response.Result = &pb.SignStreamResponse_Error{Error: toStatus(s.log, err).Proto()}
	case a.v1:
		response.Result = &pb.SignStreamResponse_RestV1{RestV1: toRestV1(signed, a.pending.Payload)}
	default:
		response.Result = &pb.SignStreamResponse_Rest{Rest: toRest(signed)}
	}
	return response
}
